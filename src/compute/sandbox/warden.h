#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "compute/sandbox/system.h"

namespace cumulet::compute::sandbox {

/// The warden process (warden_program.cc): small, single-threaded, the parent of all sandboxes. It dies with the thread
/// that launched it, and every sandbox with it.
class Warden {
 public:
  /// Runs the program out of a sealed memory file, and tells it the filter and the paths to mask.
  static Result<std::unique_ptr<Warden>> launch(const std::string& filter);
  ~Warden();
  Warden(const Warden&) = delete;
  Warden& operator=(const Warden&) = delete;

  /// Asks for a sandbox: the answer comes over its control socket.
  Result<void> request(std::string_view message, const std::vector<int>& descriptors);
  pid_t pid() const { return pid_; }

 private:
  Warden(pid_t pid, Fd socket) : pid_(pid), socket_(std::move(socket)) {}
  pid_t pid_;
  Fd socket_;
};

}  // namespace cumulet::compute::sandbox
