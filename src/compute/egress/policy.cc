#include "compute/egress/policy.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>

#include "base/text.h"

namespace cumulet::compute::egress {
namespace {

constexpr std::uint16_t kMail = 25;
constexpr Range kLoopback{0x7f000000, 8};

constexpr std::uint32_t mask_of(std::uint32_t length) { return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length); }

}  // namespace

bool Range::contains(std::uint32_t other) const { return (other & mask_of(length)) == address; }

std::optional<Range> parse_range(std::string_view text) {
  const std::size_t slash = text.find('/');
  Range range;
  range.length = 32;
  if (slash != std::string_view::npos) {
    const std::optional<std::int64_t> length = parse_int(text.substr(slash + 1));
    if (!length || *length < 0 || *length > 32 || text.substr(slash + 1).size() > 2) return std::nullopt;
    range.length = static_cast<std::uint32_t>(*length);
  }
  in_addr address{};
  if (::inet_pton(AF_INET, std::string(text.substr(0, slash)).c_str(), &address) != 1) return std::nullopt;
  range.address = ntohl(address.s_addr);
  if ((range.address & ~mask_of(range.length)) != 0) return std::nullopt;
  return range;
}

std::string to_text(std::uint32_t address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  const in_addr network{htonl(address)};
  return ::inet_ntop(AF_INET, &network, text.data(), text.size());
}

const std::vector<Range>& closed_ranges() {
  // https://www.iana.org/assignments/iana-ipv4-special-registry/ without the ranges for documentation.
  static const std::vector<Range> all{
      {0x00000000, 8},   // 0.0.0.0/8        this network
      {0x0a000000, 8},   // 10.0.0.0/8       private
      {0x64400000, 10},  // 100.64.0.0/10    carrier-grade NAT
      kLoopback,         // 127.0.0.0/8
      {0xa9fe0000, 16},  // 169.254.0.0/16   link-local, metadata
      {0xac100000, 12},  // 172.16.0.0/12    private
      {0xc0000000, 24},  // 192.0.0.0/24     protocol assignments
      {0xc0a80000, 16},  // 192.168.0.0/16   private
      {0xc6120000, 15},  // 198.18.0.0/15    benchmarks
      {0xe0000000, 4},   // 224.0.0.0/4      multicast
      {0xf0000000, 4},   // 240.0.0.0/4      reserved, broadcast
  };
  return all;
}

bool Policy::permits(std::uint32_t address, std::uint16_t port, bool tcp) const {
  const auto contains = [address](const Range& range) { return range.contains(address); };
  if (kLoopback.contains(address) || port == 0) return false;
  if (std::any_of(opened_.begin(), opened_.end(), contains)) return true;
  if (tcp && port == kMail) return false;
  return std::none_of(closed_ranges().begin(), closed_ranges().end(), contains);
}

bool Policy::names(std::uint32_t address) const {
  return std::any_of(opened_.begin(), opened_.end(),
                     [address](const Range& range) { return range.length == 32 && range.address == address; });
}

std::vector<Range> Policy::fences() const {
  std::vector<Range> fences;
  for (const Range& closed : closed_ranges()) {
    const bool open = std::any_of(opened_.begin(), opened_.end(), [&](const Range& r) { return r.contains(closed); });
    if (!open && closed.address != kLoopback.address) fences.push_back(closed);
  }
  return fences;
}

}  // namespace cumulet::compute::egress
