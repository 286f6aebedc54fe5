#include "services/apigateway/cors.h"

#include <algorithm>

#include "base/text.h"

namespace cumulet::apigateway {
namespace {

std::string list_of(const std::optional<std::vector<std::string>>& values) {
  return values ? join(*values, ",") : std::string();
}

}  // namespace

bool Cors::allows_origin(std::string_view origin) const {
  if (!configuration_->allow_origins) return false;
  const auto& allowed = *configuration_->allow_origins;
  return std::any_of(allowed.begin(), allowed.end(), [origin](const std::string& pattern) {
    if (pattern == "*" || iequals(pattern, origin)) return true;
    // "https://*" and "http://*": any origin of that scheme.
    return pattern.ends_with("://*") && origin.starts_with(pattern.substr(0, pattern.size() - 1));
  });
}

void Cors::add_origin(const net::Request& request, net::Response& response) const {
  const std::string_view origin = request.headers.get("origin");
  if (origin.empty() || !allows_origin(origin)) return;
  const auto& allowed = *configuration_->allow_origins;
  const bool any = std::find(allowed.begin(), allowed.end(), "*") != allowed.end();
  response.headers.set("access-control-allow-origin", any ? "*" : std::string(origin));
  if (!any) response.headers.add("vary", "Origin");
  if (configuration_->allow_credentials.value_or(false)) {
    response.headers.set("access-control-allow-credentials", "true");
  }
}

std::optional<net::Response> Cors::preflight(const net::Request& request) const {
  if (!configuration_ || request.method != "OPTIONS" || !request.headers.has("origin") ||
      !request.headers.has("access-control-request-method")) {
    return std::nullopt;
  }
  net::Response response(204);
  add_origin(request, response);
  if (!response.headers.has("access-control-allow-origin")) return response;
  const std::string methods = list_of(configuration_->allow_methods);
  const std::string headers = list_of(configuration_->allow_headers);
  if (!methods.empty()) {
    response.headers.set("access-control-allow-methods",
                         methods == "*" ? "DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT" : methods);
  }
  if (!headers.empty()) {
    const std::string asked(request.headers.get("access-control-request-headers"));
    response.headers.set("access-control-allow-headers", headers == "*" && !asked.empty() ? asked : headers);
  }
  if (configuration_->max_age) {
    response.headers.set("access-control-max-age", std::to_string(*configuration_->max_age));
  }
  return response;
}

void Cors::apply(const net::Request& request, net::Response& response) const {
  if (!configuration_) return;
  for (const char* name :
       {"access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-methods",
        "access-control-allow-headers", "access-control-expose-headers", "access-control-max-age"}) {
    response.headers.erase(name);
  }
  add_origin(request, response);
  const std::string exposed = list_of(configuration_->expose_headers);
  if (response.headers.has("access-control-allow-origin") && !exposed.empty()) {
    response.headers.set("access-control-expose-headers", exposed);
  }
}

}  // namespace cumulet::apigateway
