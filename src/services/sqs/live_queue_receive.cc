#include <algorithm>

#include "base/ids.h"
#include "base/log.h"
#include "services/sqs/errors.h"
#include "services/sqs/live_queue.h"
#include "services/sqs/store.h"

namespace cumulet::sqs {
namespace {

using storage::Transaction;

constexpr std::size_t kInFlightLimit = 120'000;
constexpr std::size_t kInFlightLimitFifo = 20'000;
constexpr std::size_t kAttempts = 1'000;
constexpr auto kAttemptWindow = std::chrono::minutes(5);
constexpr auto kLoadWait = std::chrono::seconds(5);

}  // namespace

bool LiveQueue::over_limit() const { return index_.in_flight_count() >= (fifo_ ? kInFlightLimitFifo : kInFlightLimit); }

/// Messages for one receive, or what to wait for.
Task<LiveQueue::Chosen> LiveQueue::choose(const ReceiveOptions& options) {
  Chosen chosen;
  while (true) {
    std::optional<QueueIndex::Load> next;
    {
      const std::lock_guard lock(mutex_);
      last_used_ = std::chrono::steady_clock::now();
      if (deleted_) co_return no_such_queue();
      const QueueSettings& settings = row_->settings;
      QueueIndex::Choice choice;
      choice.now = now();
      choice.count = options.count - chosen.taken.size();
      choice.retention = settings.retention_seconds * kSecond;
      choice.max_receives = settings.redrive ? settings.redrive->max_receive_count : 0;
      choice.fifo_delay = fifo_ ? settings.delay_seconds * kSecond : 0;
      if (!over_limit()) {
        for (QueueIndex::Taken& one : index_.take(choice)) chosen.taken.push_back(std::move(one));
      } else if (!fifo_ && !options.wait_until) {
        co_return Error(wire::sqs::errors::kOverLimit,
                        "Too many messages in flight: a queue can have 120000 of them. Delete messages after they are "
                        "processed.");
      }
      if (chosen.taken.size() < options.count) next = index_.begin_load(choice.now);
      const bool wait_for_load = !next && chosen.taken.empty() && index_.loading();
      if (!next && chosen.taken.empty() && ((options.wait_until && !closing_) || wait_for_load)) {
        chosen.signal = std::make_shared<Deferred<bool>>();
        const SteadyTime steady = std::chrono::steady_clock::now();
        chosen.until = options.wait_until.value_or(steady);
        if (wait_for_load) {
          load_waiters_.push_back(chosen.signal);
          chosen.until = steady + kLoadWait;
        } else {
          chosen.waiter = next_waiter_++;
          waiters_.emplace(chosen.waiter, chosen.signal);
          const std::optional<Micros> event = index_.next_event(choice.fifo_delay);
          if (event && !over_limit()) {
            const Micros in = std::max<Micros>(*event - choice.now, 1'000);
            if (in < kMinute) chosen.until = std::min(chosen.until, steady + std::chrono::microseconds(in));
          }
        }
      }
    }
    if (!next) co_return chosen;
    const Result<void> loaded = co_await attempt(load(*next));
    if (!loaded && chosen.taken.empty()) co_return loaded.error();
  }
}

void LiveQueue::stop_waiting(std::uint64_t waiter) {
  if (waiter == 0) return;
  const std::lock_guard lock(mutex_);
  // It was woken and its time was up at once: the wake-up is another's.
  if (waiters_.erase(waiter) == 0) wake();
}

Task<std::vector<Received>> LiveQueue::receive(ReceiveOptions options) {
  std::uint32_t visibility = options.visibility_seconds.value_or(row()->settings.visibility_seconds);
  if (!options.attempt_id.empty()) {
    std::vector<Received> again = co_await attempt_again(options, visibility);
    if (!again.empty()) co_return again;
  }
  while (true) {
    Chosen chosen = co_await choose(options);
    if (!chosen.taken.empty()) {
      std::vector<Received> received = co_await deliver(std::move(chosen.taken), visibility);
      if (!received.empty()) {
        remember_attempt(options, received);
        co_return received;
      }
      continue;  // What there was went elsewhere: expired, or into the dead-letter queue.
    }
    if (!chosen.signal) co_return std::vector<Received>();
    Error late(errors::kRequestTimeout, "");
    const Result<bool> woken = co_await attempt(chosen.signal->wait_until(chosen.until, std::move(late)));
    if (woken) continue;
    stop_waiting(chosen.waiter);
    const SteadyTime limit = options.wait_until.value_or(SteadyTime::min());
    if (std::chrono::steady_clock::now() >= limit) co_return std::vector<Received>();
  }
}

Task<std::vector<Received>> LiveQueue::deliver(std::vector<QueueIndex::Taken> taken, std::uint32_t visibility_seconds) {
  std::shared_ptr<LiveQueue> dead_letters;
  const std::shared_ptr<const QueueRow> row = this->row();
  const bool any_dead = std::any_of(taken.begin(), taken.end(), [](const QueueIndex::Taken& one) {
    return one.fate == QueueIndex::Fate::kDeadLetter;
  });
  if (any_dead && row->settings.redrive) {
    const std::string& arn = row->settings.redrive->target_arn;
    QueueName target(name_.account, name_.region, arn.substr(arn.rfind(':') + 1));
    Result<std::shared_ptr<LiveQueue>> found = co_await attempt(find_(std::move(target)));
    if (found) dead_letters = std::move(*found);
  }
  std::vector<Position> places(taken.size());
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (taken[i].fate != QueueIndex::Fate::kDeadLetter) continue;
    if (dead_letters == nullptr || dead_letters.get() == this) {
      taken[i].fate = QueueIndex::Fate::kDeliver;  // Without its dead-letter queue a message stays where it is.
    } else {
      places[i] = dead_letters->place(now());
    }
  }
  Batch batch;
  const Micros at = now();
  const Micros timeout = visibility_seconds * kSecond;
  const auto write = [&](Transaction& txn) -> Task<void> {
    batch = co_await write_batch(txn, taken, places, dead_letters.get(), at + timeout, at);
  };
  const Result<void> written = co_await attempt(storage::transact(database_, write));
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (taken[i].fate != QueueIndex::Fate::kDeadLetter) continue;
    const bool moved = written && std::find(batch.dead.begin(), batch.dead.end(), i) != batch.dead.end();
    std::optional<MessageState> state;
    if (moved) {
      state = taken[i].state;
      state->visible_at = places[i].time;
      state->earlier_queues = state->receives;
      if (dead_letters->fifo_) state->sent = at;
    }
    dead_letters->placed(places[i], std::move(state));
  }
  {
    const std::lock_guard lock(mutex_);
    if (written) {
      // The time-out runs from now on: the disk's time is not the consumer's.
      const Micros until = now() + timeout;
      for (const Received& one : batch.delivered) {
        MessageState state = one.state;
        state.visible_at = until;
        index_.received(one.position, std::move(state));
      }
      for (auto& [position, state] : batch.stale) index_.received(position, std::move(state));
      for (const Position& position : batch.gone) index_.removed(position);
    } else {
      for (const QueueIndex::Taken& one : taken) index_.put_back(one.position);
    }
    wake();
  }
  if (!written) co_return written.error();
  co_return std::move(batch.delivered);
}

Task<LiveQueue::Batch> LiveQueue::write_batch(Transaction& txn, const std::vector<QueueIndex::Taken>& taken,
                                              const std::vector<Position>& places, LiveQueue* dead_letters,
                                              Micros until, Micros at) {
  Batch batch;
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const QueueIndex::Taken& one = taken[i];
    const std::string state_key = store::state_key(id_, one.position);
    const std::string body_key = store::body_key(id_, one.position);
    const std::optional<std::string> stored = co_await txn.get(state_key);
    if (!stored) {
      batch.gone.push_back(one.position);
      continue;
    }
    MessageState state = store::decode_state(*stored);
    if (state.receives > 0 && state.visible_at > at && one.fate != QueueIndex::Fate::kExpire) {
      batch.stale.emplace_back(one.position, std::move(state));
      continue;
    }
    if (one.fate == QueueIndex::Fate::kExpire) {
      txn.erase(state_key);
      txn.erase(body_key);
      batch.gone.push_back(one.position);
      continue;
    }
    const std::optional<std::string> body = co_await txn.get(body_key);
    Received received;
    if (body) received.content = store::decode_content(*body);
    if (one.fate == QueueIndex::Fate::kDeadLetter) {
      MessageState moved = state;
      moved.visible_at = places[i].time;
      moved.earlier_queues = moved.receives;
      if (dead_letters->fifo_) moved.sent = at;
      received.content.dead_letter_source = name_.arn();
      txn.put(store::state_key(dead_letters->id_, places[i]), store::encode(moved));
      txn.put(store::body_key(dead_letters->id_, places[i]), store::encode(received.content));
      txn.erase(state_key);
      txn.erase(body_key);
      batch.gone.push_back(one.position);
      batch.dead.push_back(i);
      continue;
    }
    state.visible_at = until;
    ++state.receives;
    if (state.first_received == 0) state.first_received = at;
    txn.put(state_key, store::encode(state));
    received.position = one.position;
    received.handle = Receipt(id_, one.position, state.receives).handle();
    received.state = std::move(state);
    batch.delivered.push_back(std::move(received));
  }
  co_return batch;
}

// ReceiveRequestAttemptId: the same messages once more, for who did not get the answer.

Task<std::vector<Received>> LiveQueue::attempt_again(const ReceiveOptions& options, std::uint32_t visibility_seconds) {
  std::vector<Position> positions;
  {
    const std::lock_guard lock(mutex_);
    const auto found = attempts_.find(options.attempt_id);
    if (found == attempts_.end() || found->second.expires < std::chrono::steady_clock::now()) {
      co_return std::vector<Received>();
    }
    positions = found->second.positions;
    for (const Position& position : positions) {
      if (index_.in_flight(position)) continue;
      attempts_.erase(found);  // Deleted or visible again since.
      co_return std::vector<Received>();
    }
  }
  co_return co_await repeat(std::move(positions), visibility_seconds);
}

Task<std::vector<Received>> LiveQueue::repeat(std::vector<Position> positions, std::uint32_t visibility_seconds) {
  const Micros until = now() + visibility_seconds * kSecond;
  std::vector<Received> received;
  const auto extend = [&](Transaction& txn) -> Task<void> {
    received.clear();
    for (const Position& position : positions) {
      const std::optional<std::string> stored = co_await txn.get(store::state_key(id_, position));
      const std::optional<std::string> body = co_await txn.get(store::body_key(id_, position));
      if (!stored || !body) continue;
      Received one;
      one.position = position;
      one.state = store::decode_state(*stored);
      one.state.visible_at = until;
      one.content = store::decode_content(*body);
      one.handle = Receipt(id_, position, one.state.receives).handle();
      txn.put(store::state_key(id_, position), store::encode(one.state));
      received.push_back(std::move(one));
    }
  };
  co_await storage::transact(database_, extend);
  const std::lock_guard lock(mutex_);
  for (const Received& one : received) index_.changed(one.position, one.state, now());
  co_return received;
}

void LiveQueue::remember_attempt(const ReceiveOptions& options, const std::vector<Received>& received) {
  if (options.attempt_id.empty()) return;
  const std::lock_guard lock(mutex_);
  const SteadyTime steady = std::chrono::steady_clock::now();
  std::erase_if(attempts_, [steady](const auto& entry) { return entry.second.expires < steady; });
  if (attempts_.size() >= kAttempts) return;
  Attempt& attempt = attempts_[options.attempt_id];
  attempt.expires = steady + kAttemptWindow;
  attempt.positions.clear();
  for (const Received& one : received) attempt.positions.push_back(one.position);
}

}  // namespace cumulet::sqs
