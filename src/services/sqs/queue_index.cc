#include "services/sqs/queue_index.h"

#include <algorithm>

namespace cumulet::sqs {
namespace {

/// Messages that one receive moves or lets expire besides those it delivers.
constexpr std::size_t kAside = 50;

Position just_after(Position position) { return {position.time, position.sequence + 1}; }

}  // namespace

QueueIndex::QueueIndex(bool fifo, std::uint64_t first_sequence, std::uint64_t purged_through, Limits limits)
    : fifo_(fifo),
      limits_(limits),
      first_sequence_(first_sequence),
      purged_through_(purged_through),
      next_sequence_(first_sequence),
      floor_(INT64_MIN) {}

// Sending.

Position QueueIndex::assign(Micros time) {
  const Position position(std::max(time, floor_), next_sequence_++);
  // In a FIFO queue the order of places is the order of sequence numbers, whatever the clock does.
  if (fifo_) floor_ = position.time;
  pending_.insert(position);
  return position;
}

void QueueIndex::abandon(Position position, Micros now) {
  pending_.erase(position);
  publish_ready(now);
}

void QueueIndex::publish(Position position, MessageState state, Micros now) {
  pending_.erase(position);
  if (!fifo_ && position.time > now) {
    leave_on_disk(position);  // No load goes so far yet: it need not wait for its turn.
  } else {
    done_.emplace(position, std::move(state));
  }
  publish_ready(now);
}

void QueueIndex::publish_ready(Micros now) {
  while (!done_.empty() && (pending_.empty() || done_.begin()->first < *pending_.begin())) {
    const Position position = done_.begin()->first;
    MessageState state = std::move(done_.begin()->second);
    done_.erase(done_.begin());
    if (position.sequence <= purged_through_) continue;
    const bool first = !next_on_disk_ || position < *next_on_disk_;
    const std::size_t room = fifo_ ? limits_.blocked_window : limits_.window;
    if (first && !loading_ && position >= loaded_to_ && waiting() < room) {
      loaded_to_ = just_after(position);
      floor_ = std::max(floor_, position.time);
      insert(position, std::move(state), now);
    } else {
      leave_on_disk(position);
    }
  }
}

void QueueIndex::leave_on_disk(Position position) {
  if (position.sequence <= purged_through_) return;
  count_beyond(position, 1);
  if (loading_) missed_ = std::min(missed_.value_or(position), position);
  next_on_disk_ = std::min(next_on_disk_.value_or(position), position);
}

// Receiving.

void QueueIndex::insert(Position position, MessageState state, Micros now) {
  const auto [at, fresh] = entries_.try_emplace(position);
  if (!fresh) return;
  Entry& entry = at->second;
  entry.state = std::move(state);
  if (fifo_) {
    Group& group = groups_[entry.state.group];
    group.name = entry.state.group;
    entry.group = &group;
  }
  if (entry.state.receives > 0 && entry.state.visible_at > now) {
    entry.place = Place::kInFlight;
    in_flight_.emplace(entry.state.visible_at, position);
    if (entry.group == nullptr) return;
    const std::optional<Position> head =
        entry.group->waiting.empty() ? std::nullopt : std::optional<Position>(*entry.group->waiting.begin());
    if (head) available_.erase(*head);
    ++entry.group->out;
    return;
  }
  make_ready(position, entry, std::max(entry.state.visible_at, position.time));
}

void QueueIndex::make_ready(Position position, Entry& entry, Micros available) {
  entry.place = Place::kReady;
  entry.available = available;
  if (entry.group == nullptr) {
    ready_.emplace(available, position);
    return;
  }
  Group& group = *entry.group;
  const std::optional<Position> head =
      group.waiting.empty() ? std::nullopt : std::optional<Position>(*group.waiting.begin());
  group.waiting.insert(position);
  group_changed(group, head);
}

void QueueIndex::leave_ready(Position position, Entry& entry) {
  if (entry.group == nullptr) {
    ready_.erase({entry.available, position});
    return;
  }
  Group& group = *entry.group;
  const std::optional<Position> head = *group.waiting.begin();
  group.waiting.erase(position);
  group_changed(group, head);
}

/// Keeps available_ in step with a group whose waiting messages or lock changed.
void QueueIndex::group_changed(Group& group, std::optional<Position> old_head) {
  if (old_head) available_.erase(*old_head);
  if (group.out == 0 && !group.waiting.empty()) available_[*group.waiting.begin()] = &group;
}

void QueueIndex::forget_group(Group& group) {
  if (group.out > 0 || !group.waiting.empty()) return;
  const std::string name = group.name;
  groups_.erase(name);
}

/// Out of kTaken or kInFlight, into none.
void QueueIndex::leave_flight(Position position, Entry& entry) {
  if (entry.place == Place::kTaken) {
    --taken_;
  } else {
    in_flight_.erase({entry.state.visible_at, position});
  }
  if (entry.group == nullptr) return;
  --entry.group->out;
  group_changed(*entry.group, std::nullopt);
}

void QueueIndex::release_expired(Micros now) {
  while (!in_flight_.empty() && in_flight_.begin()->first <= now) {
    const auto [visible_at, position] = *in_flight_.begin();
    Entry& entry = entries_.at(position);
    leave_flight(position, entry);
    make_ready(position, entry, visible_at);
  }
}

QueueIndex::Fate QueueIndex::fate(const MessageState& state, const Choice& choice) const {
  if (state.sent + choice.retention <= choice.now) return Fate::kExpire;
  if (choice.max_receives > 0 && state.receives_here() >= choice.max_receives) return Fate::kDeadLetter;
  return Fate::kDeliver;
}

std::vector<QueueIndex::Taken> QueueIndex::take(const Choice& choice) {
  release_expired(choice.now);
  std::vector<Taken> taken;
  if (fifo_) {
    take_fifo(choice, taken);
  } else {
    take_standard(choice, taken);
  }
  return taken;
}

void QueueIndex::take_one(Position position, Entry& entry, const Choice& choice, std::vector<Taken>& taken) {
  taken.emplace_back(position, entry.state, fate(entry.state, choice));
  entry.place = Place::kTaken;
  ++taken_;
}

void QueueIndex::take_standard(const Choice& choice, std::vector<Taken>& taken) {
  std::size_t delivered = 0;
  while (delivered < choice.count && taken.size() < choice.count + kAside && !ready_.empty()) {
    const auto [available, position] = *ready_.begin();
    if (available > choice.now) break;
    Entry& entry = entries_.at(position);
    ready_.erase(ready_.begin());
    take_one(position, entry, choice, taken);
    if (taken.back().fate == Fate::kDeliver) ++delivered;
  }
}

void QueueIndex::take_fifo(const Choice& choice, std::vector<Taken>& taken) {
  std::size_t delivered = 0;
  auto next = available_.begin();
  while (delivered < choice.count && taken.size() < choice.count + kAside && next != available_.end()) {
    Group& group = *next->second;
    const Position head = next->first;
    while (delivered < choice.count && taken.size() < choice.count + kAside && !group.waiting.empty()) {
      const Position position = *group.waiting.begin();
      Entry& entry = entries_.at(position);
      if (entry.state.sent + choice.fifo_delay > choice.now) break;
      group.waiting.erase(group.waiting.begin());
      ++group.out;
      take_one(position, entry, choice, taken);
      if (taken.back().fate == Fate::kDeliver) ++delivered;
    }
    if (group.out == 0) {
      ++next;  // Its first message is delayed.
    } else {
      next = available_.erase(available_.find(head));
    }
  }
}

void QueueIndex::put_back(Position position) {
  const auto found = entries_.find(position);
  if (found == entries_.end() || found->second.place != Place::kTaken) return;
  Entry& entry = found->second;
  leave_flight(position, entry);
  make_ready(position, entry, entry.available);
}

void QueueIndex::received(Position position, MessageState state) {
  const auto found = entries_.find(position);
  if (found == entries_.end() || found->second.place != Place::kTaken) return;
  Entry& entry = found->second;
  entry.state = std::move(state);
  entry.place = Place::kInFlight;
  --taken_;
  in_flight_.emplace(entry.state.visible_at, position);
}

void QueueIndex::removed(Position position) {
  const auto found = entries_.find(position);
  if (found == entries_.end()) {
    if (position >= loaded_to_) count_beyond(position, -1);
    return;
  }
  Entry& entry = found->second;
  Group* group = entry.group;
  if (entry.place == Place::kReady) {
    leave_ready(position, entry);
  } else {
    leave_flight(position, entry);
  }
  entries_.erase(found);
  if (group != nullptr) forget_group(*group);
}

void QueueIndex::changed(Position position, MessageState state, Micros now) {
  const auto found = entries_.find(position);
  if (found == entries_.end() || found->second.place == Place::kTaken) return;
  Entry& entry = found->second;
  if (entry.place == Place::kInFlight) {
    leave_flight(position, entry);
  } else {
    leave_ready(position, entry);
  }
  entry.state = std::move(state);
  if (entry.state.visible_at <= now) {
    make_ready(position, entry, entry.state.visible_at);
    return;
  }
  entry.place = Place::kInFlight;
  in_flight_.emplace(entry.state.visible_at, position);
  if (entry.group == nullptr) return;
  if (!entry.group->waiting.empty()) available_.erase(*entry.group->waiting.begin());
  ++entry.group->out;
}

std::optional<MessageState> QueueIndex::in_flight(Position position) const {
  const auto found = entries_.find(position);
  if (found == entries_.end() || found->second.place != Place::kInFlight) return std::nullopt;
  return found->second.state;
}

// Loading.

std::optional<QueueIndex::Load> QueueIndex::begin_load(Micros now) {
  if (loading_ || !next_on_disk_) return std::nullopt;
  if (!fifo_ && next_on_disk_->time > now) return std::nullopt;
  const bool enough = fifo_ ? available_.size() >= limits_.low_water || waiting() >= limits_.blocked_window
                            : ready_.size() >= limits_.low_water;
  if (enough) return std::nullopt;
  Position bound(fifo_ ? std::max(now, floor_) : now, next_sequence_);
  if (!pending_.empty()) bound = std::min(bound, *pending_.begin());
  if (bound <= loaded_to_) return std::nullopt;
  loading_ = true;
  missed_.reset();
  floor_ = std::max(floor_, bound.time);
  return Load(loaded_to_, bound);
}

void QueueIndex::end_load(const Load& load, const std::vector<std::pair<Position, MessageState>>& rows, bool more,
                          Micros now) {
  loading_ = false;
  std::optional<Position> next = missed_;
  Position reached = load.bound;
  if (more) reached = std::min(reached, just_after(rows.back().first));
  for (const auto& [position, state] : rows) {
    if (position >= load.bound) {
      next = std::min(next.value_or(position), position);
      break;
    }
    // A purge, or what memory has already.
    if (position < loaded_to_ || position.sequence <= purged_through_) continue;
    const bool counted = !counted_to_ || position < *counted_to_ || position.sequence >= first_sequence_;
    if (counted) count_beyond(position, -1);
    insert(position, state, now);
  }
  if (more && reached < load.bound) next = std::min(next.value_or(reached), reached);
  loaded_to_ = std::max(loaded_to_, reached);
  next_on_disk_ = next;
}

// Counting.

void QueueIndex::count_beyond(Position position, int by) {
  const std::int64_t second = position.time / kSecond;
  if (by > 0) {
    if (fifo_) {
      ++beyond_visible_;
    } else {
      ++beyond_later_[second];
    }
    return;
  }
  const auto found = beyond_later_.find(second);
  if (found != beyond_later_.end()) {
    if (--found->second == 0) beyond_later_.erase(found);
  } else if (beyond_visible_ > 0) {
    --beyond_visible_;
  }
}

void QueueIndex::fold_beyond(Micros now) {
  while (!beyond_later_.empty() && beyond_later_.begin()->first <= now / kSecond) {
    beyond_visible_ += beyond_later_.begin()->second;
    beyond_later_.erase(beyond_later_.begin());
  }
}

void QueueIndex::count_stored(Position position) {
  if (!counted_to_) return;
  counted_to_ = just_after(position);
  if (position < loaded_to_ || position.sequence >= first_sequence_ || position.sequence <= purged_through_) return;
  count_beyond(position, 1);
}

void QueueIndex::counted_all() { counted_to_.reset(); }

QueueIndex::Counts QueueIndex::counts(Micros now, Micros fifo_delay) {
  release_expired(now);
  fold_beyond(now);
  if (!next_on_disk_ && !loading_ && !counted_to_) {
    beyond_visible_ = 0;
    beyond_later_.clear();
  }
  Counts counts;
  counts.not_visible = in_flight_count();
  counts.visible = waiting() + beyond_visible_;
  for (const auto& [second, count] : beyond_later_) counts.delayed += count;
  if (fifo_ && fifo_delay > 0) {
    for (const auto& [position, entry] : entries_) {
      if (entry.place == Place::kReady && entry.state.sent + fifo_delay > now) {
        ++counts.delayed;
        --counts.visible;
      }
    }
  }
  return counts;
}

void QueueIndex::purge(std::uint64_t through) {
  purged_through_ = std::max(purged_through_, through);
  std::vector<Position> gone;
  for (const auto& [position, entry] : entries_) {
    if (position.sequence <= through) gone.push_back(position);
  }
  for (const Position& position : gone) removed(position);
  beyond_visible_ = 0;
  beyond_later_.clear();
  counted_to_.reset();
}

bool QueueIndex::writing_through(std::uint64_t sequence) const {
  return std::any_of(pending_.begin(), pending_.end(),
                     [sequence](const Position& position) { return position.sequence <= sequence; });
}

// Looking.

std::optional<Micros> QueueIndex::next_event(Micros fifo_delay) const {
  std::optional<Micros> next;
  const auto consider = [&next](Micros time) { next = std::min(next.value_or(time), time); };
  if (!in_flight_.empty()) consider(in_flight_.begin()->first);
  if (!ready_.empty()) consider(ready_.begin()->first);
  if (next_on_disk_ && !fifo_) consider(next_on_disk_->time);
  for (const auto& [head, group] : available_) {
    consider(entries_.at(head).state.sent + fifo_delay);
    break;
  }
  return next;
}

std::size_t QueueIndex::receivable(Micros now) {
  release_expired(now);
  std::size_t count = fifo_ ? available_.size() : ready_.size();
  if (next_on_disk_ && (fifo_ || next_on_disk_->time <= now)) ++count;
  return count;
}

}  // namespace cumulet::sqs
