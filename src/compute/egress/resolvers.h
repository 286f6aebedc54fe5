#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include <sys/socket.h>

#include "base/clock.h"
#include "base/loop.h"

namespace cumulet::compute::egress {

/// An address with a port, of either family.
struct Endpoint {
  sockaddr_storage address{};
  socklen_t length = 0;
};

/// "192.0.2.1", "192.0.2.1:5353", "2001:db8::1" or "[2001:db8::1]:5353"; port 53 unless it says another.
bool parse_resolver(std::string_view text, Endpoint& endpoint);

/// The name servers that functions' questions are passed on to: the host's own (/etc/resolv.conf, read again when it
/// has changed), or the one that was configured.
class Resolvers {
 public:
  explicit Resolvers(std::string configured) : configured_(std::move(configured)) {}
  /// The one to ask now; null when there is none.
  const Endpoint* current();
  /// It did not answer: the next one's turn.
  void give_up();

 private:
  void read();

  const std::string configured_;
  std::vector<Endpoint> all_;
  std::size_t at_ = 0;
  SteadyTime read_at_{};
};

}  // namespace cumulet::compute::egress
