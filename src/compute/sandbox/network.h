#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "compute/sandbox/rootless.h"
#include "compute/sandbox/system.h"

/// Network namespaces of sandboxes: nothing in them but a loopback interface.
namespace cumulet::compute::sandbox {

/// Makes network namespaces, and sockets inside them, from one thread: it enters a namespace and comes back. In a user
/// namespace there is no way back, so each entry has a thread of its own there.
class NetworkMaker {
 public:
  /// Remembers the calling thread's namespace; all calls must come from that thread.
  static Result<NetworkMaker> make();
  Result<Fd> create_namespace();
  /// Listening TCP sockets on 127.0.0.1 of that namespace: close-on-exec, non-blocking.
  Result<std::vector<Fd>> listen(const Fd& network, const std::vector<std::uint16_t>& ports);

 private:
  explicit NetworkMaker(Fd home) : home_(std::move(home)), returns_(!in_user_namespace()) {}
  void away(const std::function<void()>& work);
  void go_home();
  Fd home_;
  bool returns_;
};

}  // namespace cumulet::compute::sandbox
