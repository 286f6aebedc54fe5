#include "net/message_rules.h"

#include <time.h>

#include "base/clock.h"
#include "base/text.h"

namespace cumulet::net {

bool read_host(std::string_view authority, std::string& host) {
  if (!all_of_class(authority, kHost)) return false;
  std::string_view name = authority;
  std::string_view port;
  if (name.starts_with('[')) {
    const std::size_t close = name.find(']');
    if (close == std::string_view::npos) return false;
    port = name.substr(close + 1);
    name = name.substr(0, close + 1);
    if (!port.empty() && port.front() != ':') return false;
    if (!port.empty()) port.remove_prefix(1);
  } else {
    if (const std::size_t colon = name.find(':'); colon != std::string_view::npos) {
      port = name.substr(colon + 1);
      name = name.substr(0, colon);
    }
    if (name.find_first_of("[]") != std::string_view::npos) return false;
  }
  if (port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) return false;
  host = to_lower(name);
  return true;
}

bool read_length(std::string_view text, std::uint64_t& length) {
  if (text.empty() || text.size() > 19) return false;
  length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return true;
}

bool decided_by_framing(std::string_view name) {
  switch (name.size()) {
    case 7:
      return iequals(name, "upgrade");
    case 10:
      return iequals(name, "connection") || iequals(name, "keep-alive");
    case 14:
      return iequals(name, "content-length");
    case 17:
      return iequals(name, "transfer-encoding");
    default:
      return false;
  }
}

const std::string& current_http_date() {
  thread_local time_t made_at = 0;
  thread_local std::string value;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != made_at) {
    made_at = now.tv_sec;
    value = http_date(Timestamp(std::chrono::seconds(now.tv_sec)));
  }
  return value;
}

}  // namespace cumulet::net
