#include "services/sqs/live_queue.h"

#include <algorithm>

#include "base/log.h"
#include "services/sqs/errors.h"
#include "services/sqs/store.h"
#include "storage/key.h"

namespace cumulet::sqs {
namespace {

using storage::KeyRange;
using storage::KeyValue;
using storage::ScanOptions;
using storage::Transaction;

constexpr Micros kDeduplicationWindow = 5 * kMinute;
constexpr std::size_t kCountPage = 2'000;
constexpr std::size_t kErasePage = 500;

}  // namespace

LiveQueue::LiveQueue(QueueName name, QueueRow row, std::uint64_t first_sequence, storage::Database& database,
                     const Clock& clock, QueueIndex::Limits limits, events::MetricSink* sink, Find find)
    : name_(std::move(name)),
      id_(row.id),
      fifo_(row.settings.fifo),
      database_(database),
      clock_(clock),
      find_(std::move(find)),
      metrics_(sink, name_),
      row_(std::make_shared<const QueueRow>(std::move(row))),
      index_(fifo_, first_sequence, row_->purged_through, limits),
      last_used_(std::chrono::steady_clock::now()) {}

Micros LiveQueue::now() const { return clock_.now().time_since_epoch().count(); }

std::shared_ptr<const QueueRow> LiveQueue::row() const {
  const std::lock_guard lock(mutex_);
  return row_;
}

void LiveQueue::set_row(QueueRow row) {
  const std::lock_guard lock(mutex_);
  if (row.id != id_ || row.version < row_->version) return;
  row_ = std::make_shared<const QueueRow>(std::move(row));
  wake();
}

void LiveQueue::send_away() {
  const std::lock_guard lock(mutex_);
  closing_ = true;
  for (const auto& [id, waiter] : waiters_) waiter->resolve(true);
  waiters_.clear();
}

void LiveQueue::mark_deleted() {
  const std::lock_guard lock(mutex_);
  deleted_ = true;
  for (const auto& [id, waiter] : waiters_) waiter->resolve(true);
  waiters_.clear();
}

void LiveQueue::wake() {
  std::size_t count = index_.receivable(now());
  while (count-- > 0 && !waiters_.empty()) {
    waiters_.begin()->second->resolve(true);
    waiters_.erase(waiters_.begin());
  }
}

std::uint64_t LiveQueue::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return index_.last_sequence();
}

bool LiveQueue::idle_since(SteadyTime time) const {
  const std::lock_guard lock(mutex_);
  return last_used_ < time && waiters_.empty() && load_waiters_.empty() && index_.idle() && at_work_ == 0;
}

Position LiveQueue::place(Micros time) {
  const std::lock_guard lock(mutex_);
  return index_.assign(time);
}

void LiveQueue::placed(Position position, std::optional<MessageState> state) {
  const std::lock_guard lock(mutex_);
  if (state) {
    index_.publish(position, std::move(*state), now());
  } else {
    index_.abandon(position, now());
  }
  wake();
}

Task<std::vector<Sent>> LiveQueue::send(std::vector<Outgoing> messages) {
  const Micros sent_at = now();
  std::vector<Position> places(messages.size());
  std::vector<MessageState> states(messages.size());
  bool deleted = false;
  {
    const std::lock_guard lock(mutex_);
    last_used_ = std::chrono::steady_clock::now();
    deleted = deleted_;
    for (std::size_t i = 0; i < messages.size() && !deleted; ++i) {
      // A FIFO queue's delay is the queue's own, and changes for what is in it already: see QueueIndex::Choice.
      places[i] = index_.assign(fifo_ ? sent_at : sent_at + messages[i].delay_seconds * kSecond);
      states[i].sent = sent_at;
      states[i].visible_at = places[i].time;
      if (fifo_) states[i].group = messages[i].content.group;
    }
  }
  if (deleted) co_return no_such_queue();

  std::vector<Sent> sent(messages.size());
  std::vector<bool> known(messages.size());
  const auto write = [&](Transaction& txn) -> Task<void> {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const Outgoing& message = messages[i];
      sent[i].message_id = message.content.id;
      sent[i].sequence = places[i].sequence;
      known[i] = false;
      if (!message.deduplication_key.empty()) {
        const std::optional<std::string> row =
            co_await txn.get(store::deduplication_key(id_, message.deduplication_key));
        const DeduplicationRow seen = row ? store::decode_deduplication(*row) : DeduplicationRow();
        known[i] = seen.expires > sent_at;
        if (known[i]) {
          sent[i].message_id = seen.message_id;
          sent[i].sequence = seen.sequence;
          continue;
        }
        DeduplicationRow fresh;
        fresh.expires = sent_at + kDeduplicationWindow;
        fresh.message_id = message.content.id;
        fresh.sequence = places[i].sequence;
        store::put_deduplication(txn, id_, message.deduplication_key, fresh);
      }
      txn.put(store::state_key(id_, places[i]), store::encode(states[i]));
      txn.put(store::body_key(id_, places[i]), store::encode(message.content));
    }
  };
  const Result<void> written = co_await attempt(storage::transact(database_, write));
  {
    const std::lock_guard lock(mutex_);
    const Micros at = now();
    for (std::size_t i = 0; i < messages.size(); ++i) {
      if (written && !known[i]) {
        index_.publish(places[i], std::move(states[i]), at);
      } else {
        index_.abandon(places[i], at);
      }
    }
    wake();
  }
  if (!written) co_return written.error();
  co_return sent;
}

std::optional<QueueIndex::Load> LiveQueue::begin_load() {
  const std::lock_guard lock(mutex_);
  return index_.begin_load(now());
}

Task<void> LiveQueue::load(QueueIndex::Load load) {
  // Read only: nothing that is committed below the bound meanwhile could be missed, so there is nothing to validate.
  const std::unique_ptr<Transaction> txn = database_.begin();
  ScanOptions options;
  options.limit = index_.page();
  KeyRange range(store::state_key(id_, load.from),
                 storage::after_prefix(store::state_key(id_, Position(INT64_MAX, UINT64_MAX))));
  Result<std::vector<KeyValue>> rows = co_await attempt(txn->scan(std::move(range), options));
  if (rows) {
    const Result<void> durable = co_await attempt(txn->give_up());
    if (!durable) rows = durable.error();
  }
  std::vector<std::pair<Position, MessageState>> states;
  if (rows) {
    states.reserve(rows->size());
    for (const KeyValue& row : *rows) states.emplace_back(store::position_of(row.key), store::decode_state(row.value));
  }
  {
    const std::lock_guard lock(mutex_);
    if (rows) {
      index_.end_load(load, states, states.size() == options.limit, now());
    } else {
      index_.fail_load();
    }
    for (const auto& waiter : load_waiters_) waiter->resolve(true);
    load_waiters_.clear();
    wake();
  }
  if (!rows && !rows.error().is(errors::kTransactionConflict)) co_await fail(rows.error());
}

Task<QueueIndex::Counts> LiveQueue::counts() {
  const std::optional<QueueIndex::Load> first = begin_load();
  if (first) co_await load(*first);
  bool begin_counting = false;
  {
    const std::lock_guard lock(mutex_);
    begin_counting = !std::exchange(counted_, true);
  }
  if (begin_counting) {
    const Result<void> counted = co_await attempt(count_stored());
    const std::lock_guard lock(mutex_);
    if (!counted) counted_ = false;
  }
  const std::lock_guard lock(mutex_);
  co_return index_.counts(now(), fifo_ ? row_->settings.delay_seconds * kSecond : 0);
}

/// Counts what an earlier run left, once.
Task<void> LiveQueue::count_stored() {
  Position from(INT64_MIN, 0);
  while (true) {
    const std::unique_ptr<Transaction> txn = database_.begin();
    ScanOptions options;
    options.limit = kCountPage;
    KeyRange range(store::state_key(id_, from),
                   storage::after_prefix(store::state_key(id_, Position(INT64_MAX, UINT64_MAX))));
    const std::vector<KeyValue> rows = co_await txn->scan(std::move(range), options);
    const std::lock_guard lock(mutex_);
    for (const KeyValue& row : rows) {
      const Position position = store::position_of(row.key);
      index_.count_stored(position);
      from = Position(position.time, position.sequence + 1);
    }
    if (rows.size() < kCountPage) {
      index_.counted_all();
      co_return;
    }
  }
}

Task<void> LiveQueue::purge() {
  const std::uint64_t through = last_sequence();
  const auto note = [&](Transaction& txn) -> Task<QueueRow> {
    std::optional<QueueRow> row = co_await store::find_queue(txn, name_);
    if (!row || row->id != id_) co_return no_such_queue();
    row->purged_through = std::max(row->purged_through, through);
    ++row->version;
    txn.put(store::queue_key(name_), store::encode(*row));
    co_return *row;
  };
  QueueRow row = co_await storage::transact(database_, note);
  set_row(std::move(row));
  {
    const std::lock_guard lock(mutex_);
    index_.purge(through);
  }
  co_await sweep_purged(through);
}

Task<void> LiveQueue::sweep_purged(std::uint64_t through) {
  while (true) {
    bool writing = false;
    {
      const std::lock_guard lock(mutex_);
      writing = index_.writing_through(through);
    }
    if (!writing) break;
    co_await sleep_for(milliseconds(5));
  }
  Position from(INT64_MIN, 0);
  bool done = false;
  while (!done) {
    const auto erase = [&](Transaction& txn) -> Task<std::pair<bool, Position>> {
      Position at = from;
      const bool all = co_await store::erase_messages(txn, id_, at, through, kErasePage);
      std::pair<bool, Position> result(all, at);
      co_return result;
    };
    const std::pair<bool, Position> erased = co_await storage::transact(database_, erase);
    done = erased.first;
    from = erased.second;
  }
}

Task<void> LiveQueue::expire() {
  {
    const std::lock_guard lock(mutex_);
    if (at_work_ > 0) co_return;  // One at a time.
    ++at_work_;
  }
  const Result<void> forgotten = co_await attempt(forget_deduplication());
  const Result<void> erased = co_await attempt(erase_expired());
  {
    const std::lock_guard lock(mutex_);
    --at_work_;
  }
  if (!forgotten) co_await fail(forgotten.error());
  if (!erased) co_await fail(erased.error());
}

Task<void> LiveQueue::forget_deduplication() {
  const Micros at = now();
  bool more = fifo_;
  while (more) {
    Micros reached = deduplication_from_;
    const auto forget = [&](Transaction& txn) -> Task<bool> {
      reached = deduplication_from_;
      co_return co_await store::forget_deduplication(txn, id_, reached, at, kErasePage);
    };
    more = co_await storage::transact(database_, forget);
    deduplication_from_ = reached;
  }
}

/// Looks from where the last look ended, so that it meets nothing that was erased before.
Task<void> LiveQueue::erase_expired() {
  const Micros retention = row()->settings.retention_seconds * kSecond;
  const Micros at = now();
  const Position end(at - retention, 0);
  while (expire_from_ < end) {
    std::vector<Position> gone;
    Position next = end;
    bool all_expired = true;
    const auto erase = [&](Transaction& txn) -> Task<void> {
      gone.clear();
      next = end;
      all_expired = true;
      ScanOptions options;
      options.limit = kErasePage;
      KeyRange range(store::state_key(id_, expire_from_), store::state_key(id_, end));
      const std::vector<KeyValue> rows = co_await txn.scan(std::move(range), options);
      for (const KeyValue& row : rows) {
        const Position position = store::position_of(row.key);
        if (store::decode_state(row.value).sent + retention > at) {
          // It was delayed: its place is older than itself. The next look begins here.
          if (all_expired) next = position;
          all_expired = false;
          continue;
        }
        txn.erase(row.key);
        txn.erase(store::body_key(id_, position));
        gone.push_back(position);
      }
      if (all_expired && rows.size() == kErasePage) next = gone.back();
    };
    co_await storage::transact(database_, erase);
    const std::lock_guard lock(mutex_);
    for (const Position& position : gone) index_.removed(position);
    expire_from_ = next;
    if (!all_expired) co_return;
  }
}

}  // namespace cumulet::sqs
