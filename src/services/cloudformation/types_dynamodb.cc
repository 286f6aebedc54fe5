#include "base/loop.h"
#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "services/cloudformation/template.h"
#include "wire/generated/dynamodb.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::dynamodb;
constexpr std::string_view kService = "dynamodb";
constexpr int kWaits = 3000;
constexpr std::chrono::milliseconds kWait{20};

/// AWS::DynamoDB::Table
class TableType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"TableName", "KeySchema", "LocalSecondaryIndexes", "AttributeDefinitions",
                                              "GlobalSecondaryIndexes"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    Value adapted = properties;
    if (const Value* stream = properties.find("StreamSpecification")) {
      Value enabled = *stream;
      enabled.set("StreamEnabled", Value::boolean(true));
      adapted.set("StreamSpecification", std::move(enabled));
    }
    if (const Value* sse = properties.find("SSESpecification")) {
      Value renamed = *sse;
      if (const Value* on = sse->find("SSEEnabled")) renamed.set("Enabled", *on);
      adapted.set("SSESpecification", std::move(renamed));
    }
    api::CreateTableInput input = co_await input_from<api::CreateTable>(adapted);
    if (input.table_name.empty()) input.table_name = context.generated_name;
    if (!input.billing_mode) input.billing_mode = input.provisioned_throughput ? "PROVISIONED" : "PAY_PER_REQUEST";
    const std::string name = input.table_name;
    co_await context.directory.call<api::CreateTable>(kService, context.call, std::move(input));
    Made result = co_await active(context, name);
    co_await expire(context, name, properties);
    co_return result;
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    Value changes = Value::object();
    for (const char* name : {"BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TableClass"}) {
      const Value* now = after.find(name);
      const Value* then = before.find(name);
      if (now != nullptr && (then == nullptr || !(*now == *then))) changes.set(name, *now);
    }
    if (!changes.members().empty()) {
      api::UpdateTableInput input = co_await input_from<api::UpdateTable>(changes);
      input.table_name = id;
      co_await context.directory.call<api::UpdateTable>(kService, context.call, std::move(input));
    }
    co_await expire(context, id, after);
    co_return co_await active(context, id);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    co_await gone_is_fine(erase(context, id));
    // The table is gone when it is no longer described.
    for (int i = 0; i < kWaits; ++i) {
      const Result<api::DescribeTableOutput> described = co_await attempt(describe(context, id));
      if (!described.ok()) co_return;
      co_await sleep_for(kWait);
    }
  }

 private:
  static Task<void> erase(ResourceContext& context, std::string name) {
    api::DeleteTableInput input;
    input.table_name = std::move(name);
    co_await context.directory.call<api::DeleteTable>(kService, context.call, std::move(input));
  }

  static Task<api::DescribeTableOutput> describe(ResourceContext& context, std::string name) {
    api::DescribeTableInput input;
    input.table_name = std::move(name);
    return context.directory.call<api::DescribeTable>(kService, context.call, std::move(input));
  }

  static Task<Made> active(ResourceContext& context, std::string name) {
    for (int i = 0; i < kWaits; ++i) {
      const api::DescribeTableOutput described = co_await describe(context, name);
      if (described.table && described.table->table_status.value_or("") == "ACTIVE") {
        Made result(name);
        result.attributes.set("Arn", Value::string(described.table->table_arn.value_or("")));
        if (described.table->latest_stream_arn) {
          result.attributes.set("StreamArn", Value::string(*described.table->latest_stream_arn));
        }
        co_return result;
      }
      co_await sleep_for(kWait);
    }
    co_return Error("NotStabilized", 500, "The table " + name + " did not become active.");
  }

  static Task<void> expire(ResourceContext& context, std::string name, const Value& properties) {
    const Value* given = properties.find("TimeToLiveSpecification");
    if (given == nullptr) co_return;
    const Value wanted = Value::object({{"TimeToLiveSpecification", *given}});
    api::UpdateTimeToLiveInput input = co_await input_from<api::UpdateTimeToLive>(wanted);
    input.table_name = std::move(name);
    co_await context.directory.call<api::UpdateTimeToLive>(kService, context.call, std::move(input));
  }
};

}  // namespace

void add_dynamodb_types(ResourceTypes& types) { types.add("AWS::DynamoDB::Table", std::make_unique<TableType>()); }

}  // namespace cumulet::cloudformation
