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

bool changed(const Value* before, const Value* after) {
  if (before == nullptr || after == nullptr) return before != after;
  return !(*before == *after);
}

std::string text_of(const Value& object, const char* name) {
  const Value* found = object.find(name);
  return found == nullptr ? std::string() : found->text();
}

/// The index of that name in a list of GlobalSecondaryIndexes; null when there is none.
const Value* index_named(const Value* indexes, const std::string& name) {
  if (indexes == nullptr) return nullptr;
  for (const Value& index : indexes->items()) {
    if (text_of(index, "IndexName") == name) return &index;
  }
  return nullptr;
}

Value stream_enabled(const Value& given) {
  Value enabled = given;
  enabled.set("StreamEnabled", Value::boolean(true));
  return enabled;
}

Value encryption(const Value& given) {
  Value renamed = given;
  if (const Value* on = given.find("SSEEnabled")) renamed.set("Enabled", *on);
  return renamed;
}

Result<void> no_insights(const Value& properties) {
  const Value* insights = properties.find("ContributorInsightsSpecification");
  const Value* enabled = insights == nullptr ? nullptr : insights->find("Enabled");
  if (enabled == nullptr || !enabled->as_bool()) return {};
  return Error("ValidationError", 400, "Contributor Insights are not implemented.");
}

/// AWS::DynamoDB::Table
class TableType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"TableName", "KeySchema", "LocalSecondaryIndexes",
                                              "ImportSourceSpecification"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    if (properties.find("ImportSourceSpecification") != nullptr) {
      co_return Error("ValidationError", 400, "ImportSourceSpecification is not implemented: use ImportTable.");
    }
    co_await no_insights(properties);
    Value adapted = properties;
    if (const Value* stream = properties.find("StreamSpecification")) {
      adapted.set("StreamSpecification", stream_enabled(*stream));
    }
    if (const Value* sse = properties.find("SSESpecification")) adapted.set("SSESpecification", encryption(*sse));
    api::CreateTableInput input = co_await input_from<api::CreateTable>(adapted);
    if (input.table_name.empty()) input.table_name = context.generated_name;
    if (!input.billing_mode) input.billing_mode = input.provisioned_throughput ? "PROVISIONED" : "PAY_PER_REQUEST";
    const std::string name = input.table_name;
    co_await context.directory.call<api::CreateTable>(kService, context.call, std::move(input));
    Made result = co_await active(context, name);
    const Value nothing = Value::object();
    co_await settings(context, name, nothing, properties);
    co_return result;
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    co_await no_insights(after);
    Value changes = Value::object();
    for (const char* name : {"BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled", "TableClass",
                             "OnDemandThroughput", "WarmThroughput"}) {
      const Value* now = after.find(name);
      if (now != nullptr && changed(before.find(name), now)) changes.set(name, *now);
    }
    const Value* sse = after.find("SSESpecification");
    if (sse != nullptr && changed(before.find("SSESpecification"), sse)) {
      changes.set("SSESpecification", encryption(*sse));
    }
    co_await update_table(context, id, std::move(changes));
    co_await update_stream(context, id, before.find("StreamSpecification"), after.find("StreamSpecification"));
    co_await update_indexes(context, id, before, after);
    co_await settings(context, id, before, after);
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
        result.attributes.set("TableId", Value::string(described.table->table_id.value_or("")));
        if (described.table->stream_specification && described.table->latest_stream_arn) {
          result.attributes.set("StreamArn", Value::string(*described.table->latest_stream_arn));
        }
        co_return result;
      }
      co_await sleep_for(kWait);
    }
    co_return Error("NotStabilized", 500, "The table " + name + " did not become active.");
  }

  static Task<void> update_table(ResourceContext& context, std::string name, Value changes) {
    if (changes.members().empty()) co_return;
    api::UpdateTableInput input = co_await input_from<api::UpdateTable>(changes);
    input.table_name = name;
    co_await context.directory.call<api::UpdateTable>(kService, context.call, std::move(input));
    co_await active(context, std::move(name));
  }

  /// Another view is another stream: the old one ends first.
  static Task<void> update_stream(ResourceContext& context, std::string name, const Value* before, const Value* after) {
    if (!changed(before, after)) co_return;
    if (before != nullptr) {
      const Value none = Value::object({{"StreamEnabled", Value::boolean(false)}});
      Value ending = Value::object({{"StreamSpecification", none}});
      co_await update_table(context, name, std::move(ending));
    }
    if (after == nullptr) co_return;
    Value beginning = Value::object({{"StreamSpecification", stream_enabled(*after)}});
    co_await update_table(context, name, std::move(beginning));
  }

  /// One index at a time, as UpdateTable wants it: those that go, then those that come.
  static Task<void> update_indexes(ResourceContext& context, std::string name, const Value& before,
                                   const Value& after) {
    const Value* old_indexes = before.find("GlobalSecondaryIndexes");
    const Value* new_indexes = after.find("GlobalSecondaryIndexes");
    if (!changed(old_indexes, new_indexes)) co_return;
    std::vector<Value> steps;
    const auto step = [&steps](const char* action, Value index) {
      steps.push_back(Value::object({{action, std::move(index)}}));
    };
    if (old_indexes != nullptr) {
      for (const Value& index : old_indexes->items()) {
        const std::string index_name = text_of(index, "IndexName");
        if (changed(&index, index_named(new_indexes, index_name))) {
          step("Delete", Value::object({{"IndexName", Value::string(index_name)}}));
        }
      }
    }
    if (new_indexes != nullptr) {
      for (const Value& index : new_indexes->items()) {
        if (changed(index_named(old_indexes, text_of(index, "IndexName")), &index)) step("Create", index);
      }
    }
    for (Value& one : steps) {
      Value changes = Value::object({{"GlobalSecondaryIndexUpdates", Value::list({std::move(one)})}});
      if (const Value* definitions = after.find("AttributeDefinitions")) {
        changes.set("AttributeDefinitions", *definitions);
      }
      co_await update_table(context, name, std::move(changes));
    }
  }

  /// What has operations of its own.
  static Task<void> settings(ResourceContext& context, std::string name, const Value& before, const Value& after) {
    const auto fresh = [&](const char* property) -> const Value* {
      const Value* now = after.find(property);
      return changed(before.find(property), now) ? now : nullptr;
    };
    if (const Value* ttl = fresh("TimeToLiveSpecification")) {
      const Value wanted = Value::object({{"TimeToLiveSpecification", *ttl}});
      api::UpdateTimeToLiveInput input = co_await input_from<api::UpdateTimeToLive>(wanted);
      input.table_name = name;
      co_await context.directory.call<api::UpdateTimeToLive>(kService, context.call, std::move(input));
    }
    if (const Value* recovery = fresh("PointInTimeRecoverySpecification")) {
      const Value wanted = Value::object({{"PointInTimeRecoverySpecification", *recovery}});
      api::UpdateContinuousBackupsInput input = co_await input_from<api::UpdateContinuousBackups>(wanted);
      input.table_name = name;
      co_await context.directory.call<api::UpdateContinuousBackups>(kService, context.call, std::move(input));
    }
    const Value* old_kinesis = before.find("KinesisStreamSpecification");
    if (old_kinesis != nullptr && changed(old_kinesis, after.find("KinesisStreamSpecification"))) {
      api::KinesisStreamingDestinationInput input;
      input.table_name = name;
      input.stream_arn = text_of(*old_kinesis, "StreamArn");
      co_await context.directory.call<api::DisableKinesisStreamingDestination>(kService, context.call,
                                                                               std::move(input));
    }
    if (const Value* kinesis = fresh("KinesisStreamSpecification")) {
      api::KinesisStreamingDestinationInput input;
      input.table_name = name;
      input.stream_arn = text_of(*kinesis, "StreamArn");
      if (const Value* precision = kinesis->find("ApproximateCreationDateTimePrecision")) {
        input.enable_kinesis_streaming_configuration.emplace().approximate_creation_date_time_precision =
            precision->text();
      }
      co_await context.directory.call<api::EnableKinesisStreamingDestination>(kService, context.call, std::move(input));
    }
    if (const Value* policy = fresh("ResourcePolicy")) {
      const Value* document = policy->find("PolicyDocument");
      const api::DescribeTableOutput described = co_await describe(context, name);
      api::PutResourcePolicyInput input;
      input.resource_arn = described.table->table_arn.value_or("");
      input.policy = document == nullptr ? "" : document->to_json();
      co_await context.directory.call<api::PutResourcePolicy>(kService, context.call, std::move(input));
    }
    if (!before.members().empty()) co_await update_tags(context, name, before.find("Tags"), fresh("Tags"));
  }

  static Task<void> update_tags(ResourceContext& context, std::string name, const Value* before, const Value* after) {
    if (after == nullptr) co_return;
    const api::DescribeTableOutput described = co_await describe(context, std::move(name));
    const std::string arn = described.table->table_arn.value_or("");
    if (before != nullptr && !before->items().empty()) {
      api::UntagResourceInput input;
      input.resource_arn = arn;
      for (const Value& tag : before->items()) input.tag_keys.push_back(text_of(tag, "Key"));
      co_await context.directory.call<api::UntagResource>(kService, context.call, std::move(input));
    }
    if (after->items().empty()) co_return;
    const Value wanted = Value::object({{"Tags", *after}});
    api::TagResourceInput input = co_await input_from<api::TagResource>(wanted);
    input.resource_arn = arn;
    co_await context.directory.call<api::TagResource>(kService, context.call, std::move(input));
  }
};

/// Units out of ReadProvisionedThroughputSettings or the like. Nothing scales by itself here, so a table that shall
/// have its most.
std::string units_of(const Value* settings, const std::string& kind) {
  if (settings == nullptr) return {};
  if (const Value* scaling = settings->find(kind + "CapacityAutoScalingSettings"))
    return text_of(*scaling, "MaxCapacity");
  return text_of(*settings, (kind + "CapacityUnits").c_str());
}

/// Adds to `made` the throughput of a table or index, whose reads its replica gives and whose writes all share.
void take_throughput(Value& made, const Value& shared, const Value* replica) {
  made.erase("WriteProvisionedThroughputSettings");
  made.erase("WriteOnDemandThroughputSettings");
  const Value* reads = replica == nullptr ? nullptr : replica->find("ReadProvisionedThroughputSettings");
  const std::string read_units = units_of(reads, "Read");
  const std::string write_units = units_of(shared.find("WriteProvisionedThroughputSettings"), "Write");
  if (!read_units.empty() && !write_units.empty()) {
    made.set("ProvisionedThroughput", Value::object({{"ReadCapacityUnits", Value::number(read_units)},
                                                     {"WriteCapacityUnits", Value::number(write_units)}}));
  }
  Value most = Value::object();
  const Value* most_reads = replica == nullptr ? nullptr : replica->find("ReadOnDemandThroughputSettings");
  if (most_reads != nullptr)
    most.set("MaxReadRequestUnits", Value::number(text_of(*most_reads, "MaxReadRequestUnits")));
  if (const Value* writes = shared.find("WriteOnDemandThroughputSettings")) {
    most.set("MaxWriteRequestUnits", Value::number(text_of(*writes, "MaxWriteRequestUnits")));
  }
  if (!most.members().empty()) made.set("OnDemandThroughput", most);
}

/// The same table as an AWS::DynamoDB::Table. Its one replica is the table itself.
Result<Value> as_table(const Value& global, const std::string& region) {
  const Value* replicas = global.find("Replicas");
  if (replicas == nullptr || replicas->items().size() != 1 || text_of(replicas->items().front(), "Region") != region) {
    return Error("ValidationError", 400,
                 "Replicas must name the stack's own region, " + region +
                     ", and no other: this server replicates to no region.");
  }
  const Value& replica = replicas->items().front();
  Value table = global;
  table.erase("Replicas");
  take_throughput(table, global, &replica);
  for (const char* name :
       {"ContributorInsightsSpecification", "DeletionProtectionEnabled", "KinesisStreamSpecification",
        "PointInTimeRecoverySpecification", "ResourcePolicy", "TableClass", "Tags"}) {
    if (const Value* given = replica.find(name)) table.set(name, *given);
  }
  if (Value* indexes = table.find("GlobalSecondaryIndexes")) {
    for (Value& index : indexes->items()) {
      const Value shared = index;
      take_throughput(index, shared, index_named(replica.find("GlobalSecondaryIndexes"), text_of(shared, "IndexName")));
    }
  }
  return table;
}

/// AWS::DynamoDB::GlobalTable, as far as it is a table in one region.
class GlobalTableType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override { return table_.replaced_by(); }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    const Value wanted = co_await as_table(properties, context.call.region);
    co_return co_await table_.create(context, wanted);
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    const Value was = co_await as_table(before, context.call.region);
    const Value wanted = co_await as_table(after, context.call.region);
    co_return co_await table_.update(context, std::move(id), was, wanted);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    return table_.remove(context, std::move(id), properties);
  }

 private:
  TableType table_;
};

}  // namespace

void add_dynamodb_types(ResourceTypes& types) {
  types.add("AWS::DynamoDB::Table", std::make_unique<TableType>());
  types.add("AWS::DynamoDB::GlobalTable", std::make_unique<GlobalTableType>());
}

}  // namespace cumulet::cloudformation
