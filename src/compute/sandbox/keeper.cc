#include "compute/sandbox/keeper.h"

#include <algorithm>
#include <chrono>

#include <fmt/core.h>
#include <pthread.h>

#include "base/log.h"

namespace cumulet::compute::sandbox {

namespace {
constexpr std::size_t kReadyCells = 8;
constexpr std::uint32_t kMaxSlots = 60'000;
constexpr auto kRetry = std::chrono::milliseconds(2);
constexpr auto kLastPatience = std::chrono::seconds(2);
}  // namespace

Keeper::Keeper(const GroupForest& forest) : forest_(forest), thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "sandbox-keep");
}

Keeper::~Keeper() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
  for (const Cell& cell : ready_) forest_.remove(cell.groups);
}

bool Keeper::take(Cell& cell) {
  std::lock_guard lock(mutex_);
  if (ready_.empty()) return false;
  cell = std::move(ready_.front());
  ready_.pop_front();
  wake_.notify_all();
  return true;
}

Result<std::uint32_t> Keeper::take_slot() {
  std::lock_guard lock(mutex_);
  if (!free_slots_.empty()) {
    const std::uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }
  if (next_slot_ == kMaxSlots) return Error(kSandboxFailure, fmt::format("{} sandboxes exist already", kMaxSlots));
  return next_slot_++;
}

Result<Cell> Keeper::make(NetworkMaker& network) {
  Result<std::uint32_t> slot = take_slot();
  if (!slot.ok()) return std::move(slot).error();
  const auto give_slot_back = [&] {
    std::lock_guard lock(mutex_);
    free_slots_.push_back(*slot);
  };
  Result<GroupSet> groups = forest_.create(fmt::format("s{}", *slot));
  if (!groups.ok()) {
    give_slot_back();
    return std::move(groups).error();
  }
  Result<Fd> space = network.create_namespace();
  if (!space.ok()) {
    forest_.remove(*groups);
    give_slot_back();
    return std::move(space).error();
  }
  return Cell(*slot, std::move(*groups), std::move(*space));
}

void Keeper::give_back(std::shared_ptr<Life> life) {
  life->kill();
  std::lock_guard lock(mutex_);
  leaving_.push_back(std::move(life));
  wake_.notify_all();
}

bool Keeper::clear(const Life& life) { return life.over() && forest_.remove(life.cell.groups); }

bool Keeper::refill(NetworkMaker& network) {
  {
    std::lock_guard lock(mutex_);
    if (ready_.size() >= kReadyCells || stopping_) return true;
  }
  Result<Cell> cell = make(network);
  if (!cell.ok()) {
    log::warning("cannot make a sandbox's parts ahead of need", {{"reason", cell.error().message()}});
    return false;
  }
  std::lock_guard lock(mutex_);
  ready_.push_back(std::move(*cell));
  return true;
}

void Keeper::run() {
  Result<NetworkMaker> network = NetworkMaker::make();
  std::chrono::steady_clock::time_point give_up{};
  for (;;) {
    std::vector<std::shared_ptr<Life>> leaving;
    {
      std::unique_lock lock(mutex_);
      const auto idle = [this] { return leaving_.empty() && (broken_ || ready_.size() >= kReadyCells) && !stopping_; };
      if (idle())
        wake_.wait(lock, [&] { return !idle(); });
      else if (!leaving_.empty())
        wake_.wait_for(lock, kRetry, [this] { return stopping_; });
      leaving.swap(leaving_);
      if (stopping_) {
        const auto now = std::chrono::steady_clock::now();
        if (give_up.time_since_epoch().count() == 0) give_up = now + kLastPatience;
        if (leaving.empty() || now > give_up) return;
      }
    }
    std::vector<std::uint32_t> freed;
    std::erase_if(leaving, [&](const std::shared_ptr<Life>& life) {
      if (!clear(*life)) return false;
      if (life->cell.slot != Cell::kNone) freed.push_back(life->cell.slot);
      return true;
    });
    {
      std::lock_guard lock(mutex_);
      leaving_.insert(leaving_.end(), leaving.begin(), leaving.end());
      free_slots_.insert(free_slots_.end(), freed.begin(), freed.end());
    }
    // A namespace that cannot be made now may be makeable when another sandbox has gone.
    const bool filled = network.ok() && refill(*network);
    std::lock_guard lock(mutex_);
    broken_ = !filled;
  }
}

}  // namespace cumulet::compute::sandbox
