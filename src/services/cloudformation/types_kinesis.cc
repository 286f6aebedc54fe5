#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "wire/arn.h"
#include "wire/generated/kinesis.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::kinesis;
constexpr std::string_view kService = "kinesis";
constexpr std::int32_t kDefaultRetention = 24;

template <typename Operation>
Task<typename Operation::Output> call(ResourceContext& context, typename Operation::Input input) {
  return context.directory.call<Operation>(kService, context.call, std::move(input));
}

/// The tags of a template (a list of keys and values) as a map.
Value tag_map(const Value& properties) {
  Value tags = Value::object();
  const Value* list = properties.find("Tags");
  if (list == nullptr || !list->is_list()) return tags;
  for (const Value& tag : list->items()) tags.set(tag.text_of("Key"), Value::string(tag.text_of("Value")));
  return tags;
}

/// AWS::Kinesis::Stream
class StreamType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Name"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    if (properties.find("StreamEncryption") != nullptr) {
      co_return Error("ValidationError", 400, "StreamEncryption is not supported by this server.");
    }
    Value adapted = properties;
    adapted.erase("Tags");
    const Value tags = tag_map(properties);
    if (!tags.members().empty()) adapted.set("Tags", tags);
    const std::string given = properties.text_of("Name");
    const std::string name = given.empty() ? context.generated_name : given;
    adapted.set("StreamName", Value::string(name));
    api::CreateStreamInput input = co_await input_from<api::CreateStream>(adapted);
    const bool on_demand = input.stream_mode_details && input.stream_mode_details->stream_mode == "ON_DEMAND";
    if (!on_demand && !input.shard_count) input.shard_count = 1;
    co_await call<api::CreateStream>(context, std::move(input));
    co_await retain(context, name, kDefaultRetention, properties);
    const Value nothing = Value::object();
    co_await monitor(context, name, nothing, properties);
    co_return made(context, name);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    const std::int32_t kept = retention(before);
    co_await set_mode(context, id, before, after);
    if (after.text_of("ShardCount") != before.text_of("ShardCount") && !after.text_of("ShardCount").empty()) {
      Value scaling = Value::object();
      scaling.set("StreamName", Value::string(id));
      scaling.set("ScalingType", Value::string("UNIFORM_SCALING"));
      scaling.set("TargetShardCount", Value::string(after.text_of("ShardCount")));
      api::UpdateShardCountInput input = co_await input_from<api::UpdateShardCount>(scaling);
      co_await call<api::UpdateShardCount>(context, std::move(input));
    }
    co_await retain(context, id, kept, after);
    co_await monitor(context, id, before, after);
    co_await retag(context, id, before, after);
    co_return made(context, id);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteStreamInput input;
    input.stream_name = std::move(id);
    input.enforce_consumer_deletion = true;
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<void> erase(ResourceContext& context, api::DeleteStreamInput input) {
    co_await call<api::DeleteStream>(context, std::move(input));
  }

  static std::int32_t retention(const Value& properties) {
    const std::string hours = properties.text_of("RetentionPeriodHours");
    return hours.empty() ? kDefaultRetention : static_cast<std::int32_t>(std::atoi(hours.c_str()));
  }

  static Task<void> retain(ResourceContext& context, std::string name, std::int32_t now, const Value& properties) {
    const std::int32_t wanted = retention(properties);
    if (wanted > now) {
      api::IncreaseStreamRetentionPeriodInput input;
      input.stream_name = name;
      input.retention_period_hours = wanted;
      co_await call<api::IncreaseStreamRetentionPeriod>(context, std::move(input));
    } else if (wanted < now) {
      api::DecreaseStreamRetentionPeriodInput input;
      input.stream_name = name;
      input.retention_period_hours = wanted;
      co_await call<api::DecreaseStreamRetentionPeriod>(context, std::move(input));
    }
  }

  static std::string mode_of(const Value& properties) {
    const Value* mode = properties.find("StreamModeDetails");
    return mode == nullptr ? "PROVISIONED" : mode->text_of("StreamMode");
  }

  static Task<void> set_mode(ResourceContext& context, std::string name, const Value& before, const Value& after) {
    if (mode_of(before) == mode_of(after)) co_return;
    api::UpdateStreamModeInput input;
    input.stream_arn = arn_of(context, name);
    input.stream_mode_details.stream_mode = mode_of(after);
    co_await call<api::UpdateStreamMode>(context, std::move(input));
  }

  static Result<std::vector<std::string>> metrics(const Value& properties) {
    std::vector<std::string> names;
    const Value* list = properties.find("DesiredShardLevelMetrics");
    if (list == nullptr) return names;
    if (!list->is_list()) return Error("ValidationError", 400, "DesiredShardLevelMetrics must be a list.");
    for (const Value& name : list->items()) names.push_back(name.text());
    return names;
  }

  static Task<void> monitor(ResourceContext& context, std::string name, const Value& before, const Value& after) {
    const std::vector<std::string> old_names = co_await metrics(before);
    const std::vector<std::string> new_names = co_await metrics(after);
    if (old_names == new_names) co_return;
    if (!old_names.empty()) {
      api::DisableEnhancedMonitoringInput input;
      input.stream_name = name;
      input.shard_level_metrics = old_names;
      co_await call<api::DisableEnhancedMonitoring>(context, std::move(input));
    }
    if (!new_names.empty()) {
      api::EnableEnhancedMonitoringInput input;
      input.stream_name = name;
      input.shard_level_metrics = new_names;
      co_await call<api::EnableEnhancedMonitoring>(context, std::move(input));
    }
  }

  static Task<void> retag(ResourceContext& context, std::string name, const Value& before, const Value& after) {
    const Value old_tags = tag_map(before);
    const Value new_tags = tag_map(after);
    if (old_tags == new_tags) co_return;
    api::RemoveTagsFromStreamInput removal;
    removal.stream_name = name;
    for (const auto& [key, value] : old_tags.members()) {
      if (new_tags.find(key) == nullptr) removal.tag_keys.push_back(key);
    }
    if (!removal.tag_keys.empty()) co_await call<api::RemoveTagsFromStream>(context, std::move(removal));
    if (new_tags.members().empty()) co_return;
    api::AddTagsToStreamInput addition;
    addition.stream_name = name;
    for (const auto& [key, value] : new_tags.members()) addition.tags[key] = value.text();
    co_await call<api::AddTagsToStream>(context, std::move(addition));
  }

  static std::string arn_of(const ResourceContext& context, const std::string& name) {
    return wire::make_arn("kinesis", context.call.region, context.call.account(), "stream/" + name);
  }

  static Made made(const ResourceContext& context, const std::string& name) {
    Made result(name);
    result.attributes.set("Arn", Value::string(arn_of(context, name)));
    return result;
  }
};

/// AWS::Kinesis::StreamConsumer
class StreamConsumerType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"ConsumerName", "StreamARN", "Tags"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    Value adapted = properties;
    adapted.erase("Tags");
    const Value tags = tag_map(properties);
    if (!tags.members().empty()) adapted.set("Tags", tags);
    api::RegisterStreamConsumerInput input = co_await input_from<api::RegisterStreamConsumer>(adapted);
    const std::string stream = input.stream_arn;
    const api::RegisterStreamConsumerOutput output =
        co_await call<api::RegisterStreamConsumer>(context, std::move(input));
    Made result(output.consumer.consumer_arn);
    result.attributes.set("ConsumerARN", Value::string(output.consumer.consumer_arn));
    result.attributes.set("ConsumerName", Value::string(output.consumer.consumer_name));
    result.attributes.set("ConsumerStatus", Value::string("ACTIVE"));
    result.attributes.set("ConsumerCreationTimestamp",
                          Value::string(std::to_string(output.consumer.consumer_creation_timestamp.time_since_epoch() /
                                                       std::chrono::seconds(1))));
    result.attributes.set("StreamARN", Value::string(stream));
    co_return result;
  }

  Task<Made> update(ResourceContext&, std::string id, const Value&, const Value&) override {
    co_return Made(std::move(id));  // Nothing can be changed in place.
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeregisterStreamConsumerInput input;
    input.consumer_arn = std::move(id);
    co_await gone_is_fine(deregister(context, std::move(input)));
  }

 private:
  static Task<void> deregister(ResourceContext& context, api::DeregisterStreamConsumerInput input) {
    co_await call<api::DeregisterStreamConsumer>(context, std::move(input));
  }
};

/// AWS::Kinesis::ResourcePolicy: of a stream or a consumer, by whose ARN it goes.
class KinesisResourcePolicyType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"ResourceArn"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    const std::string arn = properties.text_of("ResourceArn");
    const Value* policy = properties.find("ResourcePolicy");
    if (arn.empty() || policy == nullptr) {
      co_await fail(
          Error("ValidationError", 400, "AWS::Kinesis::ResourcePolicy: ResourceArn and ResourcePolicy are required"));
    }
    api::PutResourcePolicyInput input;
    input.resource_arn = arn;
    input.policy = policy->is_string() ? policy->text() : policy->to_json();
    co_await call<api::PutResourcePolicy>(context, std::move(input));
    Made made(arn);
    made.attributes.set("ResourceArn", Value::string(arn));
    co_return made;
  }

  Task<Made> update(ResourceContext& context, std::string, const Value&, const Value& after) override {
    co_return co_await create(context, after);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteResourcePolicyInput input;
    input.resource_arn = std::move(id);
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<void> erase(ResourceContext& context, api::DeleteResourcePolicyInput input) {
    co_await call<api::DeleteResourcePolicy>(context, std::move(input));
  }
};

}  // namespace

void add_kinesis_types(ResourceTypes& types) {
  types.add("AWS::Kinesis::Stream", std::make_unique<StreamType>());
  types.add("AWS::Kinesis::StreamConsumer", std::make_unique<StreamConsumerType>());
  types.add("AWS::Kinesis::ResourcePolicy", std::make_unique<KinesisResourcePolicyType>());
}

}  // namespace cumulet::cloudformation
