#include "services/s3/cors.h"

#include <algorithm>

#include "base/text.h"
#include "wire/document.h"
#include "wire/generated/s3.h"

namespace cumulet::s3 {
namespace {

/// At most one '*' in the pattern.
bool wildcard_match(std::string_view pattern, std::string_view text, bool ignore_case) {
  const std::string p = ignore_case ? to_lower(pattern) : std::string(pattern);
  const std::string t = ignore_case ? to_lower(text) : std::string(text);
  const std::size_t star = p.find('*');
  if (star == std::string::npos) return p == t;
  const std::string_view head = std::string_view(p).substr(0, star);
  const std::string_view tail = std::string_view(p).substr(star + 1);
  return t.size() >= head.size() + tail.size() && t.starts_with(head) && t.ends_with(tail);
}

bool any_matches(const std::vector<std::string>& patterns, std::string_view text, bool ignore_case) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const std::string& pattern) { return wildcard_match(pattern, text, ignore_case); });
}

bool lets_in(const wire::s3::CORSRule& rule, std::string_view origin, std::string_view method,
             std::string_view headers) {
  if (!any_matches(rule.allowed_origins, origin, false)) return false;
  const auto& methods = rule.allowed_methods;
  if (std::find(methods.begin(), methods.end(), method) == methods.end()) return false;
  for (const std::string_view asked : split(headers, ',')) {
    const std::string_view name = trim(asked);
    if (name.empty()) continue;
    if (!rule.allowed_headers || !any_matches(*rule.allowed_headers, name, true)) return false;
  }
  return true;
}

}  // namespace

std::optional<net::Headers> cors_headers(const std::string& document, std::string_view origin, std::string_view method,
                                         std::string_view headers, bool preflight) {
  const auto input = wire::read_input<wire::s3::PutBucketCors>(document);
  if (!input.ok()) return std::nullopt;
  for (const wire::s3::CORSRule& rule : input->cors_configuration.cors_rules) {
    if (!lets_in(rule, origin, method, headers)) continue;
    const auto& origins = rule.allowed_origins;
    const bool anyone = std::find(origins.begin(), origins.end(), "*") != origins.end();
    net::Headers reply;
    reply.add("access-control-allow-origin", anyone ? "*" : std::string(origin));
    if (!anyone) reply.add("access-control-allow-credentials", "true");
    reply.add("access-control-allow-methods", join(rule.allowed_methods, ", "));
    if (rule.expose_headers && !rule.expose_headers->empty()) {
      reply.add("access-control-expose-headers", join(*rule.expose_headers, ", "));
    }
    if (preflight && !headers.empty()) reply.add("access-control-allow-headers", to_lower(headers));
    if (preflight && rule.max_age_seconds) reply.add("access-control-max-age", std::to_string(*rule.max_age_seconds));
    reply.add("vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
    return reply;
  }
  return std::nullopt;
}

}  // namespace cumulet::s3
