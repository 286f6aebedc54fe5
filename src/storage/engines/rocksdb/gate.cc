#include "storage/engines/rocksdb/gate.h"

#include <algorithm>

namespace cumulet::storage {
namespace {

/// After the disk refused a group, writes fail at once for this long; then one is let through to try again.
constexpr milliseconds kRefusal{200};

Error conflict() {
  return Error(errors::kTransactionConflict, "The transaction read what another one has changed since.");
}

Error unavailable() {
  return Error(errors::kServiceUnavailable,
               "The store cannot write to its disk at the moment. Please try again later.");
}

}  // namespace

Gate::Gate(DurablePtr initial, std::size_t history_bytes, std::uint64_t commits)
    : history_bytes_(history_bytes), durable_(std::move(initial)), place_(commits) {
  states_.push_back(durable_);
}

View Gate::view() {
  std::lock_guard lock(mutex_);
  return View(durable_, last_, epoch_);
}

Result<void> Gate::still_valid(const View& view) const {
  if (view.epoch != epoch_ || view.durable->sequence < forgotten_) return conflict();
  return {};
}

Result<std::optional<Version>> Gate::find(const View& view, std::string_view key) {
  std::lock_guard lock(mutex_);
  if (Result<void> valid = still_valid(view); !valid.ok()) return std::move(valid).error();
  const Version* version = recent_.find(key, view.visible);
  if (!version) return std::optional<Version>();
  return std::optional<Version>(*version);
}

Result<std::vector<Version>> Gate::collect(const View& view, const KeyRange& range, bool reverse, std::size_t count) {
  std::lock_guard lock(mutex_);
  if (Result<void> valid = still_valid(view); !valid.ok()) return std::move(valid).error();
  return recent_.collect(range, view.visible, reverse, count);
}

Result<void> Gate::validate(const View& view, const ReadSet& reads) const {
  if (Result<void> valid = still_valid(view); !valid.ok()) return valid;
  if (last_ == view.visible) return {};
  for (const std::string& key : reads.keys) {
    if (recent_.changed(key, view.visible)) return conflict();
  }
  for (const KeyRange& range : reads.ranges) {
    if (recent_.changed(range, view.visible)) return conflict();
  }
  return {};
}

Result<Ticket> Gate::commit(const std::optional<View>& view, const ReadSet& reads, Writes writes,
                            std::vector<Append> appends) {
  std::vector<Write> moved;
  moved.reserve(writes.size() + appends.size());
  for (auto it = writes.begin(); it != writes.end();) {
    auto node = writes.extract(it++);
    moved.emplace_back(std::move(node.key()), std::move(node.mapped()));
  }

  std::unique_lock lock(mutex_);
  if (moved.empty() && appends.empty()) {
    // It saw one consistent view, so there is nothing to validate; but what it saw may have yet to become durable.
    return view ? Ticket(reads.newest, view->epoch, false) : Ticket(0, epoch_, false);
  }
  if (closed_) return unavailable();
  if (view) {
    if (Result<void> valid = validate(*view, reads); !valid.ok()) {
      ++stats_.conflicts;
      return std::move(valid).error();
    }
  }
  if (refuse_until_ != SteadyTime() && std::chrono::steady_clock::now() < refuse_until_) return unavailable();

  const Ticket ticket(++last_, epoch_, true);
  ++place_;
  for (std::size_t i = 0; i < appends.size(); ++i) {
    moved.emplace_back(appends[i].key(place_, i), std::move(appends[i].value));
  }
  const CommitPtr record = std::make_shared<const CommitRecord>(ticket.sequence, std::move(moved));
  recent_.add(record);
  queue_.push_back(record);
  ++stats_.commits;
  Loop* const loop = Loop::current();
  const bool wake = committer_idle_ && (!loop || std::exchange(waking_, loop) != loop);
  lock.unlock();

  // The wake-up goes behind the work that is ready on this loop now: what that commits too, joins the same group.
  if (wake) {
    if (loop) {
      loop->post([self = shared_from_this()] { self->wake_committer(); });
    } else {
      wake_committer();
    }
  }
  for (const Listener& listener : listeners_) {
    for (const Write& write : record->writes) {
      if (write.key.starts_with(listener.prefix)) listener.wake(write.key);
    }
  }
  return ticket;
}

void Gate::wake_committer() {
  {
    std::lock_guard lock(mutex_);
    waking_ = nullptr;
    committer_idle_ = false;
  }
  work_.notify_one();
}

bool Gate::Durable::await_suspend(std::coroutine_handle<> handle) {
  std::lock_guard lock(gate_->mutex_);
  if (ticket_.epoch != gate_->epoch_) {
    lost_ = ticket_.sequence > gate_->durable_at_break_[ticket_.epoch];
    return false;
  }
  if (ticket_.sequence <= gate_->durable_->sequence) return false;
  handle_ = handle;
  loop_ = Loop::current();
  gate_->waiters_.push_back(this);
  return true;
}

Result<void> Gate::Durable::await_resume() const {
  if (!lost_) return {};
  return ticket_.wrote ? unavailable() : conflict();
}

std::vector<CommitPtr> Gate::next_group(std::size_t max_bytes) {
  std::unique_lock lock(mutex_);
  // A wake-up may come late, when the group before has taken what it was sent for. Then there is nothing to take, and
  // an empty group would end the committer.
  while (queue_.empty() && !closed_) {
    committer_idle_ = true;
    work_.wait(lock, [this] { return !committer_idle_ || closed_; });
  }
  committer_idle_ = false;
  std::vector<CommitPtr> group;
  std::size_t bytes = 0;
  while (!queue_.empty() && bytes < max_bytes) {
    bytes += queue_.front()->bytes;
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  return group;
}

void Gate::group_durable(DurablePtr state) {
  Released released;
  DurablePtr previous;
  {
    std::lock_guard lock(mutex_);
    previous = std::exchange(durable_, std::move(state));
    states_.push_back(durable_);
    refuse_until_ = SteadyTime();
    ++stats_.syncs;
    released = take_waiters();
  }
  previous.reset();  // Its snapshot goes, when no view holds it, before we look which commits are still needed.
  {
    std::lock_guard lock(mutex_);
    forget_unneeded();
  }
  resume(std::move(released));
}

void Gate::group_refused() {
  Released released;
  {
    std::lock_guard lock(mutex_);
    durable_at_break_.push_back(durable_->sequence);
    ++epoch_;
    queue_.clear();
    place_ -= recent_.forget_after(durable_->sequence);
    refuse_until_ = std::chrono::steady_clock::now() + kRefusal;
    for (Durable* waiter : waiters_) waiter->lost_ = true;
    for (Durable* waiter : std::exchange(waiters_, {})) released[waiter->loop_].push_back(waiter);
  }
  resume(std::move(released));
}

Gate::Released Gate::take_waiters() {
  Released released;
  const Sequence durable = durable_->sequence;
  std::erase_if(waiters_, [&](Durable* waiter) {
    if (waiter->ticket_.sequence > durable) return false;
    released[waiter->loop_].push_back(waiter);
    return true;
  });
  return released;
}

/// One wake-up a loop, however many wait there.
void Gate::resume(Released released) {
  for (auto& [loop, waiters] : released) {
    loop->post([waiters = std::move(waiters)] {
      for (Durable* waiter : waiters) waiter->handle_.resume();
    });
  }
}

void Gate::forget_unneeded() {
  DurablePtr oldest = states_.front().lock();
  while (!oldest) {  // The last one is durable_, which lives.
    states_.pop_front();
    oldest = states_.front().lock();
  }
  recent_.forget_through(oldest->sequence);
  while (recent_.bytes() > history_bytes_) {
    const Sequence first = (*recent_.oldest())->sequence;
    if (first > durable_->sequence) return;
    recent_.forget_through(first);
    forgotten_ = first;
  }
}

void Gate::close() {
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
  }
  work_.notify_one();
}

void Gate::release() {
  std::lock_guard lock(mutex_);
  recent_.forget_through(last_);
  durable_ = std::make_shared<const DurableState>(durable_->sequence, nullptr);
}

void Gate::on_commit(std::string prefix, std::function<void(std::string_view)> wake) {
  std::lock_guard lock(mutex_);
  listeners_.emplace_back(std::move(prefix), std::move(wake));
}

DatabaseStats Gate::stats() const {
  std::lock_guard lock(mutex_);
  DatabaseStats stats = stats_;
  stats.idle = committer_idle_;
  return stats;
}

}  // namespace cumulet::storage
