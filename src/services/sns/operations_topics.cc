#include "services/sns/operations_topics.h"

#include <algorithm>

#include "base/text.h"
#include "services/sns/attributes.h"
#include "services/sns/permit.h"

namespace cumulet::sns {
namespace {

namespace api = wire::sns;
using storage::Transaction;

constexpr std::size_t kTopicsPage = 100;
constexpr std::size_t kTags = 50;
constexpr std::size_t kSubscriptionsErasedAtOnce = 200;
constexpr std::size_t kCounted = 1000;

Result<void> check_name(const std::string& name, bool fifo) {
  const std::string stem = name.ends_with(".fifo") ? name.substr(0, name.size() - 5) : name;
  const bool characters = std::all_of(stem.begin(), stem.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (fifo && (!name.ends_with(".fifo") || stem.empty() || !characters || name.size() > 256)) {
    return invalid(
        "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, "
        "numbers, underscores, and hyphens, and must be between 1 and 256 characters long.");
  }
  if (!fifo && (name.ends_with(".fifo") || name.empty() || !characters || name.size() > 256)) {
    return invalid("Topic Name");
  }
  return {};
}

Result<std::map<std::string, std::string>> tags_from(const std::vector<api::Tag>& tags) {
  std::map<std::string, std::string> result;
  for (const api::Tag& tag : tags) {
    if (!result.emplace(tag.key, tag.value).second) return invalid("Duplicated keys are not allowed.");
  }
  if (result.size() > kTags) {
    return Error(api::errors::kTagLimitExceeded, "Could not complete request: tag quota of per resource exceeded");
  }
  return result;
}

Error resource_gone() { return Error(api::errors::kResourceNotFound, "Resource does not exist"); }

void keep_archive_start(Topic& topic, std::int64_t now) {
  const std::string policy = topic.attribute("ArchivePolicy");
  if (policy.empty() || policy == "{}") {
    topic.attributes.erase("ArchivePolicy");
    topic.attributes.erase("BeginningArchiveTime");
  } else {
    topic.attributes.try_emplace("BeginningArchiveTime", timestamp_text(now));
  }
}

}  // namespace

Result<std::vector<std::string>> read_token(const std::optional<std::string>& token, std::size_t parts) {
  if (!token || token->empty()) return std::vector<std::string>(parts);
  const std::optional<std::string> text = base64url_decode(*token);
  std::vector<std::string> result;
  if (text) {
    for (const std::string_view part : split(*text, '\n')) result.emplace_back(part);
  }
  if (result.size() != parts) return invalid("NextToken Reason: Invalid value");
  return result;
}

std::string make_token(const std::vector<std::string>& parts) { return base64url_encode(join(parts, "\n")); }

void TopicOperations::register_on(wire::Service& service) {
  service.on<api::CreateTopic>([this](Call& c, const auto& in) { return create(c, in); });
  service.on<api::DeleteTopic>([this](Call& c, const auto& in) { return remove(c, in); });
  service.on<api::ListTopics>([this](Call& c, const auto& in) { return list(c, in); });
  service.on<api::GetTopicAttributes>([this](Call& c, const auto& in) { return get_attributes(c, in); });
  service.on<api::SetTopicAttributes>([this](Call& c, const auto& in) { return set_attribute(c, in); });
  service.on<api::AddPermission>([this](Call& c, const auto& in) { return add_permission(c, in); });
  service.on<api::RemovePermission>([this](Call& c, const auto& in) { return remove_permission(c, in); });
  service.on<api::TagResource>([this](Call& c, const auto& in) { return tag(c, in); });
  service.on<api::UntagResource>([this](Call& c, const auto& in) { return untag(c, in); });
  service.on<api::ListTagsForResource>([this](Call& c, const auto& in) { return list_tags(c, in); });
  service.on<api::GetDataProtectionPolicy>([this](Call& c, const auto& in) { return get_protection(c, in); });
  service.on<api::PutDataProtectionPolicy>([this](Call& c, const auto& in) { return put_protection(c, in); });
}

/// Idempotent: the same name with attributes and tags that agree gives the same topic.
Task<api::CreateTopicResponse> TopicOperations::create(Call& call, const api::CreateTopicInput& input) {
  if (input.data_protection_policy) {
    co_return invalid("DataProtectionPolicy Reason: this server has no message data protection");
  }
  Topic wanted;
  wanted.name = input.name;
  wanted.created = parts_.clock.now_millis();
  if (input.attributes) wanted.attributes = *input.attributes;
  co_await check_name(wanted.name, wanted.fifo());
  for (const auto& [name, value] : wanted.attributes) co_await check_topic_attribute(wanted, name, value, true);
  std::erase_if(wanted.attributes, [](const auto& entry) {
    return entry.second.empty() || (entry.first == "FifoTopic" && entry.second == "false");
  });
  keep_archive_start(wanted, wanted.created);
  if (input.tags) wanted.tags = co_await tags_from(*input.tags);

  const TopicName name(call.account(), call.region, input.name);
  const Store store(name);
  const auto write = [&](Transaction& txn) -> Task<void> {
    const std::optional<Topic> existing = co_await store.find_topic(txn, wanted.name);
    if (!existing) {
      store.put_topic(txn, wanted);
      co_return;
    }
    for (const auto& [key, value] : wanted.attributes) {
      if (key != "BeginningArchiveTime" && existing->attribute(key) != value)
        co_await fail(invalid("Attributes Reason: Topic already exists with different attributes"));
    }
    if (input.tags && !input.tags->empty() && existing->tags != wanted.tags)
      co_await fail(invalid("Tags Reason: Topic already exists with different tags"));
  };
  co_await storage::transact(parts_.database, write);
  api::CreateTopicResponse output;
  output.topic_arn = name.arn();
  co_return output;
}

/// Idempotent. The topic goes first, so that nobody sees it half empty; what hangs on it follows in bounded steps.
Task<api::DeleteTopicOutput> TopicOperations::remove(Call& call, const api::DeleteTopicInput& input) {
  const TopicName name = co_await parse_topic_arn(input.topic_arn, call.region);
  const Store store(name);
  const auto erase = [&](Transaction& txn) -> Task<bool> {
    const std::optional<Topic> topic = co_await store.find_topic(txn, name.name);
    if (!topic) co_return false;
    co_await permit(call, name, *topic, "DeleteTopic");
    if (topic->attributes.contains("ArchivePolicy"))
      co_await fail(api::errors::kInvalidState, "Invalid state: Cannot delete a topic that has an ArchivePolicy");
    store.erase_topic(txn, name.name);
    co_return true;
  };
  const bool existed = co_await storage::transact(parts_.database, erase);
  bool more = existed;
  while (more) {
    const auto erase_some = [&](Transaction& txn) -> Task<bool> {
      if (co_await store.find_topic(txn, name.name)) co_return false;  // Somebody made it anew.
      const std::vector<Store::Listed> some =
          co_await store.list_subscriptions(txn, name.name, "", "", kSubscriptionsErasedAtOnce);
      for (const Store::Listed& listed : some) store.erase_subscription(txn, name.name, listed.row);
      co_return some.size() == kSubscriptionsErasedAtOnce;
    };
    more = co_await storage::transact(parts_.database, erase_some);
  }
  if (existed && name.fifo()) co_await fifo_.erase_all(name);
  co_return api::DeleteTopicOutput();
}

Task<api::ListTopicsResponse> TopicOperations::list(Call& call, const api::ListTopicsInput& input) {
  const std::vector<std::string> after = co_await read_token(input.next_token, 1);
  const Store store(call.account(), call.region);
  const auto read = [&](Transaction& txn) -> Task<std::vector<Topic>> {
    co_return co_await store.list_topics(txn, after[0], kTopicsPage + 1);
  };
  std::vector<Topic> topics = co_await storage::transact(parts_.database, read);
  api::ListTopicsResponse output;
  output.topics.emplace();
  if (topics.size() > kTopicsPage) {
    topics.resize(kTopicsPage);
    output.next_token = make_token({topics.back().name});
  }
  for (const Topic& topic : topics) {
    output.topics->emplace_back().topic_arn = TopicName(call.account(), call.region, topic.name).arn();
  }
  co_return output;
}

Task<api::GetTopicAttributesResponse> TopicOperations::get_attributes(Call& call,
                                                                      const api::GetTopicAttributesInput& input) {
  const TopicName name = co_await parse_topic_arn(input.topic_arn, call.region);
  const Store store(name);
  std::size_t confirmed = 0;
  std::size_t pending = 0;
  Topic topic;
  const auto read = [&](Transaction& txn) -> Task<void> {
    topic = co_await store.require_topic(txn, name.name);
    co_await permit(call, name, topic, "GetTopicAttributes");
  };
  co_await storage::transact(parts_.database, read);
  std::string after;
  bool more = true;
  while (more) {
    const auto read_page = [&](Transaction& txn) -> Task<std::vector<Store::Listed>> {
      co_return co_await store.list_subscriptions(txn, name.name, after.empty() ? "" : name.name, after, kCounted);
    };
    const std::vector<Store::Listed> page = co_await storage::transact(parts_.database, read_page);
    for (const Store::Listed& listed : page) ++(listed.row.confirmed ? confirmed : pending);
    more = page.size() == kCounted;
    if (more) after = page.back().row.id;
  }
  api::GetTopicAttributesResponse output;
  std::map<std::string, std::string>& shown = output.attributes.emplace(topic.attributes);
  shown["TopicArn"] = name.arn();
  shown["Owner"] = name.account;
  shown.try_emplace("DisplayName", "");
  shown.try_emplace("Policy", default_policy(name));
  shown["SubscriptionsConfirmed"] = std::to_string(confirmed);
  shown["SubscriptionsPending"] = std::to_string(pending);
  shown["SubscriptionsDeleted"] = std::to_string(topic.deleted_subscriptions);
  shown["EffectiveDeliveryPolicy"] =
      effective_policy_document(http_policy(topic.attribute("DeliveryPolicy"), ""), true);
  if (topic.fifo()) {
    shown.try_emplace("ContentBasedDeduplication", "false");
    shown.try_emplace("FifoThroughputScope", "Topic");
  }
  co_return output;
}

Task<api::SetTopicAttributesOutput> TopicOperations::set_attribute(Call& call,
                                                                   const api::SetTopicAttributesInput& input) {
  const TopicName name = co_await parse_topic_arn(input.topic_arn, call.region);
  const Store store(name);
  const std::string value = input.attribute_value.value_or("");
  const auto write = [&](Transaction& txn) -> Task<void> {
    Topic topic = co_await store.require_topic(txn, name.name);
    co_await permit(call, name, topic, "SetTopicAttributes");
    co_await check_topic_attribute(topic, input.attribute_name, value, false);
    if (value.empty()) {
      topic.attributes.erase(input.attribute_name);
    } else {
      topic.attributes[input.attribute_name] = value;
    }
    keep_archive_start(topic, parts_.clock.now_millis());
    store.put_topic(txn, topic);
  };
  co_await storage::transact(parts_.database, write);
  co_return api::SetTopicAttributesOutput();
}

Task<api::AddPermissionOutput> TopicOperations::add_permission(Call& call, const api::AddPermissionInput& input) {
  const TopicName name = co_await parse_topic_arn(input.topic_arn, call.region);
  const Store store(name);
  const auto write = [&](Transaction& txn) -> Task<void> {
    Topic topic = co_await store.require_topic(txn, name.name);
    co_await permit(call, name, topic, "AddPermission");
    const std::string before = topic.attribute("Policy", default_policy(name));
    topic.attributes["Policy"] =
        co_await with_statement(before, name, input.label, input.aws_account_id, input.action_name);
    store.put_topic(txn, topic);
  };
  co_await storage::transact(parts_.database, write);
  co_return api::AddPermissionOutput();
}

Task<api::RemovePermissionOutput> TopicOperations::remove_permission(Call& call,
                                                                     const api::RemovePermissionInput& input) {
  const TopicName name = co_await parse_topic_arn(input.topic_arn, call.region);
  const Store store(name);
  const auto write = [&](Transaction& txn) -> Task<void> {
    Topic topic = co_await store.require_topic(txn, name.name);
    co_await permit(call, name, topic, "RemovePermission");
    const std::string before = topic.attribute("Policy", default_policy(name));
    topic.attributes["Policy"] = co_await without_statement(before, input.label);
    store.put_topic(txn, topic);
  };
  co_await storage::transact(parts_.database, write);
  co_return api::RemovePermissionOutput();
}

Task<api::TagResourceResponse> TopicOperations::tag(Call& call, const api::TagResourceRequest& input) {
  const TopicName name = co_await parse_topic_arn(input.resource_arn, call.region, "ResourceArn");
  const std::map<std::string, std::string> added = co_await tags_from(input.tags);
  const Store store(name);
  const auto write = [&](Transaction& txn) -> Task<void> {
    std::optional<Topic> topic = co_await store.find_topic(txn, name.name);
    if (!topic) co_await fail(resource_gone());
    co_await permit(call, name, *topic, "TagResource");
    for (const auto& [key, value] : added) topic->tags[key] = value;
    if (topic->tags.size() > kTags)
      co_await fail(api::errors::kTagLimitExceeded, "Could not complete request: tag quota of per resource exceeded");
    store.put_topic(txn, *topic);
  };
  co_await storage::transact(parts_.database, write);
  co_return api::TagResourceResponse();
}

Task<api::UntagResourceResponse> TopicOperations::untag(Call& call, const api::UntagResourceRequest& input) {
  const TopicName name = co_await parse_topic_arn(input.resource_arn, call.region, "ResourceArn");
  const Store store(name);
  const auto write = [&](Transaction& txn) -> Task<void> {
    std::optional<Topic> topic = co_await store.find_topic(txn, name.name);
    if (!topic) co_await fail(resource_gone());
    co_await permit(call, name, *topic, "UntagResource");
    for (const std::string& key : input.tag_keys) topic->tags.erase(key);
    store.put_topic(txn, *topic);
  };
  co_await storage::transact(parts_.database, write);
  co_return api::UntagResourceResponse();
}

Task<api::ListTagsForResourceResponse> TopicOperations::list_tags(Call& call,
                                                                  const api::ListTagsForResourceRequest& input) {
  const TopicName name = co_await parse_topic_arn(input.resource_arn, call.region, "ResourceArn");
  const Store store(name);
  const auto read = [&](Transaction& txn) -> Task<Topic> {
    std::optional<Topic> topic = co_await store.find_topic(txn, name.name);
    if (!topic) co_await fail(resource_gone());
    co_await permit(call, name, *topic, "ListTagsForResource");
    co_return std::move(*topic);
  };
  const Topic topic = co_await storage::transact(parts_.database, read);
  api::ListTagsForResourceResponse output;
  output.tags.emplace();
  for (const auto& [key, value] : topic.tags) {
    api::Tag& tag = output.tags->emplace_back();
    tag.key = key;
    tag.value = value;
  }
  co_return output;
}

/// A topic here has no such policy, which AWS says with an empty text.
Task<api::GetDataProtectionPolicyResponse> TopicOperations::get_protection(
    Call& call, const api::GetDataProtectionPolicyInput& input) {
  const TopicName name = co_await parse_topic_arn(input.resource_arn, call.region, "ResourceArn");
  const Store store(name);
  const auto read = [&](Transaction& txn) -> Task<void> {
    const Topic topic = co_await store.require_topic(txn, name.name);
    co_await permit(call, name, topic, "GetDataProtectionPolicy");
  };
  co_await storage::transact(parts_.database, read);
  api::GetDataProtectionPolicyResponse output;
  output.data_protection_policy = "";
  co_return output;
}

Task<api::PutDataProtectionPolicyOutput> TopicOperations::put_protection(
    Call& call, const api::PutDataProtectionPolicyInput& input) {
  const TopicName name = co_await parse_topic_arn(input.resource_arn, call.region, "ResourceArn");
  co_return invalid("DataProtectionPolicy Reason: this server has no message data protection");
}

}  // namespace cumulet::sns
