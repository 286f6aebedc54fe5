#pragma once

#include <map>
#include <string>

#include "base/task.h"
#include "net/client.h"
#include "net/http.h"
#include "services/apigateway/model.h"

namespace cumulet::apigateway {

/// Passes a request on to the HTTP endpoint of an HTTP_PROXY integration and its answer back. `{name}` in the URI
/// becomes the path parameter of that name. An endpoint that cannot be reached gives 503, one that is too slow 504.
Task<net::Response> proxy_http(net::Client& client, const Integration& integration, std::string uri,
                               const std::map<std::string, std::string>& parameters, const net::Request& request,
                               std::string body);

}  // namespace cumulet::apigateway
