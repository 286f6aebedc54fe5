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
#include "compute/sandbox/memory_guard.h"
#include "compute/sandbox/mounts.h"
#include "compute/sandbox/network.h"
#include "compute/sandbox/zygotes.h"

namespace cumulet::compute::sandbox {

/// Whether a sandbox can be built of this at all.
Result<void> check_spec(const SandboxSpec& spec);
/// Whether its command can be executed with its environment.
Result<void> check_command(const SandboxSpec& spec);

/// A start that was asked for.
struct Order {
  Order(SandboxSpec s, SteadyTime d) : spec(std::move(s)), deadline(d) {}
  const SandboxSpec spec;
  const SteadyTime deadline;
  Deferred<std::shared_ptr<Life>> life;  ///< Resolved when the init has been told to start.
};

/// Starts sandboxes, one after the other, on a thread of its own (in a mount namespace of its own): gathers what
/// belongs to the order (limits, listening sockets, mounts) and sends it to an init that waits for it.
class Starter {
 public:
  /// Begins; `wait_until_ready` says whether it can work.
  Starter(std::string workshop, Keeper& keeper, MemoryGuard& guard);
  Result<void> wait_until_ready() { return ready_to_work_.get(); }
  ~Starter();  ///< Orders that still wait fail.
  Starter(const Starter&) = delete;
  Starter& operator=(const Starter&) = delete;

  void start(std::shared_ptr<Order> order);

 private:
  void run(std::string workshop, std::promise<Result<void>> prepared);
  Result<void> prepare(const std::string& workshop);
  void carry_out(Order& order);
  Result<void> launch(const SandboxSpec& spec, const std::shared_ptr<Life>& life);

  Keeper& keeper_;
  MemoryGuard& guard_;
  Zygotes zygotes_;
  std::optional<RootTemplates> templates_;
  std::optional<NetworkMaker> network_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<std::shared_ptr<Order>> queue_;
  std::future<Result<void>> ready_to_work_;
  std::thread thread_;
};

}  // namespace cumulet::compute::sandbox
