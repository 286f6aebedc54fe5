#include "images/reference.h"

#include <algorithm>

#include "base/text.h"

namespace cumulet::images {
namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kLongestTag = 128;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_word(char c) { return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

std::string_view host_of(std::string_view registry) {
  if (registry.starts_with('[')) return registry.substr(0, registry.find(']') + 1);
  return registry.substr(0, registry.find(':'));
}

bool is_registry(std::string_view text) {
  if (text.empty() || text.size() > kLongestName) return false;
  const std::string_view host = host_of(text);
  const std::string_view rest = text.substr(host.size());
  if (!rest.empty()) {
    const auto port = parse_int(rest.substr(1));
    if (rest[0] != ':' || rest.size() > 6 || !port || *port < 1 || *port > 65535) return false;
  }
  if (host == "[::1]") return true;
  const bool good =
      !host.empty() && std::all_of(host.begin(), host.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
  return good && (host.find('.') != std::string_view::npos || !rest.empty() || host == "localhost");
}

}  // namespace

bool is_digest(std::string_view text) {
  constexpr std::string_view kKind = "sha256:";
  if (!text.starts_with(kKind) || text.size() != kKind.size() + 64) return false;
  return std::all_of(text.begin() + kKind.size(), text.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool is_repository(std::string_view text) {
  if (text.empty() || text.size() > kLongestName) return false;
  for (const std::string_view part : split(text, '/')) {
    if (part.empty() || !is_lower_or_digit(part.front()) || !is_lower_or_digit(part.back())) return false;
    const bool good = std::all_of(part.begin(), part.end(),
                                  [](char c) { return is_lower_or_digit(c) || c == '.' || c == '_' || c == '-'; });
    if (!good || part.find("..") != std::string_view::npos) return false;
  }
  return true;
}

bool is_tag(std::string_view text) {
  if (text.empty() || text.size() > kLongestTag || !is_word(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

bool is_loopback(std::string_view registry) {
  const std::string host = to_lower(host_of(registry));
  return host == "localhost" || host.ends_with(".localhost") || host == "127.0.0.1" || host == "[::1]";
}

std::optional<Reference> parse_reference(std::string_view text) {
  Reference reference;
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !is_registry(text.substr(0, slash))) return std::nullopt;
  reference.registry = text.substr(0, slash);
  std::string_view rest = text.substr(slash + 1);
  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    reference.digest = rest.substr(at + 1);
    rest = rest.substr(0, at);
    if (!is_digest(reference.digest)) return std::nullopt;
  }
  if (const std::size_t colon = rest.find(':'); colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (!is_tag(reference.tag)) return std::nullopt;
  } else if (reference.digest.empty()) {
    reference.tag = "latest";
  }
  if (!is_repository(rest)) return std::nullopt;
  reference.repository = rest;
  return reference;
}

}  // namespace cumulet::images
