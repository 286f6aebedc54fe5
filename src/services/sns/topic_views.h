#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "services/sns/filter_policy.h"
#include "services/sns/store.h"
#include "storage/database.h"

namespace cumulet::sns {

/// A confirmed subscription with what deciding on a message needs, parsed.
struct SubscriptionView {
  Subscription row;
  std::string arn;
  std::optional<FilterPolicy> filter;
  std::string dead_letter;  ///< The queue's ARN, or empty.
};

/// A topic and its confirmed subscriptions as messages see them.
struct TopicView {
  TopicName name;
  Topic topic;
  std::vector<SubscriptionView> subscriptions;
};

/// Null when there is none of that id.
const SubscriptionView* find_subscription(const TopicView& topic, const std::string& id);

/// Topics that are published to, kept in memory until a commit changes something of theirs. Any thread.
class TopicViews {
 public:
  explicit TopicViews(storage::Database& database);
  /// Fails with NotFound when there is no such topic.
  Task<std::shared_ptr<const TopicView>> find(TopicName name);

 private:
  /// What the wake-ups of commits may touch: they can come while this object goes.
  struct Cache {
    std::mutex mutex;
    std::uint64_t changes = 0;
    std::map<TopicName, std::shared_ptr<const TopicView>> views;
  };
  Task<std::shared_ptr<const TopicView>> load(TopicName name);

  storage::Database& database_;
  std::shared_ptr<Cache> cache_;
};

/// The queue that a RedrivePolicy names; empty when the text is none.
std::string dead_letter_of(const std::string& redrive_policy);

/// Whether the subscription wants this message. `attributes` is its `filter_document`.
bool wants(const SubscriptionView& subscription, const Notification& notification, const std::string& attributes);

}  // namespace cumulet::sns
