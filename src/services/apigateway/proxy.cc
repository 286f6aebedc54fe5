#include "services/apigateway/proxy.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace cumulet::apigateway {
namespace {

/// Headers that belong to one connection, and what the client sets itself.
constexpr std::array<std::string_view, 11> kNotPassedOn{"connection",          "keep-alive", "proxy-authenticate",
                                                        "proxy-authorization", "te",         "trailer",
                                                        "transfer-encoding",   "upgrade",    "host",
                                                        "content-length",      "expect"};

bool passed_on(std::string_view name) {
  return std::none_of(kNotPassedOn.begin(), kNotPassedOn.end(),
                      [name](std::string_view other) { return iequals(name, other); });
}

std::string fill_in(std::string uri, const std::map<std::string, std::string>& parameters) {
  for (const auto& [name, value] : parameters) {
    for (const std::string& mark : {"{" + name + "}", "{" + name + "+}"}) {
      const std::size_t at = uri.find(mark);
      if (at != std::string::npos) uri.replace(at, mark.size(), uri_encode(value, true));
    }
  }
  return uri;
}

}  // namespace

Task<net::Response> proxy_http(net::Client& client, const Integration& integration, std::string uri,
                               const std::map<std::string, std::string>& parameters, const net::Request& request,
                               std::string body) {
  net::Outbound outbound;
  const std::string method = integration.integration_method.value_or("ANY");
  outbound.method = method == "ANY" ? request.method : method;
  outbound.url = fill_in(std::move(uri), parameters);
  if (!request.query.empty()) {
    outbound.url += (outbound.url.find('?') == std::string::npos ? '?' : '&') + request.query;
  }
  for (const auto& [name, value] : request.headers) {
    if (passed_on(name)) outbound.headers.add(name, value);
  }
  outbound.headers.add("forwarded", "by=" + request.host + ";for=" + request.remote_address + ";host=" + request.host +
                                        ";proto=" + (request.secure ? "https" : "http"));
  outbound.body = std::move(body);
  outbound.timeout = std::chrono::milliseconds(integration.timeout_in_millis.value_or(30'000));
  Result<net::Inbound> inbound = co_await attempt(client.send(std::move(outbound)));
  if (!inbound.ok()) {
    const bool slow = inbound.error().http_status() == 504;
    co_return net::Response(slow ? 504 : 503, "application/json",
                            slow ? R"({"message":"Gateway Timeout"})" : R"({"message":"Service Unavailable"})");
  }
  net::Response response(inbound->status);
  for (const auto& [name, value] : inbound->headers) {
    if (passed_on(name)) response.headers.add(name, value);
  }
  response.body = std::move(inbound->body);
  co_return response;
}

}  // namespace cumulet::apigateway
