#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/deferred.h"
#include "base/loop.h"
#include "services/sqs/model.h"
#include "services/sqs/queue_index.h"
#include "services/sqs/queue_metrics.h"
#include "services/sqs/receipt.h"
#include "storage/database.h"

namespace cumulet::sqs {

/// A message on its way in.
struct Outgoing {
  Outgoing() = default;
  MessageContent content;
  std::uint32_t delay_seconds = 0;
  std::string deduplication_key;  ///< Empty: none.
};

struct Sent {
  Sent() = default;
  std::string message_id;
  std::uint64_t sequence = 0;
};

struct ReceiveOptions {
  ReceiveOptions() = default;
  std::size_t count = 1;
  std::optional<std::uint32_t> visibility_seconds;
  std::optional<SteadyTime> wait_until;
  std::string attempt_id;
};

struct Received {
  Received() = default;
  Position position;
  MessageState state;
  MessageContent content;
  std::string handle;
};

/// How a receipt was used; `code` is empty when it was well.
struct ReceiptOutcome {
  ReceiptOutcome() = default;
  ReceiptOutcome(std::string c, std::string m) : code(std::move(c)), message(std::move(m)) {}
  std::string code;
  std::string message;
};

/// A queue in use: its row, its index, and those who wait for its messages. Every method may be called on any loop.
class LiveQueue : public std::enable_shared_from_this<LiveQueue> {
 public:
  /// Finds the live queue of an ARN; null when there is none.
  using Find = std::function<Task<std::shared_ptr<LiveQueue>>(QueueName)>;

  LiveQueue(QueueName name, QueueRow row, std::uint64_t first_sequence, storage::Database& database, const Clock& clock,
            QueueIndex::Limits limits, events::MetricSink* sink, Find find);

  const QueueName& name() const { return name_; }
  const QueueMetrics& metrics() const { return metrics_; }
  std::shared_ptr<const QueueRow> row() const;
  void set_row(QueueRow row);  ///< Unless it is older than the one here.
  void send_away();            ///< Whoever waits gets nothing.
  void mark_deleted();         ///< Everything fails from now on; whoever waits is sent away.

  Task<std::vector<Sent>> send(std::vector<Outgoing> messages);
  /// Waits until there is a message or the time is up. Fails with OverLimit.
  Task<std::vector<Received>> receive(ReceiveOptions options);
  Task<std::vector<ReceiptOutcome>> remove(std::vector<std::string> handles);
  /// Handles with new timeouts in seconds.
  Task<std::vector<ReceiptOutcome>> change_visibility(std::vector<std::pair<std::string, std::int32_t>> changes);
  Task<void> purge();

  /// Approximate only while a long backlog of an earlier run is being counted.
  Task<QueueIndex::Counts> counts();

  /// Moves up to `count` messages that are visible and not newer than `through` to where `destination` says, as new
  /// messages. Gives how many; nothing when none was left. Fails when a message has nowhere to go.
  using Destination = std::function<Task<std::shared_ptr<LiveQueue>>(const MessageContent&)>;
  Task<std::optional<std::size_t>> move_some(std::size_t count, std::uint64_t through, Destination destination);

  /// Erases messages past their retention and deduplication ids past their window.
  Task<void> expire();

  std::uint64_t last_sequence() const;
  bool idle_since(SteadyTime time) const;

  /// A message that comes from another queue as a dead letter: placed before the transaction, published after it.
  Position place(Micros time);
  void placed(Position position, std::optional<MessageState> state);
  std::uint64_t id() const { return id_; }

 private:
  struct Attempt {
    std::vector<Position> positions;
    SteadyTime expires;
  };
  struct Chosen {
    std::vector<QueueIndex::Taken> taken;
    std::shared_ptr<Deferred<bool>> signal;  ///< Nothing was there: this tells when to look again.
    std::uint64_t waiter = 0;
    SteadyTime until;
  };
  /// What becomes of taken messages in one transaction.
  struct Batch {
    std::vector<Received> delivered;
    std::vector<std::pair<Position, MessageState>> stale;  ///< The store knows better: in flight.
    std::vector<Position> gone;
    std::vector<std::size_t> dead;  ///< Indices of those that moved to the dead-letter queue.
  };

  Micros now() const;
  Task<Chosen> choose(const ReceiveOptions& options);
  bool over_limit() const;
  std::optional<QueueIndex::Load> begin_load();
  Task<void> load(QueueIndex::Load load);
  Task<std::vector<Received>> deliver(std::vector<QueueIndex::Taken> taken, std::uint32_t visibility_seconds);
  Task<Batch> write_batch(storage::Transaction& txn, const std::vector<QueueIndex::Taken>& taken,
                          const std::vector<Position>& places, LiveQueue* dead_letters, Micros until, Micros at);
  Task<std::vector<Received>> repeat(std::vector<Position> positions, std::uint32_t visibility_seconds);
  Task<std::vector<Received>> attempt_again(const ReceiveOptions& options, std::uint32_t visibility_seconds);
  struct Moving;
  Task<void> move_all(std::vector<Moving>& moving, Destination destination);
  void remember_attempt(const ReceiveOptions& options, const std::vector<Received>& received);
  void stop_waiting(std::uint64_t waiter);
  void wake();  ///< With the mutex held.
  Task<void> count_stored();
  Task<void> forget_deduplication();
  Task<void> erase_expired();
  Task<void> sweep_purged(std::uint64_t through);
  const QueueName name_;
  const std::uint64_t id_;
  const bool fifo_;
  storage::Database& database_;
  const Clock& clock_;
  const Find find_;
  const QueueMetrics metrics_;

  mutable std::mutex mutex_;
  std::shared_ptr<const QueueRow> row_;
  bool deleted_ = false;
  bool closing_ = false;
  QueueIndex index_;
  std::map<std::uint64_t, std::shared_ptr<Deferred<bool>>> waiters_;
  std::vector<std::shared_ptr<Deferred<bool>>> load_waiters_;
  std::uint64_t next_waiter_ = 1;
  std::map<std::string, Attempt> attempts_;
  SteadyTime last_used_;
  bool counted_ = false;     ///< What an earlier run left, or that is under way.
  std::size_t at_work_ = 0;  ///< Counting and expiring, which must not be put down.
  Micros deduplication_from_ = 0;
  Position expire_from_{INT64_MIN, 0};
};

}  // namespace cumulet::sqs
