#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "compute/sandbox/system.h"

namespace cumulet::compute::egress {

using sandbox::Fd;
using sandbox::kSandboxFailure;
using sandbox::system_error;

/// A descriptor of a Reactor that wants to hear of itself.
class Watched {
 public:
  virtual ~Watched() = default;
  virtual void ready(std::uint32_t events) = 0;

 private:
  friend class Reactor;
  std::uint64_t id_ = 0;
  std::uint32_t events_ = 0;
};

/// Waits for descriptors with epoll. One thread's, except `wake`.
class Reactor {
 public:
  static Result<std::unique_ptr<Reactor>> make();

  /// From now on for these events; with none, not at all.
  void watch(int fd, std::uint32_t events, Watched& who);
  /// Destroys it when the events at hand are through: it may be what is being called.
  void bury(std::unique_ptr<Watched> dead) { dead_.push_back(std::move(dead)); }
  void wait(std::chrono::milliseconds at_most);
  void wake();  ///< Any thread.

  /// Room for a datagram or a piece of a stream, until the next wait. Kept for whoever comes next.
  std::array<char, 64 * 1024>& room();

 private:
  Reactor() = default;

  Fd epoll_;
  Fd wake_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, Watched*> watched_;
  std::vector<std::unique_ptr<Watched>> dead_;
  std::unique_ptr<std::array<char, 64 * 1024>> room_;
};

}  // namespace cumulet::compute::egress
