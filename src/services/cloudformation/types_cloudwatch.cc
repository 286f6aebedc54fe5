#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "wire/arn.h"
#include "wire/generated/cloudwatch.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::cloudwatch;
constexpr std::string_view kService = "cloudwatch";

/// AWS::CloudWatch::Alarm and AWS::CloudWatch::CompositeAlarm: putting an alarm again changes it.
template <typename Put>
class AlarmType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"AlarmName"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    return put(context, context.generated_name, properties);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    return put(context, std::move(id), after);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteAlarmsInput input;
    input.alarm_names.push_back(std::move(id));
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<Made> put(ResourceContext& context, std::string otherwise, const Value& properties) {
    typename Put::Input input = co_await input_from<Put>(properties);
    if (input.alarm_name.empty()) input.alarm_name = std::move(otherwise);
    Made made(input.alarm_name);
    made.attributes.set("Arn", Value::string(wire::make_arn("cloudwatch", context.call.region, context.call.account(),
                                                            "alarm:" + input.alarm_name)));
    co_await context.directory.call<Put>(kService, context.call, std::move(input));
    co_return made;
  }

  static Task<void> erase(ResourceContext& context, api::DeleteAlarmsInput input) {
    co_await context.directory.call<api::DeleteAlarms>(kService, context.call, std::move(input));
  }
};

/// AWS::CloudWatch::Dashboard
class DashboardType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"DashboardName"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    return put(context, context.generated_name, properties);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    return put(context, std::move(id), after);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteDashboardsInput input;
    input.dashboard_names.push_back(std::move(id));
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<Made> put(ResourceContext& context, std::string otherwise, const Value& properties) {
    api::PutDashboardInput input = co_await input_from<api::PutDashboard>(properties);
    if (input.dashboard_name.empty()) input.dashboard_name = std::move(otherwise);
    Made made(input.dashboard_name);
    co_await context.directory.call<api::PutDashboard>(kService, context.call, std::move(input));
    co_return made;
  }

  static Task<void> erase(ResourceContext& context, api::DeleteDashboardsInput input) {
    co_await context.directory.call<api::DeleteDashboards>(kService, context.call, std::move(input));
  }
};

}  // namespace

void add_cloudwatch_types(ResourceTypes& types) {
  types.add("AWS::CloudWatch::Alarm", std::make_unique<AlarmType<api::PutMetricAlarm>>());
  types.add("AWS::CloudWatch::CompositeAlarm", std::make_unique<AlarmType<api::PutCompositeAlarm>>());
  types.add("AWS::CloudWatch::Dashboard", std::make_unique<DashboardType>());
}

}  // namespace cumulet::cloudformation
