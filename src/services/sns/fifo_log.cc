#include "services/sns/fifo_log.h"

#include <algorithm>
#include <array>

#include <simdjson.h>

#include "base/digest.h"
#include "base/text.h"
#include "storage/row.h"

namespace cumulet::sns {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::ScanOptions;
using storage::Transaction;

constexpr std::uint64_t kFirstSequence = 10'000'000'000'000'000'000u;
constexpr std::int64_t kDeduplicationMillis = 300'000;
constexpr std::size_t kExpiredAtOnce = 4;
constexpr std::size_t kErasedAtOnce = 500;

std::string row_key(const TopicName& topic, std::string_view kind) { return fifo_key(topic).text(kind).bytes(); }
std::string message_key(const TopicName& topic, std::uint64_t sequence) {
  return fifo_key(topic).text("m").number(sequence).bytes();
}
std::string cursor_key(const TopicName& topic, const std::string& subscription) {
  return fifo_key(topic).text("c").text(subscription).bytes();
}

std::uint64_t number_of(const std::optional<std::string>& row) {
  if (!row) return kFirstSequence;
  return storage::RowReader(*row).number();
}
std::string number_row(std::uint64_t number) {
  storage::RowWriter row;
  row.number(number);
  return std::move(row).bytes();
}

/// What makes two messages the same: the topic's or the group's deduplication id.
std::string scope_of(const Topic& topic, const Notification& notification) {
  return topic.attribute("FifoThroughputScope") == "MessageGroup" ? notification.group : std::string();
}

Result<void> check(const Topic& topic, Notification& notification) {
  if (notification.group.empty()) return invalid("The MessageGroupId parameter is required for FIFO topics");
  if (!notification.deduplication.empty()) return {};
  if (topic.attribute("ContentBasedDeduplication") != "true") {
    return invalid(
        "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly");
  }
  notification.deduplication = hex_encode(sha256(notification.message));
  return {};
}

}  // namespace

storage::Key fifo_key(const TopicName& topic) {
  storage::Key key(kFifoSpace);
  key.text(topic.account).text(topic.region).text(topic.name);
  return key;
}

FifoLog::FifoLog(Parts& parts, Subscriber& subscriber) : parts_(parts), subscriber_(subscriber) {
  parts_.database.on_commit(Key(kFifoSpace).bytes(), [this](std::string_view key) { written(key); });
}

std::string FifoLog::Cursor::bytes() const {
  storage::RowWriter row;
  row.number(next).number(live_from).signed_number(from).signed_number(to);
  return std::move(row).bytes();
}

FifoLog::Cursor FifoLog::Cursor::parse(std::string_view bytes) {
  storage::RowReader row(bytes);
  Cursor cursor;
  cursor.next = row.number();
  cursor.live_from = row.number();
  cursor.from = row.signed_number();
  cursor.to = row.signed_number();
  return cursor;
}

Task<std::vector<Receipt>> FifoLog::append(const TopicView& topic, const std::vector<Notification>& notifications) {
  const auto write = [&](Transaction& txn) { return append_in(txn, topic, notifications); };
  co_return co_await storage::transact(parts_.database, write);
}

Task<std::vector<Receipt>> FifoLog::append_in(Transaction& txn, const TopicView& topic,
                                              const std::vector<Notification>& notifications) {
  const TopicName& name = topic.name;
  const bool kept = !topic.subscriptions.empty() || !topic.topic.attribute("ArchivePolicy").empty();
  const std::optional<std::string> counter = co_await txn.get(row_key(name, "n"));
  std::uint64_t last = number_of(counter);
  std::vector<Receipt> receipts;
  for (Notification notification : notifications) {
    co_await check(topic.topic, notification);
    const std::string scope = scope_of(topic.topic, notification);
    std::string same_key = fifo_key(name).text("d").text(scope).text(notification.deduplication).bytes();
    const std::optional<std::string> same = co_await txn.get(same_key);
    if (same) {
      storage::RowReader row(*same);
      const std::int64_t expires = row.signed_number();
      Receipt first(row.text(), row.text());
      if (expires > notification.time) {
        receipts.push_back(std::move(first));
        continue;
      }
    }
    notification.sequence = std::to_string(++last);
    const std::int64_t expires = notification.time + kDeduplicationMillis;
    storage::RowWriter row;
    row.signed_number(expires).text(notification.id).text(notification.sequence);
    txn.put(std::move(same_key), std::move(row).bytes());
    Key expiry = fifo_key(name).text("x").signed_number(expires).text(scope).text(notification.deduplication);
    txn.put(std::move(expiry).bytes(), "");
    if (kept) txn.put(message_key(name, last), encode(notification));
    receipts.emplace_back(notification.id, notification.sequence);
  }
  txn.put(row_key(name, "n"), number_row(last));

  const std::string expiries = row_key(name, "x");
  const KeyRange expired(expiries, fifo_key(name).text("x").signed_number(notifications.front().time).bytes());
  ScanOptions few;
  few.limit = kExpiredAtOnce + notifications.size();
  const std::vector<KeyValue> old = co_await txn.scan(expired, few);
  for (const KeyValue& entry : old) {
    KeyReader reader(std::string_view(entry.key).substr(expiries.size()));
    const std::int64_t expires = reader.signed_number().value_or(0);
    const std::string scope = reader.text().value_or("");
    std::string same_key = fifo_key(name).text("d").text(scope).text(reader.text().value_or("")).bytes();
    txn.erase(entry.key);
    // It may have been published again since, with an expiry of its own.
    const std::optional<std::string> same = co_await txn.get(same_key);
    if (same && storage::RowReader(*same).signed_number() == expires) txn.erase(std::move(same_key));
  }
  co_return receipts;
}

Task<void> FifoLog::begin(Transaction& txn, TopicName topic, std::string subscription) const {
  const std::optional<std::string> counter = co_await txn.get(row_key(topic, "n"));
  Cursor cursor;
  cursor.next = number_of(counter) + 1;
  txn.put(cursor_key(topic, subscription), cursor.bytes());
}

void FifoLog::forget(Transaction& txn, const TopicName& topic, const std::string& subscription) const {
  txn.erase(cursor_key(topic, subscription));
}

Task<void> FifoLog::replay(Transaction& txn, TopicName topic, std::string subscription, std::int64_t from,
                           std::int64_t to) const {
  const std::optional<std::string> counter = co_await txn.get(row_key(topic, "n"));
  Cursor cursor;
  cursor.live_from = number_of(counter) + 1;
  cursor.from = from;
  cursor.to = to;
  txn.put(cursor_key(topic, subscription), cursor.bytes());
  txn.put(row_key(topic, "w"), "");
}

Task<std::string> FifoLog::replay_status(Transaction& txn, TopicName topic, std::string subscription) const {
  const std::optional<std::string> row = co_await txn.get(cursor_key(topic, subscription));
  if (!row) co_return std::string();
  const Cursor cursor = Cursor::parse(*row);
  if (cursor.live_from == 0) co_return std::string();
  co_return std::string(cursor.next < cursor.live_from ? "In progress" : "Completed");
}

Task<void> FifoLog::erase_all(TopicName topic) {
  const std::string prefix = fifo_key(topic).bytes();
  const KeyRange range(prefix, storage::after_prefix(prefix));
  ScanOptions some;
  some.limit = kErasedAtOnce;
  bool more = true;
  while (more) {
    const auto erase = [&range, &some](Transaction& txn) -> Task<bool> {
      const std::vector<KeyValue> rows = co_await txn.scan(range, some);
      for (const KeyValue& row : rows) txn.erase(row.key);
      co_return rows.size() == some.limit;
    };
    more = co_await storage::transact(parts_.database, erase);
  }
}

/// Messages that every subscription has, and that no archive keeps.
Task<void> FifoLog::trim(TopicName topic) {
  const std::shared_ptr<const TopicView> view = co_await parts_.views.find(topic);
  std::int64_t kept_since = INT64_MAX;
  const std::string archive = view->topic.attribute("ArchivePolicy");
  if (!archive.empty()) {
    thread_local simdjson::dom::parser reader;
    std::string_view days;
    if (reader.parse(archive)["MessageRetentionPeriod"].get(days)) co_return;
    kept_since = parts_.clock.now_millis() - parse_int(days).value_or(365) * 86'400'000;
  }
  bool more = true;
  while (more && !stopping()) {
    const auto erase = [&topic, kept_since](Transaction& txn) -> Task<bool> {
      const std::string cursors = row_key(topic, "c");
      ScanOptions all;
      const KeyRange of_cursors(cursors, storage::after_prefix(cursors));
      const std::vector<KeyValue> rows = co_await txn.scan(of_cursors, all);
      std::uint64_t done = UINT64_MAX;
      for (const KeyValue& row : rows) done = std::min(done, Cursor::parse(row.value).next);
      ScanOptions some;
      some.limit = kErasedAtOnce;
      const KeyRange of_messages(row_key(topic, "m"), message_key(topic, done));
      const std::vector<KeyValue> messages = co_await txn.scan(of_messages, some);
      for (const KeyValue& message : messages) {
        const std::optional<Notification> notification = decode_notification(message.value);
        if (notification && notification->time >= kept_since) co_return false;
        txn.erase(message.key);
      }
      co_return messages.size() == some.limit;
    };
    more = co_await storage::transact(parts_.database, erase);
  }
}

}  // namespace cumulet::sns
