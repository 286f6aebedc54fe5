#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "net/http.h"

/// How an HTTP request becomes a function's event and its result an HTTP response: payload format 2.0 (HTTP APIs and
/// function URLs) and 1.0 (HTTP APIs).
/// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
namespace cumulet::events {

/// What the event says besides the request itself.
struct HttpEventContext {
  std::string account;
  std::string api_id;
  std::string domain_name;    ///< The host that was called.
  std::string domain_prefix;  ///< Its first label.
  std::string request_id;
  std::string route_key = "$default";
  std::string stage = "$default";
  std::string path;           ///< rawPath: still encoded, with the stage in front where it is named.
  std::string resource_path;  ///< 1.0 only: the route's path ("/posts/{id}").
  std::string authorizer;     ///< 2.0 only: who signed, as a JSON object; empty: nobody.
  std::map<std::string, std::string> path_parameters;
  std::map<std::string, std::string> stage_variables;
  Timestamp time;
};

/// The event of format 2.0 or 1.0. `body` is the request's whole body: text stays text, anything else becomes base64.
std::string http_event_v2(const net::Request& request, const std::string& body, const HttpEventContext& context);
std::string http_event_v1(const net::Request& request, const std::string& body, const HttpEventContext& context);

/// The response that a function's result asks for. In format 2.0 a result without `statusCode` is the body itself (200,
/// application/json). Fails (code "MalformedResponse", 502 for the caller to render) on a result that is no such thing.
Result<net::Response> http_response_v2(const std::string& payload);
Result<net::Response> http_response_v1(const std::string& payload);

}  // namespace cumulet::events
