#include <array>

#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "wire/generated/sns.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::sns;
constexpr std::string_view kService = "sns";

template <typename Operation>
Task<typename Operation::Output> call_sns(ResourceContext& context, typename Operation::Input input) {
  co_return co_await context.directory.call<Operation>(kService, context.call, std::move(input));
}

std::string attribute_text(const Value& value) { return value.is_scalar() ? value.text() : value.to_json(); }

template <std::size_t N>
std::map<std::string, std::string> attributes_of(const Value& properties, const std::array<const char*, N>& names) {
  std::map<std::string, std::string> attributes;
  for (const char* name : names) {
    if (const Value* value = properties.find(name)) attributes[name] = attribute_text(*value);
  }
  return attributes;
}

constexpr std::array kTopicAttributes{"DisplayName",    "FifoTopic",           "ContentBasedDeduplication",
                                      "KmsMasterKeyId", "FifoThroughputScope", "SignatureVersion",
                                      "TracingConfig",  "ArchivePolicy"};
constexpr std::array kSubscriptionAttributes{"FilterPolicy",   "FilterPolicyScope", "RawMessageDelivery",
                                             "DeliveryPolicy", "RedrivePolicy",     "ReplayPolicy"};

Task<std::string> subscribe(ResourceContext& context, std::string topic, const Value& properties) {
  api::SubscribeInput input;
  input.topic_arn = std::move(topic);
  input.protocol = properties.text_of("Protocol");
  input.endpoint = properties.text_of("Endpoint");
  input.attributes = attributes_of(properties, kSubscriptionAttributes);
  input.return_subscription_arn = true;
  const api::SubscribeResponse made = co_await call_sns<api::Subscribe>(context, std::move(input));
  co_return made.subscription_arn.value_or("");
}

Task<void> unsubscribe(ResourceContext& context, std::string arn) {
  api::UnsubscribeInput input;
  input.subscription_arn = std::move(arn);
  co_await call_sns<api::Unsubscribe>(context, std::move(input));
}

/// AWS::SNS::Topic, with the subscriptions inside it.
class TopicType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"TopicName", "FifoTopic"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateTopicInput input;
    input.name = properties.text_of("TopicName");
    if (input.name.empty()) {
      input.name = context.generated_name;
      if (properties.text_of("FifoTopic") == "true") input.name += ".fifo";
    }
    const std::string name = input.name;
    input.attributes = attributes_of(properties, kTopicAttributes);
    if (const Value* protection = properties.find("DataProtectionPolicy")) {
      input.data_protection_policy = attribute_text(*protection);
    }
    input.tags = co_await tags_of(properties);
    const api::CreateTopicResponse made = co_await call_sns<api::CreateTopic>(context, std::move(input));
    const std::string arn = made.topic_arn.value_or("");
    if (const Value* subscriptions = properties.find("Subscription")) {
      for (const Value& each : subscriptions->items()) co_await subscribe(context, arn, each);
    }
    co_return made_of(arn);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    const std::map<std::string, std::string> old_values = attributes_of(before, kTopicAttributes);
    const std::map<std::string, std::string> values = attributes_of(after, kTopicAttributes);
    for (const char* name : kTopicAttributes) {
      const auto old_value = old_values.find(name);
      const auto value = values.find(name);
      const std::string from = old_value == old_values.end() ? std::string() : old_value->second;
      const std::string to = value == values.end() ? std::string() : value->second;
      if (from != to) co_await set(context, id, name, to);
    }
    co_await update_subscriptions(context, id, before, after);
    co_await update_tags(context, id, before, after);
    co_return made_of(id);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    if (properties.find("ArchivePolicy") != nullptr) co_await gone_is_fine(set(context, id, "ArchivePolicy", ""));
    api::DeleteTopicInput input;
    input.topic_arn = std::move(id);
    co_await call_sns<api::DeleteTopic>(context, std::move(input));
  }

 private:
  static Task<void> set(ResourceContext& context, std::string id, std::string name, std::string value) {
    api::SetTopicAttributesInput input;
    input.topic_arn = std::move(id);
    input.attribute_name = std::move(name);
    input.attribute_value = std::move(value);
    co_await call_sns<api::SetTopicAttributes>(context, std::move(input));
  }

  static Result<std::vector<api::Tag>> tags_of(const Value& properties) {
    Value only = Value::object({{"Name", Value::string("tags")}});
    if (const Value* tags = properties.find("Tags")) only.set("Tags", *tags);
    Result<api::CreateTopicInput> bound = input_from<api::CreateTopic>(only);
    if (!bound.ok()) return std::move(bound).error();
    return bound->tags.value_or(std::vector<api::Tag>());
  }

  static Task<void> update_tags(ResourceContext& context, std::string id, const Value& before, const Value& after) {
    api::UntagResourceRequest fewer;
    fewer.resource_arn = id;
    const std::vector<api::Tag> old_tags = co_await tags_of(before);
    for (const api::Tag& tag : old_tags) fewer.tag_keys.push_back(tag.key);
    if (!fewer.tag_keys.empty()) co_await call_sns<api::UntagResource>(context, std::move(fewer));
    api::TagResourceRequest more;
    more.resource_arn = id;
    more.tags = co_await tags_of(after);
    if (!more.tags.empty()) co_await call_sns<api::TagResource>(context, std::move(more));
  }

  static Task<void> update_subscriptions(ResourceContext& context, std::string id, const Value& before,
                                         const Value& after) {
    const Value none = Value::list();
    const Value* old_list = before.find("Subscription");
    const Value* new_list = after.find("Subscription");
    if (old_list == nullptr) old_list = &none;
    if (new_list == nullptr) new_list = &none;
    const auto has = [](const Value& list, const Value& item) {
      for (const Value& each : list.items()) {
        if (each == item) return true;
      }
      return false;
    };
    for (const Value& each : old_list->items()) {
      // Subscribing again gives the ARN of the one that there is.
      if (has(*new_list, each)) continue;
      std::string arn = co_await subscribe(context, id, each);
      co_await unsubscribe(context, std::move(arn));
    }
    for (const Value& each : new_list->items()) co_await subscribe(context, id, each);
  }

  static Made made_of(const std::string& arn) {
    Made result(arn);
    result.attributes.set("TopicArn", Value::string(arn));
    result.attributes.set("TopicName", Value::string(arn.substr(arn.rfind(':') + 1)));
    return result;
  }
};

/// AWS::SNS::Subscription
class SubscriptionType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"TopicArn", "Protocol", "Endpoint"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    const std::string arn = co_await subscribe(context, properties.text_of("TopicArn"), properties);
    co_return made_of(arn);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    const std::map<std::string, std::string> old_values = attributes_of(before, kSubscriptionAttributes);
    const std::map<std::string, std::string> values = attributes_of(after, kSubscriptionAttributes);
    for (const char* name : kSubscriptionAttributes) {
      const auto old_value = old_values.find(name);
      const auto value = values.find(name);
      const std::string from = old_value == old_values.end() ? std::string() : old_value->second;
      std::string to = value == values.end() ? std::string() : value->second;
      if (from == to) continue;
      if (to.empty() && std::string_view(name) == "RawMessageDelivery") to = "false";
      if (to.empty() && std::string_view(name) == "FilterPolicyScope") to = "MessageAttributes";
      api::SetSubscriptionAttributesInput input;
      input.subscription_arn = id;
      input.attribute_name = name;
      input.attribute_value = std::move(to);
      co_await call_sns<api::SetSubscriptionAttributes>(context, std::move(input));
    }
    co_return made_of(id);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    co_await gone_is_fine(unsubscribe(context, std::move(id)));
  }

 private:
  static Made made_of(const std::string& arn) {
    Made result(arn);
    result.attributes.set("Arn", Value::string(arn));
    return result;
  }
};

/// AWS::SNS::TopicPolicy
class TopicPolicyType : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames;
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    co_await set_all(context, properties, policy_of(properties));
    Made result(context.generated_name);
    result.attributes.set("Id", Value::string(context.generated_name));
    co_return result;
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    co_await gone_is_fine(set_all(context, before, ""));
    co_await set_all(context, after, policy_of(after));
    Made result(id);
    result.attributes.set("Id", Value::string(id));
    co_return result;
  }

  Task<void> remove(ResourceContext& context, std::string, const Value& properties) override {
    co_await gone_is_fine(set_all(context, properties, ""));
  }

 private:
  static std::string policy_of(const Value& properties) {
    const Value* document = properties.find("PolicyDocument");
    return document == nullptr ? std::string() : attribute_text(*document);
  }

  static Task<void> set_all(ResourceContext& context, const Value& properties, std::string policy) {
    std::vector<std::string> arns;
    if (const Value* topic = properties.find("TopicArn")) arns.push_back(topic->text());
    if (const Value* topics = properties.find("Topics")) {
      for (const Value& topic : topics->items()) arns.push_back(topic.text());
    }
    for (const std::string& arn : arns) {
      api::SetTopicAttributesInput input;
      input.topic_arn = arn;
      input.attribute_name = "Policy";
      input.attribute_value = policy;
      co_await call_sns<api::SetTopicAttributes>(context, std::move(input));
    }
  }
};

/// AWS::SNS::TopicInlinePolicy: for one topic, by whose ARN it goes.
class TopicInlinePolicyType final : public TopicPolicyType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"TopicArn"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    co_await TopicPolicyType::create(context, properties);  // Its name is of no use here.
    co_return Made(properties.text_of("TopicArn"));
  }
};

}  // namespace

void add_sns_types(ResourceTypes& types) {
  types.add("AWS::SNS::Topic", std::make_unique<TopicType>());
  types.add("AWS::SNS::Subscription", std::make_unique<SubscriptionType>());
  types.add("AWS::SNS::TopicPolicy", std::make_unique<TopicPolicyType>());
  types.add("AWS::SNS::TopicInlinePolicy", std::make_unique<TopicInlinePolicyType>());
}

}  // namespace cumulet::cloudformation
