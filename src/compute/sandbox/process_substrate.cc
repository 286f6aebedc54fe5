#include <algorithm>
#include <chrono>
#include <filesystem>

#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "compute/sandbox.h"
#include "compute/sandbox/cgroups.h"
#include "compute/sandbox/keeper.h"
#include "compute/sandbox/life_sandbox.h"
#include "compute/sandbox/memory_guard.h"
#include "compute/sandbox/rootless.h"
#include "compute/sandbox/starter.h"
#include "compute/sandbox/state.h"

namespace cumulet::compute {

namespace fs = std::filesystem;
using namespace sandbox;

namespace {

constexpr auto kStartDeadline = std::chrono::seconds(10);

Error late() { return Error(kSandboxFailure, "the sandbox did not start within 10 seconds"); }

/// The parts that all sandboxes of a server share. They end in the opposite order: no new starts, then the end of what
/// runs, then the groups.
struct Workshop {
  Fd lock;
  std::unique_ptr<GroupForest> forest;
  std::unique_ptr<Keeper> keeper;
  std::unique_ptr<MemoryGuard> guard;
  std::unique_ptr<Starter> starter;
};

class ProcessSandbox final : public LifeSandbox {
 public:
  ProcessSandbox(std::shared_ptr<Workshop> workshop, std::shared_ptr<Life> life)
      : LifeSandbox(std::move(life), *workshop->guard), workshop_(std::move(workshop)) {}
  ~ProcessSandbox() override {
    guard_.forget(*life_);
    workshop_->keeper->give_back(life_);
  }

  Task<void> execute(SandboxSpec spec) override {
    const std::shared_ptr<Life> life = life_;  // The sandbox may go meanwhile.
    co_await check_command(spec);
    const std::string message = co_await start_message(spec, {}, StartMessage());
    co_await send_message(life->control.get(), message, {});
    co_await life->started.wait_until(std::chrono::steady_clock::now() + kStartDeadline, late());
  }

  std::uint64_t peak_memory() const override {
    return std::min(std::max<std::uint64_t>(life_->groups.peak_memory(), life_->peak_seen), life_->memory_bytes);
  }

 private:
  std::shared_ptr<Workshop> workshop_;
};

class ProcessSubstrate final : public Substrate {
 public:
  explicit ProcessSubstrate(std::shared_ptr<Workshop> workshop) : workshop_(std::move(workshop)) {}

  Task<std::unique_ptr<Sandbox>> start(SandboxSpec spec) override {
    const SteadyTime deadline = std::chrono::steady_clock::now() + kStartDeadline;
    const bool waits = spec.command.empty();
    auto order = std::make_shared<Order>(std::move(spec), deadline);
    workshop_->starter->start(order);
    std::shared_ptr<Life> life = co_await order->life.wait_until(deadline, late());
    // From here on the sandbox's destructor gives everything back, whatever becomes of the start.
    std::unique_ptr<Sandbox> sandbox = std::make_unique<ProcessSandbox>(workshop_, life);
    const Deferred<void>& awaited = waits ? life->built : life->started;
    co_await awaited.wait_until(deadline, late());
    co_return sandbox;
  }
  SubstrateTraits traits(const std::string&) const override {
    SubstrateTraits traits;
    traits.waits = true;
    return traits;
  }

 private:
  std::shared_ptr<Workshop> workshop_;
};

}  // namespace

Result<std::unique_ptr<Substrate>> make_process_substrate(const fs::path& state) {
  if (::geteuid() != 0)
    return Error(kSandboxFailure, "sandboxes need root, or a user namespace: prepare_for_sandboxes() makes one");
  auto workshop = std::make_shared<Workshop>();
  Result<Fd> lock = lock_state(state);
  if (!lock.ok()) return std::move(lock).error();
  workshop->lock = std::move(*lock);

  const std::vector<Hierarchy> hierarchies =
      find_hierarchies(read_file("/proc/self/mountinfo"), read_file("/proc/self/cgroup"));
  Result<std::unique_ptr<GroupForest>> forest = GroupForest::make(hierarchies, group_name(state));
  if (!forest.ok() && in_user_namespace()) {
    log::warning("functions have no processor limit here, and their memory is measured a hundred times a second",
                 {{"reason", forest.error().message()}});
    forest = GroupForest::none();
  }
  if (!forest.ok()) return std::move(forest).error();
  workshop->forest = std::move(*forest);
  Result<std::unique_ptr<Keeper>> keeper = Keeper::make(*workshop->forest);
  if (!keeper.ok()) return std::move(keeper).error();
  workshop->keeper = std::move(*keeper);
  workshop->guard = std::make_unique<MemoryGuard>();
  workshop->starter = std::make_unique<Starter>((state / "roots").string(), *workshop->keeper, *workshop->guard);
  // They prepare themselves side by side.
  if (Result<void> ready = workshop->keeper->wait_until_ready(); !ready.ok()) return std::move(ready).error();
  if (Result<void> ready = workshop->starter->wait_until_ready(); !ready.ok()) return std::move(ready).error();
  log::info("sandboxes are ready", {{"groups", workshop->forest->describe()}});
  return std::unique_ptr<Substrate>(std::make_unique<ProcessSubstrate>(std::move(workshop)));
}

}  // namespace cumulet::compute
