#include "wire/arn.h"

#include <array>

namespace cumulet::wire {

std::string_view Arn::resource_type() const {
  const std::size_t end = resource.find_first_of(":/");
  return end == std::string::npos ? std::string_view() : std::string_view(resource).substr(0, end);
}

std::string_view Arn::resource_id() const {
  const std::size_t end = resource.find_first_of(":/");
  return end == std::string::npos ? std::string_view(resource) : std::string_view(resource).substr(end + 1);
}

std::string Arn::text() const {
  return "arn:" + partition + ":" + service + ":" + region + ":" + account + ":" + resource;
}

std::optional<Arn> parse_arn(std::string_view text) {
  std::array<std::string_view, 5> parts;
  for (std::string_view& part : parts) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    part = text.substr(0, colon);
    text.remove_prefix(colon + 1);
  }
  if (parts[0] != "arn" || parts[1].empty() || parts[2].empty() || text.empty()) return std::nullopt;
  Arn arn(parts[2], parts[3], parts[4], std::string(text));
  arn.partition = parts[1];
  return arn;
}

std::string make_arn(std::string_view service, std::string_view region, std::string_view account,
                     std::string_view resource) {
  return Arn(service, region, account, std::string(resource)).text();
}

}  // namespace cumulet::wire
