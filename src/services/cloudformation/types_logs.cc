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

}  // namespace

void add_logs_types(ResourceTypes& types) { types.add("AWS::Logs::LogGroup", std::make_unique<LogGroupType>()); }

}  // namespace cumulet::cloudformation
