#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "services/sqs/model.h"

namespace cumulet::sqs {

/// What memory knows of one queue: which messages can be received now, which are in flight, and from where on the store
/// has more. The store is the truth; this is the part of it that receiving needs, so that no receive walks over what
/// was deleted before (docs/decisions/queues.md).
///
/// Positions below `loaded_to` are all here; what is above lies in the store only, and is loaded a page at a time when
/// little is left to receive. Memory holds at most the messages in flight, which are limited, and a window of others.
///
/// Not thread-safe, and knows neither clock nor database: LiveQueue owns one.
class QueueIndex {
 public:
  struct Limits {
    std::size_t window = 10'000;          ///< Waiting messages that a sender may leave here.
    std::size_t low_water = 256;          ///< Fewer than this waiting: load more.
    std::size_t blocked_window = 20'000;  ///< FIFO: waiting messages, those of locked groups included.
    std::size_t page = 1'000;
  };

  enum class Fate { kDeliver, kDeadLetter, kExpire };
  /// A message that was chosen; it is out of the others' sight until `received`, `put_back` or `removed`.
  struct Taken {
    Taken(Position p, MessageState s, Fate f) : position(p), state(std::move(s)), fate(f) {}
    Position position;
    MessageState state;
    Fate fate;
  };
  struct Choice {
    Micros now = 0;
    std::size_t count = 1;
    Micros retention = 0;
    std::uint32_t max_receives = 0;  ///< 0: no dead-letter queue.
    Micros fifo_delay = 0;
  };

  QueueIndex(bool fifo, std::uint64_t first_sequence, std::uint64_t purged_through, Limits limits);

  // Sending.

  /// The place of a message that becomes visible at `time`. It stays unknown to receivers until `publish`.
  Position assign(Micros time);
  void abandon(Position position, Micros now);
  /// The message is in the store for good. Messages appear in the order of their places: one waits for those before it
  /// that are still being written.
  void publish(Position position, MessageState state, Micros now);

  // Receiving.

  std::vector<Taken> take(const Choice& choice);
  void put_back(Position position);
  void received(Position position, MessageState state);
  void removed(Position position);
  /// The visibility of a message in flight was changed.
  void changed(Position position, MessageState state, Micros now);
  /// The message's state if it is in flight.
  std::optional<MessageState> in_flight(Position position) const;

  // Loading.

  struct Load {
    Load(Position f, Position b) : from(f), bound(b) {}
    Position from;   ///< Read from here on,
    Position bound;  ///< and take what is below this; the first one at or above it tells when to load again.
  };
  /// What to read from the store now; nothing while it is not needed, or while a load is under way.
  std::optional<Load> begin_load(Micros now);
  bool loading() const { return loading_; }
  void end_load(const Load& load, const std::vector<std::pair<Position, MessageState>>& rows, bool more, Micros now);
  void fail_load() { loading_ = false; }
  std::size_t page() const { return limits_.page; }

  /// Rows of an earlier run, counted behind the first use of the queue, in their order.
  void count_stored(Position position);
  void counted_all();

  /// Forgets everything up to that sequence.
  void purge(std::uint64_t through);
  /// Whether a message up to that sequence is still being written.
  bool writing_through(std::uint64_t sequence) const;

  // Looking.

  struct Counts {
    std::size_t visible = 0;
    std::size_t not_visible = 0;
    std::size_t delayed = 0;
  };
  Counts counts(Micros now, Micros fifo_delay);
  /// When something may become receivable without anything being written; nothing when nothing will.
  std::optional<Micros> next_event(Micros fifo_delay) const;
  /// How many receivers could find something now, roughly.
  std::size_t receivable(Micros now);
  std::size_t in_flight_count() const { return in_flight_.size() + taken_; }
  std::uint64_t last_sequence() const { return next_sequence_ - 1; }
  bool idle() const { return pending_.empty() && taken_ == 0 && !loading_; }

 private:
  enum class Place { kReady, kTaken, kInFlight };
  struct Group;
  struct Entry {
    MessageState state;
    Place place = Place::kReady;
    Micros available = 0;  ///< In ready_: since when. What came back stands behind what waited meanwhile.
    Group* group = nullptr;
  };
  using Entries = std::map<Position, Entry>;
  struct Group {
    std::string name;
    std::set<Position> waiting;
    std::size_t out = 0;  ///< Taken or in flight: the group is locked.
  };

  void insert(Position position, MessageState state, Micros now);
  void make_ready(Position position, Entry& entry, Micros available);
  void leave_ready(Position position, Entry& entry);
  void leave_flight(Position position, Entry& entry);
  void group_changed(Group& group, std::optional<Position> old_head);
  void forget_group(Group& group);
  void release_expired(Micros now);
  void publish_ready(Micros now);
  void leave_on_disk(Position position);
  Fate fate(const MessageState& state, const Choice& choice) const;
  void take_standard(const Choice& choice, std::vector<Taken>& taken);
  void take_fifo(const Choice& choice, std::vector<Taken>& taken);
  void take_one(Position position, Entry& entry, const Choice& choice, std::vector<Taken>& taken);
  std::size_t waiting() const { return entries_.size() - in_flight_.size() - taken_; }
  void count_beyond(Position position, int by);
  void fold_beyond(Micros now);

  const bool fifo_;
  const Limits limits_;
  const std::uint64_t first_sequence_;  ///< Of this run.
  std::uint64_t purged_through_;
  std::uint64_t next_sequence_;
  Micros floor_;  ///< New places are not before it: all that is below has been looked at.

  std::set<Position> pending_;             ///< Assigned, being written.
  std::map<Position, MessageState> done_;  ///< Written, but behind one that is pending.

  Entries entries_;
  std::set<std::pair<Micros, Position>> ready_;  ///< Standard queues.
  std::set<std::pair<Micros, Position>> in_flight_;
  std::size_t taken_ = 0;
  std::unordered_map<std::string, Group> groups_;
  std::map<Position, Group*> available_;  ///< Groups that are not locked, by their first message.

  Position loaded_to_{INT64_MIN, 0};
  std::optional<Position> next_on_disk_{Position(INT64_MIN, 0)};
  bool loading_ = false;
  std::optional<Position> missed_;  ///< The first that was published while a load was under way.

  // What lies beyond loaded_to_.
  std::size_t beyond_visible_ = 0;
  std::map<std::int64_t, std::size_t> beyond_later_;            ///< By the second in which they become visible.
  std::optional<Position> counted_to_{Position(INT64_MIN, 0)};  ///< Nothing: all of an earlier run is counted.
};

}  // namespace cumulet::sqs
