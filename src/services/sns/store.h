#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/sns/model.h"
#include "storage/database.h"
#include "storage/key.h"

namespace cumulet::sns {

/// The keys of one account's topics in a region. Layout, all below ("sns", account, region):
///   ("t", topic)                            topic row
///   ("s", topic, id)                        subscription row
///   ("e", topic, protocol, endpoint)        id of the subscription of that endpoint
/// Every function works inside the caller's transaction. What changes with every message lies elsewhere (fifo_log.h),
/// as these rows are cached.
class Store {
 public:
  Store(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}
  explicit Store(const TopicName& topic) : Store(topic.account, topic.region) {}

  Task<std::optional<Topic>> find_topic(storage::Transaction& txn, std::string name) const;
  /// Fails with NotFound.
  Task<Topic> require_topic(storage::Transaction& txn, std::string name) const;
  void put_topic(storage::Transaction& txn, const Topic& topic) const;
  void erase_topic(storage::Transaction& txn, const std::string& name) const;
  Task<std::vector<Topic>> list_topics(storage::Transaction& txn, std::string after, std::size_t limit) const;

  Task<std::optional<Subscription>> find_subscription(storage::Transaction& txn, std::string topic,
                                                      std::string id) const;
  Task<Subscription> require_subscription(storage::Transaction& txn, std::string topic, std::string id) const;
  Task<std::optional<Subscription>> find_by_endpoint(storage::Transaction& txn, std::string topic, std::string protocol,
                                                     std::string endpoint) const;
  void put_subscription(storage::Transaction& txn, const std::string& topic, const Subscription& row) const;
  void erase_subscription(storage::Transaction& txn, const std::string& topic, const Subscription& row) const;

  struct Listed {
    std::string topic;
    Subscription row;
  };
  /// Subscriptions of all topics, or of one, that come after (`after_topic`, `after_id`).
  Task<std::vector<Listed>> list_subscriptions(storage::Transaction& txn, std::string only_topic,
                                               std::string after_topic, std::string after_id, std::size_t limit) const;

 private:
  storage::Key space(std::string_view kind) const;

  std::string account_;
  std::string region_;
};

/// What a key of a topic or subscription says, for the cache; nullopt for others.
std::optional<TopicName> topic_of_key(std::string_view key);

}  // namespace cumulet::sns
