#pragma once

#include <optional>

#include "net/http.h"
#include "wire/generated/apigatewayv2.h"

namespace cumulet::apigateway {

/// An API's CORS configuration at work: it answers preflight requests itself, and replaces what the integration says of
/// CORS. Without a configuration it does nothing.
/// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html
class Cors {
 public:
  explicit Cors(const std::optional<wire::apigatewayv2::Cors>& configuration) : configuration_(configuration) {}

  /// The answer to a preflight request; nullopt when the request is none.
  std::optional<net::Response> preflight(const net::Request& request) const;
  void apply(const net::Request& request, net::Response& response) const;

 private:
  bool allows_origin(std::string_view origin) const;
  void add_origin(const net::Request& request, net::Response& response) const;

  const std::optional<wire::apigatewayv2::Cors>& configuration_;
};

}  // namespace cumulet::apigateway
