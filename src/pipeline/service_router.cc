#include "pipeline/service_router.h"

#include "base/text.h"
#include "wire/virtual_host.h"

namespace cumulet::pipeline {
namespace {

std::string scope_part(std::string_view scope, std::size_t index) {
  const std::vector<std::string_view> parts = split(scope, '/');
  return parts.size() == 5 ? std::string(parts[index]) : std::string();
}

std::string parameter(const std::vector<std::pair<std::string, std::string>>& parameters, std::string_view name) {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace

std::string credential_scope(const net::Request& request) {
  const std::string_view authorization = request.headers.get("authorization");
  if (authorization.starts_with("AWS4-HMAC-SHA256")) {
    const std::size_t at = authorization.find("Credential=");
    if (at == std::string_view::npos) return {};
    const std::string_view rest = authorization.substr(at + 11);
    return std::string(rest.substr(0, rest.find_first_of(", ")));
  }
  if (request.query.find("X-Amz-Credential=") == std::string::npos) return {};
  return parameter(request.query_parameters(), "X-Amz-Credential");
}

void ServiceRouter::add(const wire::Service& service) { services_.push_back(&service); }

const wire::Service* ServiceRouter::by_signing_name(std::string_view name, std::string_view target) const {
  const std::string_view prefix = target.substr(0, target.find('.'));
  const wire::Service* found = nullptr;
  for (const wire::Service* service : services_) {
    if (service->model().signing_name != name) continue;
    // Services that sign alike (dynamodb and its streams) are told apart by their targets.
    if (found == nullptr || (!prefix.empty() && service->model().target_prefix == prefix)) found = service;
  }
  return found;
}

const wire::Service* ServiceRouter::by_target(std::string_view target) const {
  const std::string_view prefix = target.substr(0, target.find('.'));
  if (prefix.empty()) return nullptr;
  for (const wire::Service* service : services_) {
    if (service->model().target_prefix == prefix) return service;
  }
  return nullptr;
}

const wire::Service* ServiceRouter::by_host(std::string_view host) const {
  const std::string_view name = host.substr(0, host.find('.'));
  if (name.size() == host.size()) return nullptr;
  for (const wire::Service* service : services_) {
    if (service->model().endpoint_prefix == name) return service;
  }
  return nullptr;
}

const wire::Service* ServiceRouter::by_path(std::string_view path) const {
  // The REST services whose paths start with a version's date or an API's own stem: no bucket is called like that.
  if (path.starts_with("/v2/apis") || path.starts_with("/v2/tags") || path.starts_with("/v2/domainnames")) {
    return by_signing_name("apigateway");
  }
  constexpr std::string_view kDate = "/dddd-dd-dd/";
  if (path.size() < kDate.size()) return nullptr;
  for (std::size_t i = 0; i < kDate.size(); ++i) {
    const bool digit = path[i] >= '0' && path[i] <= '9';
    if (kDate[i] == 'd' ? !digit : path[i] != kDate[i]) return nullptr;
  }
  return by_signing_name("lambda");
}

Destination ServiceRouter::route(const net::Request& request) const {
  Destination destination;
  const std::string scope = credential_scope(request);
  const std::string_view target = request.headers.get("x-amz-target");
  if (!scope.empty()) {
    destination.region = scope_part(scope, 2);
    destination.service = by_signing_name(scope_part(scope, 3), target);
  }
  if (destination.service == nullptr) destination.service = by_target(target);
  if (destination.service == nullptr && scope.empty()) {
    destination.service = by_host(request.host);
    if (destination.service == nullptr) destination.service = by_path(request.path);
    if (destination.service == nullptr && target.empty()) destination.service = by_signing_name("s3");
  }
  if (destination.service != nullptr && destination.service->model().signing_name == "s3") {
    destination.bucket = wire::virtual_host_bucket(request.host);
  }
  return destination;
}

}  // namespace cumulet::pipeline
