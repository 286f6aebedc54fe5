#pragma once

#include <cstdint>

#include "compute/egress/policy.h"
#include "compute/sandbox/system.h"

/// What egress asks of the kernel over netlink.
namespace cumulet::compute::egress {

using sandbox::Fd;
using sandbox::kSandboxFailure;
using sandbox::system_error;

/// In the calling thread's network namespace: every address outside the fences and the loopback network leads to
/// whoever listens on the namespace's own loopback interface.
Result<void> route_to_loopback(const Policy& policy);
/// In the calling thread's network namespace: hands TCP and UDP for such addresses to these transparent sockets on
/// 127.0.0.1, and drops everything else. Needs nf_tables and its tproxy expression in the kernel.
Result<void> divert(std::uint16_t tcp_port, std::uint16_t udp_port);

/// Asks the host's routes.
class RouteTable {
 public:
  static Result<RouteTable> open();
  /// Whether the way to the address leads out of the host: not to itself, to all of a network, or nowhere.
  bool leads_out(std::uint32_t address);

 private:
  explicit RouteTable(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace cumulet::compute::egress
