#include "compute/sandbox/keeper.h"

#include <algorithm>
#include <chrono>

#include <fmt/core.h>
#include <pthread.h>

#include "base/log.h"
#include "compute/sandbox/identity.h"
#include "compute/sandbox/seccomp.h"

namespace cumulet::compute::sandbox {

namespace {
constexpr std::size_t kReady = 8;
constexpr auto kRetry = std::chrono::milliseconds(2);
constexpr auto kLastPatience = std::chrono::seconds(2);
}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::make(const GroupForest& forest) {
  std::unique_ptr<Keeper> keeper(new Keeper(forest));
  Keeper* self = keeper.get();
  Result<std::unique_ptr<Watcher>> watcher = Watcher::make([self] {
    const std::lock_guard lock(self->mutex_);  // or it could come between a look and the wait
    self->wake_.notify_all();
  });
  if (!watcher.ok()) return std::move(watcher).error();
  keeper->watcher_ = std::move(*watcher);
  std::promise<Result<void>> promise;
  keeper->ready_to_work_ = promise.get_future();
  keeper->thread_ = std::thread(&Keeper::run, self, std::move(promise));
  pthread_setname_np(keeper->thread_.native_handle(), "sandbox-keep");
  return keeper;
}

Keeper::~Keeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  watcher_.reset();  // it wakes us: first it, then what it touches
}

Result<void> Keeper::prepare() {
  Result<std::string> filter = build_filter();
  if (!filter.ok()) return std::move(filter).error();
  filter_ = std::move(*filter);
  Result<NetworkMaker> network = NetworkMaker::make();
  if (!network.ok()) return std::move(network).error();
  network_.emplace(std::move(*network));
  Result<std::unique_ptr<Warden>> warden = Warden::launch(filter_);
  if (!warden.ok()) return std::move(warden).error();
  warden_ = std::move(*warden);
  return {};
}

Result<std::shared_ptr<Life>> Keeper::take(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  wanted_ = true;
  broken_ = false;
  failure_.reset();
  wake_.notify_all();
  const bool in_time = wake_.wait_until(lock, deadline, [this] {
    notice_changes();
    return !ready_.empty() || failure_ || stopping_;
  });
  wanted_ = false;
  if (!ready_.empty()) {
    std::shared_ptr<Life> life = std::move(ready_.front());
    ready_.pop_front();
    wake_.notify_all();
    return life;
  }
  if (failure_) return *failure_;
  return Error(kSandboxFailure, in_time ? "the server is stopping" : "no sandbox was ready in time");
}

void Keeper::give_back(std::shared_ptr<Life> life) {
  life->kill();
  std::lock_guard lock(mutex_);
  leaving_.push_back(std::move(life));
  wake_.notify_all();
}

void Keeper::note_failure(Error error) {
  if (!wanted_)
    log::warning("a sandbox cannot be prepared ahead of need", {{"reason", error.message()}});
  else
    failure_ = std::move(error);
  broken_ = true;
}

/// Sorts those that are being prepared: some wait for their start now, some have failed. Those that died while waiting
/// (the warden went away) are no use either.
void Keeper::notice_changes() {
  std::erase_if(preparing_, [this](std::shared_ptr<Life>& life) {
    if (life->waiting() && !life->over()) {
      ready_.push_back(std::move(life));
      return true;
    }
    if (!life->over()) return false;
    note_failure(life->failure().value_or(Error(kSandboxFailure, "the sandbox's init ended too early")));
    leaving_.push_back(std::move(life));
    return true;
  });
  std::erase_if(ready_, [this](std::shared_ptr<Life>& life) {
    if (!life->over()) return false;
    leaving_.push_back(std::move(life));
    return true;
  });
}

bool Keeper::has_work() const {
  if (stopping_ || !leaving_.empty()) return true;
  return !broken_ && ready_.size() + preparing_.size() < kReady;
}

Result<void> Keeper::request(const Life& life, Fd control) {
  Result<std::vector<Fd>> members = life.groups.open_members();
  if (!members.ok()) return std::move(members).error();
  PrepareMessage head;
  head.host_user = host_user(life.slot);
  head.groups = static_cast<std::uint32_t>(members->size());
  head.only_user = in_user_namespace() ? 1 : 0;
  head.into_group = life.groups.any() ? 1 : 0;
  std::vector<int> descriptors{control.get(), life.network.get()};
  if (life.groups.any()) descriptors.push_back(life.groups.unified());
  for (const Fd& file : *members) descriptors.push_back(file.get());
  const std::string_view message(reinterpret_cast<const char*>(&head), sizeof head);

  Result<void> sent = warden_->request(message, descriptors);
  if (sent.ok()) return sent;
  const std::lock_guard lock(warden_mutex_);
  // Nothing of ours ends the warden; if it has gone, its sandboxes went with it.
  log::error("the warden is gone and is launched again", {{"reason", sent.error().message()}});
  Result<std::unique_ptr<Warden>> again = Warden::launch(filter_);
  if (!again.ok()) return std::move(again).error();
  warden_ = std::move(*again);
  return warden_->request(message, descriptors);
}

Result<Fd> Keeper::start_zygote(std::string_view message, std::vector<int> descriptors) {
  Result<std::pair<Fd, Fd>> control = make_socket_pair();
  if (!control.ok()) return std::move(control).error();
  descriptors.insert(descriptors.begin(), control->second.get());
  const std::lock_guard lock(warden_mutex_);
  if (!warden_) return Error(kSandboxFailure, "the server is stopping");
  if (Result<void> sent = warden_->request(message, descriptors); !sent.ok()) return std::move(sent).error();
  return std::move(control->first);
}

Result<std::shared_ptr<Life>> Keeper::create(std::uint32_t slot) {
  if (slot >= kMaxSlots) return Error(kSandboxFailure, fmt::format("{} sandboxes exist already", kMaxSlots));
  Result<GroupSet> groups = forest_.create(fmt::format("s{}", slot));
  if (!groups.ok()) return std::move(groups).error();
  Result<std::pair<Fd, Fd>> control = make_socket_pair();
  if (!control.ok()) {
    forest_.remove(*groups);
    return std::move(control).error();
  }
  Result<Fd> network = network_->create_namespace();
  if (!network.ok()) {
    forest_.remove(*groups);
    return std::move(network).error();
  }
  auto life = std::make_shared<Life>(slot, std::move(*groups), std::move(*network), std::move(control->first));
  Result<void> asked = watcher_->watch(life);
  if (asked.ok()) asked = request(*life, std::move(control->second));
  // Without its other end the control socket hangs up, and the life is over: it takes the usual way out.
  if (!asked.ok()) life->fail(std::move(asked).error());
  return life;
}

void Keeper::make_one(std::unique_lock<std::mutex>& lock) {
  std::uint32_t slot = next_slot_;
  if (free_slots_.empty()) {
    ++next_slot_;
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  lock.unlock();
  Result<std::shared_ptr<Life>> life = create(slot);
  lock.lock();
  if (life.ok()) {
    preparing_.push_back(std::move(*life));
    return;
  }
  free_slots_.push_back(slot);
  note_failure(std::move(life).error());
  wake_.notify_all();
}

void Keeper::clear(std::unique_lock<std::mutex>& lock) {
  Lives leaving = std::exchange(leaving_, {});
  lock.unlock();
  std::vector<std::uint32_t> freed;
  std::erase_if(leaving, [&](const std::shared_ptr<Life>& life) {
    if (!life->over() || !forest_.remove(life->groups)) return false;
    freed.push_back(life->slot);
    return true;
  });
  lock.lock();
  leaving_.insert(leaving_.end(), leaving.begin(), leaving.end());
  free_slots_.insert(free_slots_.end(), freed.begin(), freed.end());
}

void Keeper::run(std::promise<Result<void>> prepared) {
  Result<void> ready = prepare();
  const bool ok = ready.ok();
  prepared.set_value(std::move(ready));
  if (!ok) return;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    notice_changes();
    if (!has_work()) {
      wake_.wait(lock);
      continue;
    }
    if (!leaving_.empty()) clear(lock);
    if (!stopping_ && !broken_ && ready_.size() + preparing_.size() < kReady)
      make_one(lock);
    else if (!leaving_.empty())
      wake_.wait_for(lock, kRetry);
  }
  for (Lives* lives : {&preparing_, &leaving_})
    for (const std::shared_ptr<Life>& life : *lives) life->kill();
  for (const std::shared_ptr<Life>& life : ready_) life->kill();
  leaving_.insert(leaving_.end(), preparing_.begin(), preparing_.end());
  leaving_.insert(leaving_.end(), ready_.begin(), ready_.end());
  const auto give_up = std::chrono::steady_clock::now() + kLastPatience;
  for (clear(lock); !leaving_.empty() && std::chrono::steady_clock::now() < give_up; clear(lock))
    wake_.wait_for(lock, kRetry);
  lock.unlock();
  const std::lock_guard last(warden_mutex_);
  warden_.reset();  // and with it whatever still lives
}

}  // namespace cumulet::compute::sandbox
