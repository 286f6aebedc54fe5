#include "compute/sandbox/starter.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <pthread.h>
#include <unistd.h>

#include "compute/sandbox/identity.h"

namespace cumulet::compute::sandbox {

namespace {

constexpr std::size_t kMaxPorts = 8;
constexpr auto kTidyEvery = std::chrono::seconds(5);

Error refused(std::string why) { return Error(kSandboxFailure, "the sandbox cannot be built: " + std::move(why)); }

}  // namespace

Result<void> check_spec(const SandboxSpec& spec) {
  if (spec.memory_mib < 8) return refused("less than 8 MiB of memory");
  if (spec.ephemeral_mib < 1) return refused("no room in /tmp");
  if (!(spec.cpus > 0)) return refused("no processor time");
  if (spec.listen_ports.size() > kMaxPorts) return refused(fmt::format("more than {} ports", kMaxPorts));
  return check_command(spec);
}

Result<void> check_command(const SandboxSpec& spec) {
  for (const auto& [name, value] : spec.environment)
    if (name.empty() || name.find('=') != std::string::npos || (name + value).find('\0') != std::string::npos)
      return refused(fmt::format("the environment variable \"{}\" cannot be passed on", name));
  for (const std::string& argument : spec.command)
    if (argument.find('\0') != std::string::npos) return refused("an argument contains a NUL");
  return {};
}

namespace {

/// The pipe of stdout and stderr. The sandbox's user owns it, or /dev/stderr could not be opened inside.
Result<std::pair<Fd, Fd>> make_output(std::uint32_t owner) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("make the output pipe");
  std::pair<Fd, Fd> pipe{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return system_error("make the output pipe non-blocking");
  if (::fchown(ends[1], owner, owner) != 0) return system_error("give the output pipe to the sandbox's user");
  return pipe;
}

}  // namespace

Starter::Starter(std::string workshop, Keeper& keeper, MemoryGuard& guard)
    : keeper_(keeper), guard_(guard), zygotes_(keeper) {
  std::promise<Result<void>> promise;
  ready_to_work_ = promise.get_future();
  thread_ = std::thread(&Starter::run, this, std::move(workshop), std::move(promise));
  pthread_setname_np(thread_.native_handle(), "sandbox-start");
}

Starter::~Starter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const std::shared_ptr<Order>& order : queue_) order->life.resolve(refused("the server is stopping"));
}

void Starter::start(std::shared_ptr<Order> order) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(order));
  }
  wake_.notify_one();
}

Result<void> Starter::prepare(const std::string& workshop) {
  Result<NetworkMaker> network = NetworkMaker::make();
  if (!network.ok()) return std::move(network).error();
  network_.emplace(std::move(*network));
  Result<RootTemplates> templates = RootTemplates::make(workshop);
  if (!templates.ok()) return std::move(templates).error();
  templates_.emplace(std::move(*templates));
  return {};
}

void Starter::run(std::string workshop, std::promise<Result<void>> prepared) {
  Result<void> ready = prepare(workshop);
  const bool ok = ready.ok();
  prepared.set_value(std::move(ready));
  while (ok) {
    std::shared_ptr<Order> order;
    const bool zygotes = zygotes_.tidy();
    {
      std::unique_lock lock(mutex_);
      const auto needed = [this] { return stopping_ || !queue_.empty(); };
      if (!zygotes) wake_.wait(lock, needed);
      if (zygotes && !wake_.wait_for(lock, kTidyEvery, needed)) continue;
      if (stopping_) return;
      order = std::move(queue_.front());
      queue_.pop_front();
    }
    carry_out(*order);
  }
}

void Starter::carry_out(Order& order) {
  if (order.life.resolved()) return;  // too late: nobody waits any more
  if (Result<void> sound = check_spec(order.spec); !sound.ok()) {
    order.life.resolve(std::move(sound).error());
    return;
  }
  Result<std::shared_ptr<Life>> life = keeper_.take(order.deadline);
  if (!life.ok()) {
    order.life.resolve(std::move(life).error());
    return;
  }
  Result<void> launched = launch(order.spec, *life);
  const bool given = launched.ok() ? order.life.resolve(*life) : order.life.resolve(std::move(launched).error());
  if (given && launched.ok()) return;
  guard_.forget(**life);
  keeper_.give_back(std::move(*life));
}

Result<void> Starter::launch(const SandboxSpec& spec, const std::shared_ptr<Life>& life) {
  GroupLimits limits;
  limits.memory_bytes = std::uint64_t{spec.memory_mib} << 20;
  limits.cpus = spec.cpus;
  limits.weight = spec.cpu_weight;
  limits.processes = spec.max_processes;
  if (Result<void> set = life->groups.set_limits(limits); !set.ok()) return set;
  Result<std::vector<Fd>> listeners = network_->listen(life->network, spec.listen_ports);
  if (!listeners.ok()) return std::move(listeners).error();
  if (spec.prepare_network) {
    if (Result<void> prepared = spec.prepare_network(life->network.get()); !prepared.ok()) return prepared;
  }
  Result<RootTree> tree = templates_->clone(spec, host_user(life->slot));
  if (!tree.ok()) return std::move(tree).error();
  Result<std::pair<Fd, Fd>> output = make_output(host_user(life->slot));
  if (!output.ok()) return std::move(output).error();

  StartMessage head;
  Fd let_in;
  if (!spec.command.empty()) let_in = zygotes_.fork_into(spec, *life, output->second.get(), *templates_);
  head.from_zygote = let_in ? 1 : 0;
  Result<std::string> message = start_message(spec, tree->mounts, head);
  if (!message.ok()) return std::move(message).error();
  std::vector<int> descriptors{output->second.get(), tree->root.get()};
  for (const LooseMount& mount : tree->mounts) descriptors.push_back(mount.mount.get());
  if (let_in) descriptors.push_back(let_in.get());
  if (descriptors.size() > kMaxDescriptors) return refused("too many mounts");

  life->listeners = std::move(*listeners);
  life->output = std::move(output->first);
  life->tmp = std::move(tree->tmp);
  life->shared = std::move(tree->shared);
  life->memory_bytes = life->limit_bytes = limits.memory_bytes;
  guard_.watch(life);
  return send_message(life->control.get(), *message, descriptors);
}

}  // namespace cumulet::compute::sandbox
