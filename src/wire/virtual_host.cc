#include "wire/virtual_host.h"

#include <algorithm>
#include <array>

namespace cumulet::wire {
namespace {

/// Names under which this machine is reached; what stands before them is the service's part of the host.
constexpr std::array<std::string_view, 3> kBaseDomains{".localhost.localstack.cloud", ".localhost", ".amazonaws.com"};

std::string_view without_base_domain(std::string_view host) {
  for (const std::string_view base : kBaseDomains) {
    if (host.size() > base.size() && host.ends_with(base)) return host.substr(0, host.size() - base.size());
  }
  return {};
}

bool looks_like_region(std::string_view label) {
  // us-east-1, ap-southeast-2, us-gov-west-1: letters, dashes, one digit at the end.
  if (label.size() < 9 || std::count(label.begin(), label.end(), '-') < 2) return false;
  const char last = label.back();
  return last >= '0' && last <= '9' && label[label.size() - 2] == '-';
}

}  // namespace

std::string virtual_host_bucket(std::string_view host) {
  std::string_view rest = without_base_domain(host);
  if (rest.empty()) return {};
  const auto last_label = [&rest] {
    const std::size_t dot = rest.rfind('.');
    return dot == std::string_view::npos ? rest : rest.substr(dot + 1);
  };
  const auto drop_label = [&rest] {
    const std::size_t dot = rest.rfind('.');
    rest = dot == std::string_view::npos ? std::string_view() : rest.substr(0, dot);
  };
  if (rest.find('.') != std::string_view::npos && looks_like_region(last_label())) drop_label();
  const std::string_view service = last_label();
  if (service == "s3" || (service.starts_with("s3-") && looks_like_region(service.substr(3)))) {
    drop_label();
    return std::string(rest);
  }
  // BUCKET.localhost: the form of SDKs whose endpoint is http://localhost:4566.
  if (host.ends_with(".amazonaws.com")) return {};
  return std::string(rest);
}

}  // namespace cumulet::wire
