#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Where functions with egress may go: the public internet, and what the operator has opened beside it.
namespace cumulet::compute::egress {

/// A range of IPv4 addresses.
struct Range {
  std::uint32_t address = 0;  ///< Host byte order; no bit beyond `length` is set.
  std::uint32_t length = 0;   ///< Of the prefix, in bits.

  bool contains(std::uint32_t other) const;
  bool contains(const Range& other) const { return other.length >= length && contains(other.address); }
};

/// "10.1.0.0/16", or an address alone. Nothing for anything else, host bits that are set among it.
std::optional<Range> parse_range(std::string_view text);
std::string to_text(std::uint32_t address);

/// The ranges that are closed to everybody: private ones (RFC 1918, carrier-grade NAT), link-local with the metadata
/// address, loopback, multicast, what is reserved for protocols and benchmarks, broadcast.
const std::vector<Range>& closed_ranges();

/// What the operator says about the way out.
struct Settings {
  std::vector<Range> opened;  ///< Beside the public internet.
  std::string resolver;       ///< Answers functions' questions for names; empty: those of the host do.
};

class Policy {
 public:
  Policy() = default;
  explicit Policy(std::vector<Range> opened) : opened_(std::move(opened)) {}

  /// Whether the address may be reached, as far as ranges tell. TCP's port 25 is closed as on AWS.
  bool permits(std::uint32_t address, std::uint16_t port, bool tcp) const;
  /// The operator named this very address: then it may be one of the host's own.
  bool names(std::uint32_t address) const;
  /// What is not open: a fence inside the sandbox, so that programs hear of it at once.
  std::vector<Range> fences() const;
  const std::vector<Range>& opened() const { return opened_; }

 private:
  std::vector<Range> opened_;
};

}  // namespace cumulet::compute::egress
