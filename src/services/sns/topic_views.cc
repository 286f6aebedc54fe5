#include "services/sns/topic_views.h"

#include <algorithm>

#include <simdjson.h>

namespace cumulet::sns {
namespace {

constexpr std::size_t kViewsKept = 10'000;
constexpr std::size_t kPage = 1000;

SubscriptionView view_of(const TopicName& topic, Subscription row) {
  SubscriptionView view;
  view.arn = topic.arn() + ":" + row.id;
  view.dead_letter = dead_letter_of(row.attribute("RedrivePolicy"));
  if (const std::string policy = row.attribute("FilterPolicy"); !policy.empty()) {
    const bool body = row.attribute("FilterPolicyScope") == "MessageBody";
    const auto scope = body ? FilterPolicy::Scope::kBody : FilterPolicy::Scope::kAttributes;
    Result<FilterPolicy> parsed = FilterPolicy::parse(policy, scope);
    if (parsed.ok()) view.filter = std::move(*parsed);
  }
  view.row = std::move(row);
  return view;
}

}  // namespace

/// They lie in the order of their ids, as the store gave them.
const SubscriptionView* find_subscription(const TopicView& topic, const std::string& id) {
  const auto& all = topic.subscriptions;
  const auto before = [](const SubscriptionView& view, const std::string& wanted) { return view.row.id < wanted; };
  const auto found = std::lower_bound(all.begin(), all.end(), id, before);
  return found != all.end() && found->row.id == id ? &*found : nullptr;
}

std::string dead_letter_of(const std::string& redrive_policy) {
  if (redrive_policy.empty()) return {};
  thread_local simdjson::dom::parser reader;
  std::string_view arn;
  if (reader.parse(redrive_policy)["deadLetterTargetArn"].get(arn)) return {};
  return std::string(arn);
}

bool wants(const SubscriptionView& subscription, const Notification& notification, const std::string& attributes) {
  if (!subscription.filter) return true;
  const bool body = subscription.filter->scope() == FilterPolicy::Scope::kBody;
  return subscription.filter->matches(body ? notification.message : attributes);
}

TopicViews::TopicViews(storage::Database& database) : database_(database), cache_(std::make_shared<Cache>()) {
  database_.on_commit(storage::Key("sns").bytes(), [cache = cache_](std::string_view key) {
    const std::optional<TopicName> topic = topic_of_key(key);
    if (!topic) return;
    const std::lock_guard lock(cache->mutex);
    ++cache->changes;
    cache->views.erase(*topic);
  });
}

Task<std::shared_ptr<const TopicView>> TopicViews::find(TopicName name) {
  std::uint64_t before = 0;
  {
    const std::lock_guard lock(cache_->mutex);
    const auto found = cache_->views.find(name);
    if (found != cache_->views.end()) co_return found->second;
    before = cache_->changes;
  }
  std::shared_ptr<const TopicView> view = co_await load(name);
  const std::lock_guard lock(cache_->mutex);
  if (before == cache_->changes) {
    if (cache_->views.size() >= kViewsKept) cache_->views.clear();
    cache_->views.insert_or_assign(name, view);
  }
  co_return view;
}

Task<std::shared_ptr<const TopicView>> TopicViews::load(TopicName name) {
  const Store store(name);
  auto view = std::make_shared<TopicView>();
  view->name = name;
  const auto read_topic = [&](storage::Transaction& txn) -> Task<Topic> {
    co_return co_await store.require_topic(txn, name.name);
  };
  view->topic = co_await storage::transact(database_, read_topic);
  std::string after;
  while (true) {
    const auto read_page = [&](storage::Transaction& txn) -> Task<std::vector<Store::Listed>> {
      co_return co_await store.list_subscriptions(txn, name.name, after.empty() ? "" : name.name, after, kPage);
    };
    std::vector<Store::Listed> page = co_await storage::transact(database_, read_page);
    if (page.empty()) break;
    after = page.back().row.id;
    for (Store::Listed& listed : page) {
      if (listed.row.confirmed) view->subscriptions.push_back(view_of(name, std::move(listed.row)));
    }
  }
  co_return std::shared_ptr<const TopicView>(std::move(view));
}

}  // namespace cumulet::sns
