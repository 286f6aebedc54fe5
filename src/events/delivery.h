#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "events/outbox.h"
#include "events/outbox_record.h"
#include "storage/database.h"

/// Delivery: takes events out of the store to their targets.
///
/// Each target has a lane. A lane is looked at when a commit wrote into it, when its next event falls due, and when one
/// of its deliveries has ended: then as many of its due events are started as there are places. Lanes that wait for a
/// place take turns. Nothing runs while nothing is due. A lane knows how far it was read, so that what was delivered is
/// not passed again: deleted rows stay in the way of a scan until the store merges its files.
namespace cumulet::events {

/// Lives on one loop; what other threads may call says so. Held by shared_ptr: work posted to the loop keeps it alive.
class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  Delivery(storage::Database& database, const Clock& clock);

  void register_target(std::string service, Target& target);
  Task<Outcome> deliver_now(const Event& event);
  void start(Loop& loop);              ///< Any thread.
  void written(std::string_view key);  ///< A commit wrote this key. Any thread.
  void clock_moved();                  ///< Any thread.
  void drain(SteadyTime deadline);     ///< Any thread but the loop's.

 private:
  struct Lane {
    std::set<std::string> under_way;    ///< Keys of the events that are being delivered.
    std::optional<std::string> unread;  ///< All rows before this key are under way; nothing: all rows are.
    std::optional<Timestamp> next_due;  ///< As in due_.
    bool queued = false;                ///< In queue_.
  };
  /// Rows of a lane, and where those that were not read begin.
  struct Rows {
    std::vector<storage::KeyValue> rows;
    std::optional<std::string> next;
  };

  Task<void> find_lanes();
  Task<void> pump();
  void begin_pump();
  void enqueue(const std::string& target);
  void enqueue_from(const std::string& target, std::string key);  ///< There may be a row that was not read.
  void unread_from(const std::string& target, std::string key);
  /// Starts what is due in a lane, as far as there are places; true when more of it waits for one.
  Task<bool> look_at(std::string target);
  Task<Rows> read(const std::string& target, std::string from, std::size_t limit);
  std::size_t places(const Lane& lane) const;
  void begin_delivery(const std::string& target, std::string key, std::string value);
  Task<void> deliver(std::string target, std::string key, std::string value);
  Task<Outcome> attempt_delivery(const Event& event);
  Task<void> settle(std::string key, std::optional<Event> again, Timestamp due);
  Target* target_of(const Event& event) const;
  void set_due(const std::string& target, std::optional<Timestamp> due);
  void set_timer();
  void on_timer();
  void activity_began();
  void activity_ended();
  bool stopping() const;

  storage::Database& database_;
  const Clock& clock_;
  std::map<std::string, Target*, std::less<>> targets_;
  Counter& delivered_;
  Counter& retried_;
  Counter& dropped_;

  // The loop's own.
  std::map<std::string, Lane> lanes_;
  std::deque<std::string> queue_;                    ///< Lanes to look at.
  std::set<std::pair<Timestamp, std::string>> due_;  ///< When lanes have something due next.
  std::optional<Loop::TimerId> timer_;
  std::size_t under_way_ = 0;
  bool place_freed_ = false;  ///< Since the pump's last round.
  bool pumping_ = false;

  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  Loop* loop_ = nullptr;
  std::vector<std::pair<std::string, std::string>> written_;  ///< Lanes and keys of commits, on their way to the loop.
  std::size_t activities_ = 0;
  bool stopping_ = false;
};

}  // namespace cumulet::events
