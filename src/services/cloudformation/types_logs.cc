#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "wire/generated/logs.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::logs;
constexpr std::string_view kService = "logs";

/// AWS::Logs::LogGroup
class LogGroupType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"LogGroupName"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateLogGroupRequest input = co_await input_from<api::CreateLogGroup>(properties);
    if (input.log_group_name.empty()) input.log_group_name = context.generated_name;
    const std::string name = input.log_group_name;
    co_await context.directory.call<api::CreateLogGroup>(kService, context.call, std::move(input));
    co_await keep(context, name, properties);
    co_return made(context, name);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    co_await keep(context, id, after);
    co_return made(context, id);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteLogGroupRequest input;
    input.log_group_name = std::move(id);
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<void> erase(ResourceContext& context, api::DeleteLogGroupRequest input) {
    co_await context.directory.call<api::DeleteLogGroup>(kService, context.call, std::move(input));
  }

  static Task<void> keep(ResourceContext& context, std::string name, const Value& properties) {
    if (properties.find("RetentionInDays") == nullptr) {
      api::DeleteRetentionPolicyRequest forever;
      forever.log_group_name = name;
      co_await context.directory.call<api::DeleteRetentionPolicy>(kService, context.call, std::move(forever));
      co_return;
    }
    api::PutRetentionPolicyRequest retention = co_await input_from<api::PutRetentionPolicy>(properties);
    retention.log_group_name = name;
    co_await context.directory.call<api::PutRetentionPolicy>(kService, context.call, std::move(retention));
  }

  static Made made(const ResourceContext& context, const std::string& name) {
    Made result(name);
    result.attributes.set("Arn", Value::string("arn:aws:logs:" + context.call.region + ":" + context.call.account() +
                                               ":log-group:" + name + ":*"));
    return result;
  }
};

/// AWS::Logs::MetricFilter
class MetricFilterType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"FilterName", "LogGroupName"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    return put(context, context.generated_name, properties);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    return put(context, std::move(id), after);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    api::DeleteMetricFilterRequest input;
    input.log_group_name = properties.text_of("LogGroupName");
    input.filter_name = std::move(id);
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<Made> put(ResourceContext& context, std::string otherwise, const Value& properties) {
    api::PutMetricFilterRequest input = co_await input_from<api::PutMetricFilter>(with_dimension_maps(properties));
    if (input.filter_name.empty()) input.filter_name = std::move(otherwise);
    Made made(input.filter_name);
    co_await context.directory.call<api::PutMetricFilter>(kService, context.call, std::move(input));
    co_return made;
  }

  /// Templates list dimensions as Key and Value; the API has a map.
  static Value with_dimension_maps(const Value& properties) {
    const Value* transformations = properties.find("MetricTransformations");
    if (transformations == nullptr || !transformations->is_list()) return properties;
    std::vector<Value> changed;
    for (const Value& transformation : transformations->items()) {
      Value& copy = changed.emplace_back(transformation);
      const Value* dimensions = transformation.find("Dimensions");
      if (dimensions == nullptr || !dimensions->is_list()) continue;
      Value map = Value::object();
      for (const Value& dimension : dimensions->items()) {
        map.set(dimension.text_of("Key"), Value::string(dimension.text_of("Value")));
      }
      copy.set("Dimensions", std::move(map));
    }
    Value result = properties;
    result.set("MetricTransformations", Value::list(std::move(changed)));
    return result;
  }

  static Task<void> erase(ResourceContext& context, api::DeleteMetricFilterRequest input) {
    co_await context.directory.call<api::DeleteMetricFilter>(kService, context.call, std::move(input));
  }
};

/// AWS::Logs::SubscriptionFilter
class SubscriptionFilterType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"FilterName", "LogGroupName"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    return put(context, context.generated_name, properties);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    return put(context, std::move(id), after);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    api::DeleteSubscriptionFilterRequest input;
    input.log_group_name = properties.text_of("LogGroupName");
    input.filter_name = std::move(id);
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<Made> put(ResourceContext& context, std::string otherwise, const Value& properties) {
    api::PutSubscriptionFilterRequest input = co_await input_from<api::PutSubscriptionFilter>(properties);
    if (input.filter_name.empty()) input.filter_name = std::move(otherwise);
    Made made(input.filter_name);
    co_await context.directory.call<api::PutSubscriptionFilter>(kService, context.call, std::move(input));
    co_return made;
  }

  static Task<void> erase(ResourceContext& context, api::DeleteSubscriptionFilterRequest input) {
    co_await context.directory.call<api::DeleteSubscriptionFilter>(kService, context.call, std::move(input));
  }
};

}  // namespace

void add_logs_types(ResourceTypes& types) {
  types.add("AWS::Logs::LogGroup", std::make_unique<LogGroupType>());
  types.add("AWS::Logs::MetricFilter", std::make_unique<MetricFilterType>());
  types.add("AWS::Logs::SubscriptionFilter", std::make_unique<SubscriptionFilterType>());
}

}  // namespace cumulet::cloudformation
