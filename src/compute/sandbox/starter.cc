#include "compute/sandbox/starter.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <pthread.h>
#include <unistd.h>

#include "base/log.h"
#include "compute/sandbox/seccomp.h"

namespace cumulet::compute::sandbox {

namespace {

/// Host users of sandboxes: far from people's, from services' and from the ranges that containers are given.
constexpr std::uint32_t kFirstUser = 1'900'000'000;
constexpr std::size_t kMaxPorts = 8;
constexpr const char* kHostName = "sandbox";

Error refused(std::string why) { return Error(kSandboxFailure, "the sandbox cannot be built: " + std::move(why)); }

Result<void> check(const SandboxSpec& spec) {
  if (spec.command.empty()) return refused("there is no command");
  if (spec.memory_mib < 8) return refused("less than 8 MiB of memory");
  if (spec.ephemeral_mib < 1) return refused("no room in /tmp");
  if (!(spec.cpus > 0)) return refused("no processor time");
  if (spec.listen_ports.size() > kMaxPorts) return refused(fmt::format("more than {} ports", kMaxPorts));
  for (const auto& [name, value] : spec.environment)
    if (name.empty() || name.find('=') != std::string::npos || (name + value).find('\0') != std::string::npos)
      return refused(fmt::format("the environment variable \"{}\" cannot be passed on", name));
  for (const std::string& argument : spec.command)
    if (argument.find('\0') != std::string::npos) return refused("an argument contains a NUL");
  return {};
}

class RequestText {
 public:
  explicit RequestText(const StartMessage& head) : text_(reinterpret_cast<const char*>(&head), sizeof head) {}
  void add(std::string_view string) { text_.append(string).push_back('\0'); }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

Result<std::string> encode(const SandboxSpec& spec, const StartMessage& head, const std::vector<LooseMount>& mounts) {
  RequestText text(head);
  text.add(spec.working_directory);
  text.add(kHostName);
  for (const LooseMount& mount : mounts) text.add(mount.target);
  for (const std::string& argument : spec.command) text.add(argument);
  for (const auto& [name, value] : spec.environment) text.add(fmt::format("{}={}", name, value));
  std::string message = text.take();
  const std::size_t strings = 2 + mounts.size() + spec.command.size() + spec.environment.size();
  if (message.size() > kMaxMessage || strings > kMaxStrings)
    return refused(fmt::format("arguments and environment have {} bytes in {} strings, which is too much",
                               message.size(), strings));
  return message;
}

Result<std::pair<Fd, Fd>> make_output() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return system_error("make the output pipe");
  std::pair<Fd, Fd> pipe{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return system_error("make the output pipe non-blocking");
  return pipe;
}

}  // namespace

Result<std::unique_ptr<Starter>> Starter::make(std::string workshop, Keeper& keeper, Watcher& watcher) {
  std::unique_ptr<Starter> starter(new Starter(keeper, watcher));
  std::promise<Result<void>> promise;
  std::future<Result<void>> prepared = promise.get_future();
  starter->thread_ = std::thread(&Starter::run, starter.get(), std::move(workshop), std::move(promise));
  pthread_setname_np(starter->thread_.native_handle(), "sandbox-start");
  if (Result<void> done = prepared.get(); !done.ok()) return std::move(done).error();
  return starter;
}

Starter::~Starter() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  for (const std::shared_ptr<Life>& life : queue_) life->fail(refused("the server is stopping"));
}

void Starter::start(std::shared_ptr<Life> life) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(life));
  }
  wake_.notify_one();
}

Result<void> Starter::prepare(const std::string& workshop) {
  Result<std::string> filter = build_filter();
  if (!filter.ok()) return std::move(filter).error();
  filter_ = std::move(*filter);
  Result<RootTemplates> templates = RootTemplates::make(workshop);
  if (!templates.ok()) return std::move(templates).error();
  templates_.emplace(std::move(*templates));
  Result<NetworkMaker> network = NetworkMaker::make();
  if (!network.ok()) return std::move(network).error();
  network_.emplace(std::move(*network));
  Result<std::unique_ptr<Warden>> warden = Warden::launch(filter_);
  if (!warden.ok()) return std::move(warden).error();
  warden_ = std::move(*warden);
  return {};
}

void Starter::run(std::string workshop, std::promise<Result<void>> prepared) {
  Result<void> ready = prepare(workshop);
  const bool ok = ready.ok();
  prepared.set_value(std::move(ready));
  while (ok) {
    std::shared_ptr<Life> life;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
      if (stopping_) break;
      life = std::move(queue_.front());
      queue_.pop_front();
    }
    if (Result<void> launched = launch(life); !launched.ok()) life->fail(std::move(launched).error());
  }
  warden_.reset();
}

/// A warden that has died (nothing of ours makes it) is replaced; its sandboxes died with it.
Result<void> Starter::request(const std::string& message, const std::vector<int>& descriptors) {
  Result<void> sent = warden_->request(message, descriptors);
  if (sent.ok()) return sent;
  log::error("the warden is gone and is started again", {{"reason", sent.error().message()}});
  Result<std::unique_ptr<Warden>> again = Warden::launch(filter_);
  if (!again.ok()) return std::move(again).error();
  warden_ = std::move(*again);
  return warden_->request(message, descriptors);
}

Result<void> Starter::launch(const std::shared_ptr<Life>& life) {
  const SandboxSpec& spec = life->spec;
  if (Result<void> sound = check(spec); !sound.ok()) return sound;
  Cell cell;
  if (!keeper_.take(cell)) {
    Result<Cell> made = keeper_.make(*network_);
    if (!made.ok()) return std::move(made).error();
    cell = std::move(*made);
  }
  life->cell = std::move(cell);
  const std::uint32_t user = kFirstUser + life->cell.slot;

  GroupLimits limits;
  limits.memory_bytes = std::uint64_t{spec.memory_mib} << 20;
  limits.cpus = spec.cpus;
  limits.processes = spec.max_processes;
  if (Result<void> set = life->cell.groups.set_limits(limits); !set.ok()) return set;

  Result<std::vector<Fd>> listeners = network_->listen(life->cell.network, spec.listen_ports);
  if (!listeners.ok()) return std::move(listeners).error();
  life->listeners = std::move(*listeners);
  Result<RootTree> tree = templates_->clone(spec, user);
  if (!tree.ok()) return std::move(tree).error();
  Result<std::pair<Fd, Fd>> control = make_socket_pair();
  if (!control.ok()) return std::move(control).error();
  Result<std::pair<Fd, Fd>> output = make_output();
  if (!output.ok()) return std::move(output).error();
  Result<std::vector<Fd>> groups = life->cell.groups.open_members(false);
  if (!groups.ok()) return std::move(groups).error();
  Result<std::vector<Fd>> late = life->cell.groups.open_members(true);
  if (!late.ok()) return std::move(late).error();

  StartMessage head;
  head.host_user = user;
  head.max_processes = spec.max_processes;
  head.unified = life->cell.groups.unified() >= 0 ? 1 : 0;
  head.groups = static_cast<std::uint32_t>(groups->size());
  head.late_groups = static_cast<std::uint32_t>(late->size());
  head.mounts = static_cast<std::uint32_t>(tree->mounts.size());
  head.arguments = static_cast<std::uint32_t>(spec.command.size());
  head.variables = static_cast<std::uint32_t>(spec.environment.size());
  Result<std::string> message = encode(spec, head, tree->mounts);
  if (!message.ok()) return std::move(message).error();

  std::vector<int> descriptors{control->second.get(), output->second.get(), life->cell.network.get(), tree->root.get()};
  if (head.unified != 0) descriptors.push_back(life->cell.groups.unified());
  for (const Fd& file : *groups) descriptors.push_back(file.get());
  for (const Fd& file : *late) descriptors.push_back(file.get());
  for (const LooseMount& mount : tree->mounts) descriptors.push_back(mount.mount.get());
  if (descriptors.size() > kMaxDescriptors) return refused("too many mounts");

  life->control = std::move(control->first);
  life->output = std::move(output->first);
  if (Result<void> watched = watcher_.watch(life); !watched.ok()) return watched;
  return request(*message, descriptors);
}

}  // namespace cumulet::compute::sandbox
