#include "compute/external/external_substrate.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>

#include <fcntl.h>
#include <fmt/core.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "compute/external/launch_protocol.h"
#include "compute/external/programs.h"
#include "compute/sandbox/life_sandbox.h"
#include "compute/sandbox/memory_guard.h"
#include "compute/sandbox/network.h"
#include "compute/sandbox/rootless.h"
#include "compute/sandbox/starter.h"
#include "compute/sandbox/state.h"

namespace cumulet::compute::external {

namespace fs = std::filesystem;
using sandbox::Fd;
using sandbox::GroupForest;
using sandbox::GroupSet;
using sandbox::kSandboxFailure;
using sandbox::Life;
using sandbox::system_error;

namespace {

/// Beyond those of the process sandbox (identity.h); two for each sandbox.
constexpr std::uint32_t kFirstExternalUser = 1'900'100'000;
constexpr std::uint32_t kMostSandboxes = 4'000;
constexpr auto kRetryClearing = std::chrono::milliseconds(5);
constexpr auto kClearingPatience = std::chrono::seconds(3);

struct ExternalOrder {
  ExternalOrder(SandboxSpec s, SteadyTime d) : spec(std::move(s)), deadline(d) {}
  SandboxSpec spec;
  const SteadyTime deadline;
  Deferred<std::shared_ptr<Life>> life;
};

/// Prepares sandboxes, one after the other, and clears up after them, on a thread of its own (in a mount namespace of
/// its own).
class Workbench {
 public:
  Workbench(fs::path state, std::unique_ptr<Recipe> recipe) : state_(std::move(state)), recipe_(std::move(recipe)) {}
  ~Workbench();
  Result<void> open();

  void start(std::shared_ptr<ExternalOrder> order);
  void give_back(std::shared_ptr<Life> life);
  const Recipe& recipe() const { return *recipe_; }
  sandbox::MemoryGuard& guard() { return guard_; }

 private:
  Result<void> prepare();
  void run(std::promise<Result<void>> prepared);
  Result<std::shared_ptr<Life>> carry_out(ExternalOrder& order);
  Result<std::shared_ptr<Life>> carry_out(ExternalOrder& order, std::uint32_t slot, GroupSet& groups);
  void clear();

  const fs::path state_;
  const std::unique_ptr<Recipe> recipe_;
  Fd lock_;
  Fd launcher_;
  fs::path guest_;
  std::unique_ptr<GroupForest> forest_;
  std::optional<sandbox::NetworkMaker> network_;
  std::optional<sandbox::RootTemplates> templates_;
  sandbox::MemoryGuard guard_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<std::shared_ptr<ExternalOrder>> queue_;
  std::vector<std::shared_ptr<Life>> leaving_;

  // The thread's own.
  std::vector<std::unique_ptr<Attendant>> attendants_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t next_slot_ = 0;
  std::thread thread_;
};

Result<std::pair<Fd, Fd>> make_output_pipe(std::uint32_t owner) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("make the output pipe");
  std::pair<Fd, Fd> pipe{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 || ::fchown(ends[1], owner, owner) != 0)
    return system_error("prepare the output pipe");
  return pipe;
}

Workbench::~Workbench() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const auto& order : queue_) order->life.resolve(Error(kSandboxFailure, "the server is stopping"));
}

Result<void> Workbench::open() {
  Result<Fd> lock = sandbox::lock_state(state_);
  if (!lock.ok()) return std::move(lock).error();
  lock_ = std::move(*lock);
  Result<fs::path> guest = write_guest(state_);
  if (!guest.ok()) return std::move(guest).error();
  guest_ = std::move(*guest);
  Result<Fd> launcher = launcher_in_memory();
  if (!launcher.ok()) return std::move(launcher).error();
  launcher_ = std::move(*launcher);
  Result<std::unique_ptr<GroupForest>> forest = GroupForest::make(
      sandbox::find_hierarchies(sandbox::read_file("/proc/self/mountinfo"), sandbox::read_file("/proc/self/cgroup")),
      sandbox::group_name(state_));
  if (!forest.ok()) return std::move(forest).error();
  forest_ = std::move(*forest);
  std::promise<Result<void>> promise;
  std::future<Result<void>> ready = promise.get_future();
  thread_ = std::thread(&Workbench::run, this, std::move(promise));
  pthread_setname_np(thread_.native_handle(), "sandbox-bench");
  return ready.get();
}

Result<void> Workbench::prepare() {
  Result<sandbox::NetworkMaker> network = sandbox::NetworkMaker::make();
  if (!network.ok()) return std::move(network).error();
  network_.emplace(std::move(*network));
  Result<sandbox::RootTemplates> templates = sandbox::RootTemplates::make((state_ / "roots").string());
  if (!templates.ok()) return std::move(templates).error();
  templates_.emplace(std::move(*templates));
  return {};
}

void Workbench::start(std::shared_ptr<ExternalOrder> order) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(order));
  }
  wake_.notify_all();
}

void Workbench::give_back(std::shared_ptr<Life> life) {
  guard_.forget(*life);
  life->kill();
  {
    const std::lock_guard lock(mutex_);
    leaving_.push_back(std::move(life));
  }
  wake_.notify_all();
}

void Workbench::run(std::promise<Result<void>> prepared) {
  Result<void> ready = prepare();
  const bool ok = ready.ok();
  prepared.set_value(std::move(ready));
  std::unique_lock lock(mutex_);
  while (ok && !stopping_) {
    if (queue_.empty() && leaving_.empty()) wake_.wait(lock);
    if (queue_.empty() && !leaving_.empty()) wake_.wait_for(lock, kRetryClearing);
    std::shared_ptr<ExternalOrder> order;
    if (!queue_.empty()) {
      order = std::move(queue_.front());
      queue_.pop_front();
    }
    lock.unlock();
    if (order && !order->life.resolved()) {
      Result<std::shared_ptr<Life>> life = carry_out(*order);
      const std::shared_ptr<Life> made = life.ok() ? *life : nullptr;
      // Nobody waits any more: it goes again.
      if (!order->life.resolve(std::move(life)) && made) give_back(made);
    }
    lock.lock();
    clear();
  }
  for (const auto& attendant : attendants_) {
    std::shared_ptr<Life> life = attendant->share_life();
    life->kill();
    if (std::find(leaving_.begin(), leaving_.end(), life) == leaving_.end()) leaving_.push_back(std::move(life));
  }
  const auto give_up = std::chrono::steady_clock::now() + kClearingPatience;
  for (clear(); !leaving_.empty() && std::chrono::steady_clock::now() < give_up; clear())
    wake_.wait_for(lock, kRetryClearing);
  lock.unlock();
  attendants_.clear();
}

/// Under the lock: what of those that are not wanted any more has ended.
void Workbench::clear() {
  std::erase_if(leaving_, [this](const std::shared_ptr<Life>& life) {
    if (!life->over()) return false;
    std::erase_if(attendants_, [&life](const std::unique_ptr<Attendant>& a) { return &a->life() == life.get(); });
    remove_inner_groups(life->groups);
    if (!forest_->remove(life->groups)) return false;
    free_slots_.push_back(life->slot);
    return true;
  });
}

Result<std::shared_ptr<Life>> Workbench::carry_out(ExternalOrder& order) {
  if (Result<void> sound = sandbox::check_spec(order.spec); !sound.ok()) return std::move(sound).error();
  if (order.spec.command.empty()) return Error(kSandboxFailure, "the sandbox cannot be built: there is no command");
  if (free_slots_.empty()) {
    if (next_slot_ == kMostSandboxes)
      return Error(kSandboxFailure, fmt::format("{} sandboxes exist already", kMostSandboxes));
    free_slots_.push_back(next_slot_++);
  }
  const std::uint32_t slot = free_slots_.back();
  Result<GroupSet> groups = forest_->create(fmt::format("s{}", slot));
  if (!groups.ok()) return std::move(groups).error();
  Result<std::shared_ptr<Life>> life = carry_out(order, slot, *groups);
  if (life.ok())
    free_slots_.pop_back();
  else
    forest_->remove(*groups);
  return life;
}

Result<std::shared_ptr<Life>> Workbench::carry_out(ExternalOrder& order, std::uint32_t slot, GroupSet& groups) {
  SandboxSpec& spec = order.spec;
  const std::uint64_t memory = std::uint64_t{spec.memory_mib + recipe_->overhead_mib(spec)} << 20;
  sandbox::GroupLimits limits;
  limits.memory_bytes = memory;
  limits.cpus = spec.cpus;
  limits.weight = spec.cpu_weight;
  limits.processes = spec.max_processes + 64;  // the program's own
  if (Result<void> set = groups.set_limits(limits); !set.ok()) return std::move(set).error();
  Result<Fd> network = network_->create_namespace();
  if (!network.ok()) return std::move(network).error();
  std::vector<std::uint16_t> ports = spec.listen_ports;
  ports.push_back(kControlPort);
  Result<std::vector<Fd>> listeners = network_->listen(*network, ports);
  if (!listeners.ok()) return std::move(listeners).error();
  if (spec.prepare_network) {
    if (Result<void> network_ready = spec.prepare_network(network->get()); !network_ready.ok())
      return std::move(network_ready).error();
  }
  const Users users{kFirstExternalUser + 2 * slot, kFirstExternalUser + 2 * slot + 1};
  spec.mounts.emplace_back(guest_, kGuestInside);
  Result<sandbox::RootTree> tree = templates_->clone(spec, users.function);
  if (!tree.ok()) return std::move(tree).error();
  Result<std::pair<Fd, Fd>> output = make_output_pipe(users.function);
  if (!output.ok()) return std::move(output).error();
  Result<std::pair<Fd, Fd>> orders = sandbox::make_socket_pair();
  if (!orders.ok()) return std::move(orders).error();

  Prepared prepared;
  prepared.control = std::move(listeners->back());
  listeners->pop_back();
  prepared.orders = std::move(orders->second);
  prepared.launch.deadline = order.deadline;
  prepared.launch.output = std::move(output->second);
  Fd root = std::move(tree->root);
  prepared.launch.mounts.emplace_back(std::move(root), "rootfs");
  if (Result<void> written = recipe_->write(spec, users, *tree, prepared.launch); !written.ok())
    return std::move(written).error();
  auto life = std::make_shared<Life>(slot, std::move(groups), std::move(*network), std::move(orders->first));
  life->listeners = std::move(*listeners);
  life->output = std::move(output->first);
  life->tmp = std::move(tree->tmp);
  life->shared = std::move(tree->shared);
  life->memory_bytes = life->limit_bytes = memory;
  guard_.watch(life);
  prepared.life = life;
  attendants_.push_back(std::make_unique<Attendant>(std::move(prepared), launcher_));
  return life;
}

class ExternalSandbox final : public sandbox::LifeSandbox {
 public:
  ExternalSandbox(std::shared_ptr<Workbench> bench, std::shared_ptr<Life> life, std::uint64_t memory)
      : LifeSandbox(std::move(life), bench->guard()), bench_(std::move(bench)), memory_(memory) {}
  ~ExternalSandbox() override { bench_->give_back(life_); }

  Result<void> thaw() override {
    if (bench_->recipe().has_kernel()) life_->set_clock();  // so that it has heard of it when it is given work
    return LifeSandbox::thaw();
  }

  /// Without what the program needs for itself.
  std::uint64_t peak_memory() const override {
    const bool told = bench_->recipe().has_kernel();
    return std::min(told ? life_->peak_seen.load() : life_->groups.peak_memory(), memory_);
  }

 private:
  std::shared_ptr<Workbench> bench_;
  const std::uint64_t memory_;
};

class ExternalSubstrate final : public Substrate {
 public:
  explicit ExternalSubstrate(std::shared_ptr<Workbench> bench) : bench_(std::move(bench)) {}

  Task<std::unique_ptr<Sandbox>> start(SandboxSpec spec) override {
    const std::uint64_t memory = std::uint64_t{spec.memory_mib} << 20;
    const std::chrono::seconds limit = bench_->recipe().start_limit();
    const SteadyTime deadline = std::chrono::steady_clock::now() + limit;
    const Error late(kSandboxFailure, fmt::format("the sandbox did not start within {} seconds", limit.count()));
    auto order = std::make_shared<ExternalOrder>(std::move(spec), deadline);
    bench_->start(order);
    std::shared_ptr<Life> life = co_await order->life.wait_until(deadline, late);
    // From here on the sandbox's destructor gives everything back, whatever becomes of the start.
    std::unique_ptr<Sandbox> sandbox = std::make_unique<ExternalSandbox>(bench_, life, memory);
    co_await life->started.wait_until(deadline + std::chrono::seconds(1), late);
    co_return sandbox;
  }
  SubstrateTraits traits(const std::string&) const override { return bench_->recipe().traits(); }

 private:
  std::shared_ptr<Workbench> bench_;
};

}  // namespace

Result<std::unique_ptr<Substrate>> make_external_substrate(const fs::path& state, std::unique_ptr<Recipe> recipe) {
  if (::geteuid() != 0 || sandbox::in_user_namespace())
    return Error(kSandboxFailure, "this substrate needs root; the process sandbox does not");
  auto bench = std::make_shared<Workbench>(state, std::move(recipe));
  if (Result<void> open = bench->open(); !open.ok()) return std::move(open).error();
  return std::unique_ptr<Substrate>(std::make_unique<ExternalSubstrate>(std::move(bench)));
}

}  // namespace cumulet::compute::external
