#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "compute/sandbox/life.h"

namespace cumulet::compute::sandbox {

/// One thread that listens to the control sockets of all sandboxes.
class Watcher {
 public:
  /// `changed` is called, on the watcher's thread, whenever a sandbox has changed its state.
  static Result<std::unique_ptr<Watcher>> make(std::function<void()> changed);
  ~Watcher();  ///< Those it still watches are over.
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  /// From now on until its control socket hangs up.
  Result<void> watch(std::shared_ptr<Life> life);

 private:
  Watcher(Fd epoll, Fd stop, std::function<void()> changed);
  void run();
  bool read_report(Life& life);

  Fd epoll_;
  Fd stop_;
  std::function<void()> changed_;
  std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<Life>> lives_;
  std::uint64_t next_ = 1;
  std::thread thread_;
};

}  // namespace cumulet::compute::sandbox
