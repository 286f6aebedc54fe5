#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "wire/generated/scheduler.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::scheduler;
constexpr std::string_view kService = "scheduler";
constexpr std::size_t kNameLimit = 64;

Made made(const std::string& id, const std::string& arn) {
  Made result(id);
  result.attributes.set("Arn", Value::string(arn));
  return result;
}

/// AWS::Scheduler::Schedule
class ScheduleType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Name"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateScheduleInput input = co_await input_from<api::CreateSchedule>(properties);
    if (input.name.empty()) input.name = context.generated_name.substr(0, kNameLimit);
    const std::string name = input.name;
    const api::CreateScheduleOutput output =
        co_await context.directory.call<api::CreateSchedule>(kService, context.call, std::move(input));
    co_return made(name, output.schedule_arn);
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    api::UpdateScheduleInput input = co_await input_from<api::UpdateSchedule>(after);
    input.name = id;
    const api::UpdateScheduleOutput output =
        co_await context.directory.call<api::UpdateSchedule>(kService, context.call, std::move(input));
    co_return made(id, output.schedule_arn);
  }
  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    api::DeleteScheduleInput input;
    input.name = std::move(id);
    if (properties.find("GroupName") != nullptr) input.group_name = properties.text_of("GroupName");
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<void> erase(ResourceContext& context, api::DeleteScheduleInput input) {
    co_await context.directory.call<api::DeleteSchedule>(kService, context.call, std::move(input));
  }
};

/// AWS::Scheduler::ScheduleGroup
class ScheduleGroupType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Name", "Tags"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateScheduleGroupInput input = co_await input_from<api::CreateScheduleGroup>(properties);
    if (input.name.empty()) input.name = context.generated_name.substr(0, kNameLimit);
    const std::string name = input.name;
    const api::CreateScheduleGroupOutput output =
        co_await context.directory.call<api::CreateScheduleGroup>(kService, context.call, std::move(input));
    Made result = made(name, output.schedule_group_arn);
    result.attributes.set("State", Value::string("ACTIVE"));
    co_return result;
  }
  Task<Made> update(ResourceContext&, std::string id, const Value&, const Value&) override { co_return Made(id); }
  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteScheduleGroupInput input;
    input.name = std::move(id);
    co_await gone_is_fine(erase(context, std::move(input)));
  }

 private:
  static Task<void> erase(ResourceContext& context, api::DeleteScheduleGroupInput input) {
    co_await context.directory.call<api::DeleteScheduleGroup>(kService, context.call, std::move(input));
  }
};

}  // namespace

void add_scheduler_types(ResourceTypes& types) {
  types.add("AWS::Scheduler::Schedule", std::make_unique<ScheduleType>());
  types.add("AWS::Scheduler::ScheduleGroup", std::make_unique<ScheduleGroupType>());
}

}  // namespace cumulet::cloudformation
