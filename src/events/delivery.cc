#include "events/delivery.h"

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "base/text.h"
#include "storage/key.h"

namespace cumulet::events {
namespace {

constexpr std::size_t kPlaces = 256;
constexpr std::size_t kPlacesOfOneTarget = 64;
constexpr std::chrono::hours kLongestLife{6};
constexpr milliseconds kShortestBackoff{1000};
constexpr milliseconds kLongestBackoff{60'000};
constexpr seconds kStoreBackoff{1};

/// A target that fails with an Error is tried again later and later.
milliseconds backoff(std::uint32_t attempt) {
  return std::min(kLongestBackoff, kShortestBackoff * (1u << std::min(attempt, 10u)));
}

void log_event(std::string_view message, const Event& event, const std::string& reason) {
  log::warning(message, {{"event", event.id},
                         {"target", event.target_arn},
                         {"source", event.source_arn},
                         {"attempt", std::to_string(event.attempt + 1)},
                         {"reason", reason}});
}

}  // namespace

Delivery::Delivery(storage::Database& database, const Clock& clock)
    : database_(database),
      clock_(clock),
      delivered_(Metrics::instance().counter("cumulet_outbox_events_total", {{"outcome", "delivered"}})),
      retried_(Metrics::instance().counter("cumulet_outbox_events_total", {{"outcome", "retried"}})),
      dropped_(Metrics::instance().counter("cumulet_outbox_events_total", {{"outcome", "dropped"}})) {}

void Delivery::register_target(std::string service, Target& target) {
  targets_.insert_or_assign(std::move(service), &target);
}

void Delivery::start(Loop& loop) {
  {
    std::lock_guard lock(mutex_);
    loop_ = &loop;
    ++activities_;
  }
  loop.post([self = shared_from_this()] {
    cumulet::start(self->find_lanes(), [self](const Result<void>& found) {
      if (!found.ok()) log::error("the outbox cannot be read", {{"error", found.error().message()}});
      self->activity_ended();
    });
  });
}

/// One step a target: from the first key of its lane to the first key behind it.
Task<void> Delivery::find_lanes() {
  std::string from = outbox_prefix();
  const std::string end = storage::after_prefix(from);
  storage::ScanOptions first;
  first.limit = 1;
  while (!stopping()) {
    const std::unique_ptr<storage::Transaction> transaction = database_.begin();
    const Result<std::vector<storage::KeyValue>> rows =
        co_await attempt(transaction->scan(storage::KeyRange(from, end), first));
    if (!rows.ok()) {
      co_await sleep_for(kStoreBackoff);
      continue;
    }
    if (rows.value().empty()) break;
    const std::string& key = rows.value().front().key;
    if (const std::optional<RecordKey> record = parse_record_key(key)) {
      enqueue_from(record->target_arn, key);
      from = storage::after_prefix(lane_prefix(record->target_arn));
    } else {
      log::error("a damaged key in the outbox is passed over");
      from = key + '\0';
    }
  }
  begin_pump();
}

void Delivery::written(std::string_view key) {
  std::optional<RecordKey> record = parse_record_key(key);
  if (!record) return;
  std::lock_guard lock(mutex_);
  if (!loop_ || stopping_) return;
  const bool post = written_.empty();
  written_.emplace_back(std::move(record->target_arn), key);
  if (!post) return;
  loop_->post([self = shared_from_this()] {
    std::vector<std::pair<std::string, std::string>> rows;
    {
      std::lock_guard lock(self->mutex_);
      rows.swap(self->written_);
    }
    for (const auto& [target, row] : rows) {
      // Delivery itself takes out what it has delivered.
      const auto lane = self->lanes_.find(target);
      if (lane == self->lanes_.end() || !lane->second.under_way.contains(row)) self->enqueue_from(target, row);
    }
    self->begin_pump();
  });
}

void Delivery::clock_moved() {
  std::lock_guard lock(mutex_);
  if (!loop_ || stopping_) return;
  loop_->post([self = shared_from_this()] { self->on_timer(); });
}

void Delivery::drain(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  quiet_.wait_until(lock, deadline, [this] { return activities_ == 0; });
}

bool Delivery::stopping() const {
  std::lock_guard lock(mutex_);
  return stopping_;
}

void Delivery::activity_began() {
  std::lock_guard lock(mutex_);
  ++activities_;
}

void Delivery::activity_ended() {
  std::lock_guard lock(mutex_);
  if (--activities_ == 0) quiet_.notify_all();
}

void Delivery::enqueue(const std::string& target) {
  Lane& lane = lanes_[target];
  if (std::exchange(lane.queued, true)) return;
  queue_.push_back(target);
}

void Delivery::enqueue_from(const std::string& target, std::string key) {
  unread_from(target, std::move(key));
  enqueue(target);
}

void Delivery::unread_from(const std::string& target, std::string key) {
  std::optional<std::string>& unread = lanes_[target].unread;
  if (!unread || key < *unread) unread = std::move(key);
}

void Delivery::begin_pump() {
  if (pumping_ || queue_.empty() || stopping()) return;
  pumping_ = true;
  activity_began();
  cumulet::start(pump(), [self = shared_from_this()](const Result<void>& pumped) {
    self->pumping_ = false;
    if (!pumped.ok()) log::error("delivery stumbled", {{"error", pumped.error().message()}});
    self->activity_ended();
  });
}

/// Gives each queued lane its turn. Those that still wait for a place then queue up again, behind the others, until a
/// delivery ends; one that ended meanwhile gives them another turn now.
Task<void> Delivery::pump() {
  do {
    place_freed_ = false;
    std::vector<std::string> waiting;
    while (!queue_.empty() && !stopping()) {
      const std::string target = std::move(queue_.front());
      queue_.pop_front();
      lanes_[target].queued = false;
      const Result<bool> more = co_await attempt(look_at(target));
      if (!more.ok()) {
        set_due(target, clock_.now() + kStoreBackoff);
      } else if (more.value()) {
        waiting.push_back(target);
      }
    }
    for (const std::string& target : waiting) enqueue(target);
  } while (place_freed_ && !queue_.empty() && !stopping());
  set_timer();
}

std::size_t Delivery::places(const Lane& lane) const {
  const std::size_t own = kPlacesOfOneTarget - std::min(kPlacesOfOneTarget, lane.under_way.size());
  const std::size_t all = kPlaces - std::min(kPlaces, under_way_);
  const std::size_t least = lane.under_way.empty() ? 1 : 0;
  return std::max(least, std::min(own, all));
}

Task<bool> Delivery::look_at(std::string target) {
  const std::size_t free = places(lanes_[target]);
  if (free == 0) co_return lanes_[target].under_way.size() < kPlacesOfOneTarget;

  // Reading begins anew for what commits write meanwhile.
  const std::optional<std::string> from = std::exchange(lanes_[target].unread, std::nullopt);
  bool more = false;
  std::optional<Timestamp> next_due;
  if (from) {
    Result<Rows> rows = co_await attempt(read(target, *from, free + 1));
    if (!rows.ok()) {
      unread_from(target, *from);
      co_return std::move(rows).error();
    }
    std::size_t started = 0;
    for (storage::KeyValue& row : rows->rows) {
      if (lanes_[target].under_way.contains(row.key)) continue;
      const std::optional<RecordKey> record = parse_record_key(row.key);
      if (record && record->due > clock_.now()) next_due = record->due;
      if (next_due || started == free) {
        rows->next = std::move(row.key);
        break;
      }
      begin_delivery(target, std::move(row.key), std::move(row.value));
      ++started;
    }
    more = rows->next && !next_due;
    if (rows->next) unread_from(target, std::move(*rows->next));
  }
  if (more) co_return lanes_[target].under_way.size() < kPlacesOfOneTarget;
  set_due(target, next_due);
  const Lane& lane = lanes_[target];
  if (lane.under_way.empty() && !lane.unread && !lane.queued) lanes_.erase(target);
  co_return false;
}

Task<Delivery::Rows> Delivery::read(const std::string& target, std::string from, std::size_t limit) {
  storage::ScanOptions options;
  options.limit = limit;
  const std::unique_ptr<storage::Transaction> transaction = database_.begin();
  Rows found;
  found.rows = co_await transaction->scan(
      storage::KeyRange(std::move(from), storage::after_prefix(lane_prefix(target))), options);
  // What is not durable yet may be gone after a crash: it must not be delivered before.
  co_await transaction->commit();
  std::size_t bytes = 0;
  for (const storage::KeyValue& row : found.rows) bytes += row.key.size() + row.value.size();
  const bool cut = found.rows.size() == limit || bytes >= options.byte_limit;
  if (cut) found.next = found.rows.back().key + '\0';
  co_return found;
}

void Delivery::begin_delivery(const std::string& target, std::string key, std::string value) {
  ++under_way_;
  lanes_[target].under_way.insert(key);
  activity_began();
  cumulet::start(deliver(target, key, std::move(value)),
                 [self = shared_from_this(), target, key](const Result<void>& done) {
                   if (!done.ok()) log::error("delivery stumbled", {{"error", done.error().message()}});
                   --self->under_way_;
                   self->place_freed_ = true;
                   self->lanes_[target].under_way.erase(key);
                   self->enqueue(target);
                   self->begin_pump();
                   self->activity_ended();
                 });
}

Task<void> Delivery::deliver(std::string target, std::string key, std::string value) {
  const std::optional<RecordKey> record = parse_record_key(key);
  std::optional<Event> event = record ? parse_record(*record, value) : std::nullopt;
  if (!event) {
    log::error("a damaged event in the outbox is dropped", {{"target", target}});
    dropped_.add();
    co_await settle(key, std::nullopt, Timestamp());
    co_return;
  }

  const Outcome outcome = co_await attempt_delivery(*event);
  if (outcome.kind == Outcome::Kind::kRetry) {
    retried_.add();
    ++event->attempt;
    for (const auto& [name, value] : outcome.notes) event->attributes.insert_or_assign(name, value);
    co_await settle(key, std::move(event), clock_.now() + outcome.retry_in);
    co_return;
  }
  if (outcome.kind == Outcome::Kind::kDropped) {
    dropped_.add();
    log_event("an event is dropped", *event, outcome.reason);
  } else {
    delivered_.add();
  }
  co_await settle(key, std::nullopt, Timestamp());
}

Task<Outcome> Delivery::deliver_now(const Event& event) {
  Target* target = target_of(event);
  if (!target) co_return Outcome::dropped("no service here takes events for this target");
  co_return co_await target->deliver(event);
}

Task<Outcome> Delivery::attempt_delivery(const Event& event) {
  Result<Outcome> outcome = co_await attempt(deliver_now(event));
  if (outcome.ok()) co_return std::move(outcome).value();
  if (clock_.now() - event.recorded > kLongestLife) co_return Outcome::dropped(outcome.error().message());
  log_event("a delivery failed and is tried again", event, outcome.error().message());
  co_return Outcome::retry(backoff(event.attempt), outcome.error().message());
}

/// Takes the event out of the store, or puts it where it is due again. While the store cannot write, tries on; an event
/// that is still there at the next start is delivered again.
Task<void> Delivery::settle(std::string key, std::optional<Event> again, Timestamp due) {
  while (true) {
    const std::unique_ptr<storage::Transaction> transaction = database_.begin();
    transaction->erase(key);
    if (again) transaction->put(record_key(*again, due), record_value(*again));
    const Result<void> committed = co_await attempt(transaction->commit());
    if (committed.ok() || stopping()) co_return;
    co_await sleep_for(kStoreBackoff);
  }
}

/// By the service in arn:partition:service:region:account:resource.
Target* Delivery::target_of(const Event& event) const {
  const std::vector<std::string_view> parts = split(event.target_arn, ':');
  if (parts.size() < 6 || parts[0] != "arn") return nullptr;
  const auto found = targets_.find(parts[2]);
  return found == targets_.end() ? nullptr : found->second;
}

void Delivery::set_due(const std::string& target, std::optional<Timestamp> due) {
  Lane& lane = lanes_[target];
  if (lane.next_due) due_.erase({*lane.next_due, target});
  lane.next_due = due;
  if (due) due_.emplace(*due, target);
}

/// Wakes when the first lane falls due.
void Delivery::set_timer() {
  if (timer_) Loop::current()->cancel(*timer_);
  timer_.reset();
  if (due_.empty() || stopping()) return;
  const auto wait = std::max(due_.begin()->first - clock_.now(), Timestamp::duration(0));
  timer_ = Loop::current()->at(std::chrono::steady_clock::now() + wait, [weak = weak_from_this()] {
    if (const std::shared_ptr<Delivery> self = weak.lock()) self->on_timer();
  });
}

void Delivery::on_timer() {
  const Timestamp now = clock_.now();
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::string target = due_.begin()->second;
    set_due(target, std::nullopt);
    enqueue(target);
  }
  begin_pump();
  if (!pumping_) set_timer();
}

}  // namespace cumulet::events
