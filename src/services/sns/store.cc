#include "services/sns/store.h"

namespace cumulet::sns {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::ScanOptions;
using storage::Transaction;

constexpr std::string_view kSpace = "sns";

ScanOptions at_most(std::size_t limit) {
  ScanOptions options;
  options.limit = limit;
  return options;
}

}  // namespace

Key Store::space(std::string_view kind) const {
  Key key(kSpace);
  key.text(account_).text(region_).text(kind);
  return key;
}

Task<std::optional<Topic>> Store::find_topic(Transaction& txn, std::string name) const {
  const std::optional<std::string> row = co_await txn.get(space("t").text(name).bytes());
  if (!row) co_return std::optional<Topic>();
  co_return std::optional<Topic>(decode_topic(std::move(name), *row));
}

Task<Topic> Store::require_topic(Transaction& txn, std::string name) const {
  std::optional<Topic> topic = co_await find_topic(txn, std::move(name));
  if (!topic) co_return topic_not_found();
  co_return std::move(*topic);
}

void Store::put_topic(Transaction& txn, const Topic& topic) const {
  txn.put(space("t").text(topic.name).bytes(), encode(topic));
}

void Store::erase_topic(Transaction& txn, const std::string& name) const { txn.erase(space("t").text(name).bytes()); }

Task<std::vector<Topic>> Store::list_topics(Transaction& txn, std::string after, std::size_t limit) const {
  const std::string base = space("t").bytes();
  const std::string begin = after.empty() ? base : storage::after_prefix(space("t").text(after).bytes());
  const KeyRange range(begin, storage::after_prefix(base));
  const std::vector<KeyValue> rows = co_await txn.scan(range, at_most(limit));
  std::vector<Topic> topics;
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(base.size()));
    topics.push_back(decode_topic(reader.text().value_or(""), row.value));
  }
  co_return topics;
}

Task<std::optional<Subscription>> Store::find_subscription(Transaction& txn, std::string topic, std::string id) const {
  const std::optional<std::string> row = co_await txn.get(space("s").text(topic).text(id).bytes());
  if (!row) co_return std::optional<Subscription>();
  co_return std::optional<Subscription>(decode_subscription(std::move(id), *row));
}

Task<Subscription> Store::require_subscription(Transaction& txn, std::string topic, std::string id) const {
  std::optional<Subscription> row = co_await find_subscription(txn, std::move(topic), std::move(id));
  if (!row) co_return subscription_not_found();
  co_return std::move(*row);
}

Task<std::optional<Subscription>> Store::find_by_endpoint(Transaction& txn, std::string topic, std::string protocol,
                                                          std::string endpoint) const {
  std::string key = space("e").text(topic).text(protocol).text(endpoint).bytes();
  const std::optional<std::string> id = co_await txn.get(std::move(key));
  if (!id) co_return std::optional<Subscription>();
  co_return co_await find_subscription(txn, std::move(topic), *id);
}

void Store::put_subscription(Transaction& txn, const std::string& topic, const Subscription& row) const {
  txn.put(space("s").text(topic).text(row.id).bytes(), encode(row));
  txn.put(space("e").text(topic).text(row.protocol).text(row.endpoint).bytes(), row.id);
}

void Store::erase_subscription(Transaction& txn, const std::string& topic, const Subscription& row) const {
  txn.erase(space("s").text(topic).text(row.id).bytes());
  txn.erase(space("e").text(topic).text(row.protocol).text(row.endpoint).bytes());
}

Task<std::vector<Store::Listed>> Store::list_subscriptions(Transaction& txn, std::string only_topic,
                                                           std::string after_topic, std::string after_id,
                                                           std::size_t limit) const {
  const std::string all = space("s").bytes();
  const std::string base = only_topic.empty() ? all : space("s").text(only_topic).bytes();
  const std::string begin =
      after_topic.empty() ? base : storage::after_prefix(space("s").text(after_topic).text(after_id).bytes());
  const KeyRange range(begin, storage::after_prefix(base));
  const std::vector<KeyValue> rows = co_await txn.scan(range, at_most(limit));
  std::vector<Listed> listed;
  for (const KeyValue& row : rows) {
    KeyReader reader(std::string_view(row.key).substr(all.size()));
    Listed one;
    one.topic = reader.text().value_or("");
    one.row = decode_subscription(reader.text().value_or(""), row.value);
    listed.push_back(std::move(one));
  }
  co_return listed;
}

std::optional<TopicName> topic_of_key(std::string_view key) {
  KeyReader reader(key);
  if (reader.text() != kSpace) return std::nullopt;
  TopicName name;
  name.account = reader.text().value_or("");
  name.region = reader.text().value_or("");
  const std::string kind = reader.text().value_or("");
  name.name = reader.text().value_or("");
  if (kind != "t" && kind != "s") return std::nullopt;
  return name;
}

}  // namespace cumulet::sns
