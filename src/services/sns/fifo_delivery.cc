// How the messages of FIFO topics leave the log (fifo_log.h): one pump for each subscription that has any before it.
#include <algorithm>

#include "base/deferred.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "services/sns/fan_out.h"
#include "services/sns/fifo_log.h"

namespace cumulet::sns {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::ScanOptions;
using storage::Transaction;

constexpr std::size_t kBatch = 64;
constexpr std::size_t kBatchBytes = 1u << 20;
constexpr seconds kStoreBackoff{1};
constexpr seconds kTrimPause{1};

}  // namespace

void FifoLog::start(Loop& loop) {
  {
    const std::lock_guard lock(mutex_);
    loop_ = &loop;
    ++activities_;
  }
  loop.post([this] {
    cumulet::start(find_topics(), [this](const Result<void>& found) {
      if (!found.ok()) log::error("the logs of FIFO topics cannot be read", {{"error", found.error().message()}});
      activity_ended();
    });
  });
}

void FifoLog::drain(SteadyTime deadline) {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  quiet_.wait_until(lock, deadline, [this] { return activities_ == 0; });
}

bool FifoLog::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void FifoLog::activity_began() {
  const std::lock_guard lock(mutex_);
  ++activities_;
}

void FifoLog::activity_ended() {
  const std::lock_guard lock(mutex_);
  if (--activities_ == 0) quiet_.notify_all();
}

/// One step a topic: from the first key of its rows to the first key behind them.
Task<void> FifoLog::find_topics() {
  std::string from = Key(kFifoSpace).bytes();
  const std::string end = storage::after_prefix(from);
  ScanOptions first;
  first.limit = 1;
  while (!stopping()) {
    const auto read = [&from, &end, &first](Transaction& txn) -> Task<std::vector<KeyValue>> {
      co_return co_await txn.scan(KeyRange(from, end), first);
    };
    const std::vector<KeyValue> rows = co_await storage::transact(parts_.database, read);
    if (rows.empty()) co_return;
    KeyReader reader(rows.front().key);
    reader.text();
    TopicName topic;
    topic.account = reader.text().value_or("");
    topic.region = reader.text().value_or("");
    topic.name = reader.text().value_or("");
    wake(topic);
    trim_later(topic);
    from = storage::after_prefix(fifo_key(topic).bytes());
  }
}

void FifoLog::written(std::string_view key) {
  KeyReader reader(key);
  reader.text();
  TopicName topic;
  topic.account = reader.text().value_or("");
  topic.region = reader.text().value_or("");
  topic.name = reader.text().value_or("");
  const std::string kind = reader.text().value_or("");
  if (kind != "m" && kind != "w") return;
  const std::lock_guard lock(mutex_);
  if (loop_ == nullptr || stopping_) return;
  const bool post = written_.empty();
  written_.insert(std::move(topic));
  if (!post) return;
  loop_->post([this] {
    std::set<TopicName> topics;
    {
      const std::lock_guard inner(mutex_);
      topics.swap(written_);
    }
    for (const TopicName& each : topics) wake(each);
  });
}

void FifoLog::wake(const TopicName& topic) {
  if (stopping()) return;
  activity_began();
  cumulet::start(look_at(topic), [this](const Result<void>& looked) {
    if (!looked.ok() && looked.error().http_status() != 404)
      log::error("a FIFO topic cannot be read", {{"error", looked.error().message()}});
    activity_ended();
  });
}

Task<void> FifoLog::look_at(TopicName topic) {
  const std::shared_ptr<const TopicView> view = co_await parts_.views.find(topic);
  for (const SubscriptionView& subscription : view->subscriptions) begin_pump(topic, subscription.row.id);
}

void FifoLog::begin_pump(const TopicName& topic, const std::string& subscription) {
  const PumpName name(topic, subscription);
  const auto [pump_state, fresh] = pumps_.try_emplace(name, false);
  if (!fresh) {
    pump_state->second = true;
    return;
  }
  activity_began();
  cumulet::start(pump(topic, subscription), [this, name](const Result<void>& pumped) {
    const bool again = pumps_[name];
    pumps_.erase(name);
    if (!pumped.ok() && pumped.error().http_status() != 404) {
      log::error("a FIFO subscription stumbled", {{"error", pumped.error().message()}});
      Loop::current()->at(std::chrono::steady_clock::now() + kStoreBackoff,
                          [this, name] { begin_pump(name.first, name.second); });
    } else if (again && !stopping()) {
      begin_pump(name.first, name.second);
    }
    activity_ended();
  });
}

Task<void> FifoLog::pump(TopicName topic, std::string subscription) {
  const PumpName name(topic, subscription);
  while (!stopping()) {
    pumps_[name] = false;
    const std::shared_ptr<const TopicView> view = co_await parts_.views.find(topic);
    const SubscriptionView* found = find_subscription(*view, subscription);
    if (found == nullptr) co_return;
    Batch batch = co_await read_batch(topic, subscription);
    if (!batch.found || batch.messages.empty()) co_return;
    const bool delivered = co_await deliver_batch(view, *found, batch);
    if (!delivered) co_return;
    co_await advance(topic, subscription, std::move(batch));
    trim_later(topic);
  }
}

/// Durable when it is there: what a crash could take back is not delivered.
Task<FifoLog::Batch> FifoLog::read_batch(TopicName topic, std::string subscription) {
  const auto read = [&topic, &subscription](Transaction& txn) -> Task<Batch> {
    Batch batch;
    const std::optional<std::string> row = co_await txn.get(fifo_key(topic).text("c").text(subscription).bytes());
    if (!row) co_return batch;
    batch.found = true;
    batch.cursor_bytes = *row;
    batch.cursor = Cursor::parse(*row);
    ScanOptions options;
    options.limit = kBatch;
    options.byte_limit = kBatchBytes;
    const std::string all = fifo_key(topic).text("m").bytes();
    const KeyRange range(fifo_key(topic).text("m").number(batch.cursor.next).bytes(), storage::after_prefix(all));
    const std::vector<KeyValue> rows = co_await txn.scan(range, options);
    for (const KeyValue& message : rows) {
      const std::uint64_t sequence = KeyReader(std::string_view(message.key).substr(all.size())).number().value_or(0);
      std::optional<Notification> notification = decode_notification(message.value);
      if (!notification) log::error("a damaged message is passed over", {{"topic", topic.arn()}});
      batch.messages.emplace_back(sequence, notification ? std::move(*notification) : Notification());
    }
    co_return batch;
  };
  co_return co_await storage::transact(parts_.database, read);
}

/// Groups side by side, each one's messages one after the other. False when the server stopped meanwhile.
Task<bool> FifoLog::deliver_batch(std::shared_ptr<const TopicView> topic, const SubscriptionView& subscription,
                                  const Batch& batch) {
  std::map<std::string, std::vector<Notification>> groups;
  for (const auto& [sequence, message] : batch.messages) {
    if (message.id.empty()) continue;
    Notification notification = message;
    if (sequence < batch.cursor.live_from) {
      if (notification.time < batch.cursor.from) continue;
      if (batch.cursor.to != 0 && notification.time > batch.cursor.to) continue;
      notification.replayed = true;
      // A queue has seen the original: it would take this for the same message sent twice.
      const std::string once = notification.deduplication + "\n" + std::to_string(batch.cursor.live_from);
      notification.deduplication = hex_encode(sha256(once));
    }
    if (!wants(subscription, notification, filter_document(notification.attributes))) {
      count(parts_, topic->name, "NumberOfNotificationsFilteredOut");
      continue;
    }
    groups[notification.group].push_back(std::move(notification));
  }
  if (groups.empty()) co_return true;
  Deferred<void> all;
  std::size_t left = groups.size();
  bool stopped = false;
  for (auto& [name, messages] : groups) {
    cumulet::start(deliver_group(topic, subscription, std::move(messages), stopped),
                   [&left, &stopped, all](const Result<void>& done) {
                     if (!done.ok()) {
                       log::error("a FIFO delivery stumbled", {{"error", done.error().message()}});
                       stopped = true;
                     }
                     if (--left == 0) all.resolve(Result<void>());
                   });
  }
  co_await all.wait();
  co_return !stopped;
}

Task<void> FifoLog::deliver_group(std::shared_ptr<const TopicView> topic, const SubscriptionView& subscription,
                                  std::vector<Notification> messages, bool& stopped) {
  const DeliveryPolicy policy = DeliveryPolicy::of_aws_endpoints();
  for (const Notification& message : messages) {
    Signatures signatures;
    for (std::uint32_t tries = 0;; ++tries) {
      if (stopped || stopping()) {
        stopped = true;
        co_return;
      }
      const Result<Sent> tried = co_await attempt(subscriber_.to_queue(*topic, subscription, message, signatures));
      const Sent sent = tried.ok() ? *tried : Sent::again(tried.error().message());
      if (sent.kind == Sent::Kind::kDone) {
        count(parts_, topic->name, "NumberOfNotificationsDelivered");
        break;
      }
      const std::optional<milliseconds> pause = policy.pause(tries);
      if (sent.kind == Sent::Kind::kAgain && pause) {
        // In steps, so that a stop need not wait for it.
        const auto until = std::chrono::steady_clock::now() + *pause;
        while (std::chrono::steady_clock::now() < until && !stopping()) co_await sleep_for(milliseconds(100));
        continue;
      }
      log::warning("a message is not delivered", {{"subscription", subscription.arn}, {"reason", sent.reason}});
      count(parts_, topic->name, "NumberOfNotificationsFailed");
      if (!subscription.dead_letter.empty()) {
        const events::Event letter = co_await dead_letter_event(subscriber_, *topic, subscription, message);
        const auto record = [this, &letter](Transaction& txn) -> Task<void> {
          parts_.outbox.record(txn, letter);
          co_return;
        };
        co_await storage::transact(parts_.database, record);
      }
      break;
    }
  }
}

/// Unless a replay set the cursor back meanwhile.
Task<void> FifoLog::advance(TopicName topic, std::string subscription, Batch batch) {
  const auto write = [&topic, &subscription, &batch](Transaction& txn) -> Task<void> {
    const std::string key = fifo_key(topic).text("c").text(subscription).bytes();
    const std::optional<std::string> row = co_await txn.get(key);
    if (!row || *row != batch.cursor_bytes) co_return;
    Cursor cursor = batch.cursor;
    cursor.next = batch.messages.back().first + 1;
    txn.put(key, cursor.bytes());
  };
  co_await storage::transact(parts_.database, write);
}

void FifoLog::trim_later(const TopicName& topic) {
  if (stopping() || !to_trim_.insert(topic).second) return;
  Loop::current()->at(std::chrono::steady_clock::now() + kTrimPause, [this, topic] {
    to_trim_.erase(topic);
    if (stopping()) return;
    activity_began();
    cumulet::start(trim(topic), [this](const Result<void>& trimmed) {
      if (!trimmed.ok() && trimmed.error().http_status() != 404)
        log::error("the log of a FIFO topic cannot be trimmed", {{"error", trimmed.error().message()}});
      activity_ended();
    });
  });
}

}  // namespace cumulet::sns
