#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "compute/sandbox/keeper.h"
#include "compute/sandbox/life.h"
#include "compute/sandbox/mounts.h"
#include "compute/sandbox/network.h"
#include "compute/sandbox/warden.h"
#include "compute/sandbox/watcher.h"

namespace cumulet::compute::sandbox {

/// Starts sandboxes, one after the other, on a thread of its own (in a mount namespace of its own): gathers what the
/// sandbox is made of and hands it to the warden, which forks. About a tenth of a millisecond each when cells are
/// ready.
class Starter {
 public:
  static Result<std::unique_ptr<Starter>> make(std::string workshop, Keeper& keeper, Watcher& watcher);
  ~Starter();
  Starter(const Starter&) = delete;
  Starter& operator=(const Starter&) = delete;

  /// Resolves life->started, by the watcher or with the reason why not.
  void start(std::shared_ptr<Life> life);

 private:
  Starter(Keeper& keeper, Watcher& watcher) : keeper_(keeper), watcher_(watcher) {}
  void run(std::string workshop, std::promise<Result<void>> prepared);
  Result<void> prepare(const std::string& workshop);
  Result<void> launch(const std::shared_ptr<Life>& life);
  Result<void> request(const std::string& message, const std::vector<int>& descriptors);

  Keeper& keeper_;
  Watcher& watcher_;
  std::string filter_;
  std::optional<RootTemplates> templates_;
  std::optional<NetworkMaker> network_;
  std::unique_ptr<Warden> warden_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<std::shared_ptr<Life>> queue_;
  std::thread thread_;
};

}  // namespace cumulet::compute::sandbox
