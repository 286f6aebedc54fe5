#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/loop.h"
#include "services/sns/subscriber.h"

namespace cumulet::sns {

/// Where the rows of FIFO topics are, and those of one.
inline constexpr std::string_view kFifoSpace = "sns-fifo";
storage::Key fifo_key(const TopicName& topic);

/// What a publisher gets for a message of a FIFO topic.
struct Receipt {
  Receipt() = default;
  Receipt(std::string i, std::string s) : id(std::move(i)), sequence(std::move(s)) {}
  std::string id;
  std::string sequence;
};

/// The messages of FIFO topics: one log for each topic, and for each subscription how far it has come. Messages of one
/// group reach a subscription strictly one after the other, and messages stay in the log until every subscription has
/// them, or as long as the topic's archive keeps them; a replay goes back in it.
///
/// Rows, below ("sns-fifo", account, region, topic): ("n") the last sequence number, ("m", sequence) message,
/// ("d", scope, deduplication id) and ("x", expiry, scope, deduplication id) what was published within five minutes,
/// ("c", subscription) its cursor, ("w") touched when a cursor went back.
class FifoLog {
 public:
  FifoLog(Parts& parts, Subscriber& subscriber);

  /// Accepts messages: durable when it returns. Fails with InvalidParameter on what a FIFO topic does not take.
  Task<std::vector<Receipt>> append(const TopicView& topic, const std::vector<Notification>& notifications);

  // Inside the caller's transaction.
  /// A new subscription begins with what comes next.
  Task<void> begin(storage::Transaction& txn, TopicName topic, std::string subscription) const;
  void forget(storage::Transaction& txn, const TopicName& topic, const std::string& subscription) const;
  /// Goes back to the first message after `from` and leaves out those after `to` (0: none) that exist already.
  Task<void> replay(storage::Transaction& txn, TopicName topic, std::string subscription, std::int64_t from,
                    std::int64_t to) const;
  /// "Completed" or "In progress"; empty when nothing was ever replayed.
  Task<std::string> replay_status(storage::Transaction& txn, TopicName topic, std::string subscription) const;
  /// Takes away what a deleted topic left, in bounded steps.
  Task<void> erase_all(TopicName topic);

  /// Begins to deliver, with what an earlier run left.
  void start(Loop& loop);
  /// No new deliveries; those under way end until the deadline. Not on a loop.
  void drain(SteadyTime deadline);

 private:
  struct Cursor {
    std::uint64_t next = 0;
    std::uint64_t live_from = 0;  ///< Messages before it are replayed.
    std::int64_t from = 0;
    std::int64_t to = 0;
    std::string bytes() const;
    static Cursor parse(std::string_view bytes);
  };
  struct Batch {
    bool found = false;  ///< There is a cursor.
    std::string cursor_bytes;
    Cursor cursor;
    std::vector<std::pair<std::uint64_t, Notification>> messages;
  };
  using PumpName = std::pair<TopicName, std::string>;

  Task<std::vector<Receipt>> append_in(storage::Transaction& txn, const TopicView& topic,
                                       const std::vector<Notification>& notifications);
  void written(std::string_view key);
  void wake(const TopicName& topic);
  Task<void> look_at(TopicName topic);
  void begin_pump(const TopicName& topic, const std::string& subscription);
  Task<void> pump(TopicName topic, std::string subscription);
  Task<Batch> read_batch(TopicName topic, std::string subscription);
  Task<bool> deliver_batch(std::shared_ptr<const TopicView> topic, const SubscriptionView& subscription,
                           const Batch& batch);
  Task<void> deliver_group(std::shared_ptr<const TopicView> topic, const SubscriptionView& subscription,
                           std::vector<Notification> messages, bool& stopped);
  Task<void> advance(TopicName topic, std::string subscription, Batch batch);
  Task<void> find_topics();
  void trim_later(const TopicName& topic);
  Task<void> trim(TopicName topic);
  bool stopping() const;
  void activity_began();
  void activity_ended();

  Parts& parts_;
  Subscriber& subscriber_;

  // The loop's own.
  std::map<PumpName, bool> pumps_;  ///< Running; true: look again before ending.
  std::set<TopicName> to_trim_;

  mutable std::mutex mutex_;
  std::condition_variable quiet_;
  Loop* loop_ = nullptr;
  std::set<TopicName> written_;
  std::size_t activities_ = 0;
  bool stopping_ = false;
};

}  // namespace cumulet::sns
