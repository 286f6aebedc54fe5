#include "compute/egress/resolvers.h"

#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/text.h"
#include "compute/sandbox/system.h"

namespace cumulet::compute::egress {
namespace {

constexpr std::uint16_t kPort = 53;
constexpr std::size_t kMost = 3;  ///< As many as the C library asks.
constexpr seconds kReadAgainAfter{5};

}  // namespace

bool parse_resolver(std::string_view text, Endpoint& endpoint) {
  std::string host(text);
  std::int64_t port = kPort;
  const std::size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  const bool one_colon = colon != std::string_view::npos && text.find(':') == colon;
  if (bracketed || one_colon) {
    const std::size_t end = bracketed ? text.find(']') : colon;
    if (end == std::string_view::npos) return false;
    host = std::string(text.substr(bracketed ? 1 : 0, end - (bracketed ? 1 : 0)));
    std::string_view rest = text.substr(bracketed ? end + 1 : end);
    if (!rest.empty()) {
      if (!rest.starts_with(':')) return false;
      port = parse_int(rest.substr(1)).value_or(0);
    }
  }
  if (port < 1 || port > 65535) return false;
  endpoint = Endpoint();
  auto* const four = reinterpret_cast<sockaddr_in*>(&endpoint.address);
  auto* const six = reinterpret_cast<sockaddr_in6*>(&endpoint.address);
  if (::inet_pton(AF_INET, host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(static_cast<std::uint16_t>(port));
    endpoint.length = sizeof *four;
    return true;
  }
  if (::inet_pton(AF_INET6, host.c_str(), &six->sin6_addr) != 1) return false;
  six->sin6_family = AF_INET6;
  six->sin6_port = htons(static_cast<std::uint16_t>(port));
  endpoint.length = sizeof *six;
  return true;
}

void Resolvers::read() {
  all_.clear();
  Endpoint endpoint;
  if (!configured_.empty()) {
    if (parse_resolver(configured_, endpoint)) all_.push_back(endpoint);
    return;
  }
  const std::string file = sandbox::read_file("/etc/resolv.conf");
  for (const std::string_view line : split(file, '\n')) {
    constexpr std::string_view kKey = "nameserver";
    if (!line.starts_with(kKey) || line.size() == kKey.size() || all_.size() == kMost) continue;
    if (line[kKey.size()] != ' ' && line[kKey.size()] != '\t') continue;
    const std::string_view address = trim(line.substr(kKey.size()));
    if (address.find(':') == address.rfind(':') && address.find(':') != std::string_view::npos) continue;
    if (parse_resolver(address, endpoint)) all_.push_back(endpoint);
  }
}

const Endpoint* Resolvers::current() {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (all_.empty() || now - read_at_ > kReadAgainAfter) {
    read();
    read_at_ = now;
  }
  return all_.empty() ? nullptr : &all_[at_ % all_.size()];
}

void Resolvers::give_up() { ++at_; }

}  // namespace cumulet::compute::egress
