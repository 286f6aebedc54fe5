#include "services/dynamodb/operations_settings.h"

#include <utility>
#include <vector>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/permit.h"
#include "services/dynamodb/table_definition.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

/// The table's name out of the ARN in a tagging request.
Result<std::string> table_of_arn(const wire::Call& call, const std::string& arn) {
  const std::string begin = "arn:aws:dynamodb:";
  const std::size_t at = arn.find(":table/");
  if (!arn.starts_with(begin) || at == std::string::npos || arn.size() < at + 10) {
    return invalid("Invalid TableArn: Invalid ResourceArn provided as input " + arn);
  }
  const std::string own = begin + call.region + ":" + call.account() + ":table/";
  if (!arn.starts_with(own)) {
    return Error(errors::kResourceNotFound, "Requested resource not found: ResourcArn: " + arn + " not found");
  }
  return arn.substr(own.size());
}

Error index_not_found(const std::string& name) {
  return Error(errors::kResourceNotFound, "Requested resource not found: Index: " + name + " not found");
}

}  // namespace

Task<TablePtr> SettingsOperations::require_table(wire::Call& call, const std::string& given) {
  const std::string name = co_await table_name_of(call, given, true);
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const TablePtr table = co_await store_.find_any_table(*transaction, call.account(), call.region, name);
  co_await transaction->commit();
  if (!table) co_return table_not_found(name);
  co_return table;
}

Task<shapes::DescribeTimeToLiveOutput> SettingsOperations::describe_time_to_live(
    wire::Call& call, shapes::DescribeTimeToLiveInput& input) {
  const TablePtr table = co_await require_table(call, input.table_name);
  shapes::DescribeTimeToLiveOutput output;
  shapes::TimeToLiveDescription& description = output.time_to_live_description.emplace();
  description.time_to_live_status = table->time_to_live.enabled ? "ENABLED" : "DISABLED";
  if (table->time_to_live.enabled) description.attribute_name = table->time_to_live.attribute;
  co_return output;
}

Task<bool> SettingsOperations::set_time_to_live(storage::Transaction& transaction, wire::Call& call,
                                                const std::string& name,
                                                const shapes::TimeToLiveSpecification& wanted) {
  const TablePtr table = co_await store_.find_any_table(transaction, call.account(), call.region, name);
  if (!table) co_return table_not_found(name);
  co_await permit(call, *table);
  if (table->status != TableStatus::kActive) {
    co_return Error(errors::kResourceInUse,
                    "Attempt to change a resource which is still in use: Table is being created: " + name);
  }
  const TimeToLive& current = table->time_to_live;
  if (current.enabled && current.attribute != wanted.attribute_name) {
    co_return invalid("TimeToLive is active on a different AttributeName: current AttributeName is " +
                      current.attribute);
  }
  if (current.enabled == wanted.enabled) {
    co_return invalid(std::string("TimeToLive is already ") + (wanted.enabled ? "enabled" : "disabled"));
  }
  const auto job = [&](keys::Job kind) {
    return keys::job_row(table->account, table->region, kind, table->number, keys::kExpiry);
  };
  Table changed = *table;
  changed.time_to_live.enabled = wanted.enabled;
  changed.time_to_live.attribute = wanted.attribute_name;
  if (wanted.enabled) {
    // The rows of an earlier time to live must be gone before new ones come.
    const std::optional<std::string> purging = co_await transaction.get(job(keys::Job::kPurge));
    if (purging) co_return invalid("Time to live has been modified multiple times within a fixed interval");
    storage::RowWriter backfill;
    backfill.text(name).text("");
    transaction.put(job(keys::Job::kBackfill), std::move(backfill).bytes());
    transaction.put(job(keys::Job::kExpire), name);
  } else {
    transaction.erase(job(keys::Job::kExpire));
    transaction.put(job(keys::Job::kPurge), "");
  }
  store_.put_table(transaction, changed);
  co_return true;
}

Task<shapes::UpdateTimeToLiveOutput> SettingsOperations::update_time_to_live(wire::Call& call,
                                                                             shapes::UpdateTimeToLiveInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  if (input.time_to_live_specification.attribute_name.empty()) {
    co_return invalid("TimeToLiveSpecification.AttributeName must not be empty");
  }
  const auto body = [&](storage::Transaction& transaction) {
    return set_time_to_live(transaction, call, name, input.time_to_live_specification);
  };
  co_await storage::transact(store_.database(), body);
  shapes::UpdateTimeToLiveOutput output;
  output.time_to_live_specification = input.time_to_live_specification;
  co_return output;
}

Task<bool> SettingsOperations::change_tags(storage::Transaction& transaction, wire::Call& call, const std::string& arn,
                                           const std::vector<shapes::Tag>& added,
                                           const std::vector<std::string>& removed) {
  const std::string name = co_await table_of_arn(call, arn);
  const TablePtr table = co_await store_.find_any_table(transaction, call.account(), call.region, name);
  if (!table) {
    co_return Error(errors::kResourceNotFound, "Requested resource not found: ResourcArn: " + arn + " not found");
  }
  Table changed = *table;
  for (const std::string& key : removed) changed.tags.erase(key);
  co_await add_tags(changed.tags, added);
  store_.put_table(transaction, changed);
  co_return true;
}

Task<shapes::TagResourceOutput> SettingsOperations::tag_resource(wire::Call& call, shapes::TagResourceInput& input) {
  if (input.tags.empty()) co_return invalid("Atleast one Tag needs to be provided as Input.");
  const std::vector<std::string> none;
  const auto body = [&](storage::Transaction& transaction) {
    return change_tags(transaction, call, input.resource_arn, input.tags, none);
  };
  co_await storage::transact(store_.database(), body);
  co_return shapes::TagResourceOutput();
}

Task<shapes::UntagResourceOutput> SettingsOperations::untag_resource(wire::Call& call,
                                                                     shapes::UntagResourceInput& input) {
  if (input.tag_keys.empty()) co_return invalid("Atleast one Tag Key needs to be provided as Input.");
  const std::vector<shapes::Tag> none;
  const auto body = [&](storage::Transaction& transaction) {
    return change_tags(transaction, call, input.resource_arn, none, input.tag_keys);
  };
  co_await storage::transact(store_.database(), body);
  co_return shapes::UntagResourceOutput();
}

Task<shapes::ListTagsOfResourceOutput> SettingsOperations::list_tags_of_resource(
    wire::Call& call, shapes::ListTagsOfResourceInput& input) {
  const std::string name = co_await table_of_arn(call, input.resource_arn);
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const TablePtr table = co_await store_.find_any_table(*transaction, call.account(), call.region, name);
  co_await transaction->commit();
  if (!table) {
    co_return Error(errors::kResourceNotFound,
                    "Requested resource not found: ResourcArn: " + input.resource_arn + " not found");
  }
  shapes::ListTagsOfResourceOutput output;
  output.tags.emplace();
  for (const auto& [key, value] : table->tags) {
    shapes::Tag& tag = output.tags->emplace_back();
    tag.key = key;
    tag.value = value;
  }
  co_return output;
}

// The quotas of a new account. Nothing here enforces them.
Task<shapes::DescribeLimitsOutput> SettingsOperations::describe_limits(wire::Call&, shapes::DescribeLimitsInput&) {
  shapes::DescribeLimitsOutput output;
  output.account_max_read_capacity_units = 80'000;
  output.account_max_write_capacity_units = 80'000;
  output.table_max_read_capacity_units = 40'000;
  output.table_max_write_capacity_units = 40'000;
  co_return output;
}

Task<shapes::DescribeContributorInsightsOutput> SettingsOperations::describe_contributor_insights(
    wire::Call& call, shapes::DescribeContributorInsightsInput& input) {
  const TablePtr table = co_await require_table(call, input.table_name);
  if (input.index_name && !table->find_index(*input.index_name)) co_return index_not_found(*input.index_name);
  shapes::DescribeContributorInsightsOutput output;
  output.table_name = table->name;
  output.index_name = input.index_name;
  output.contributor_insights_status = "DISABLED";
  co_return output;
}

Task<shapes::ListContributorInsightsOutput> SettingsOperations::list_contributor_insights(
    wire::Call& call, shapes::ListContributorInsightsInput& input) {
  if (input.table_name) co_await require_table(call, *input.table_name);
  shapes::ListContributorInsightsOutput output;
  output.contributor_insights_summaries.emplace();
  co_return output;
}

// What is asked for the most, and by whom, is not counted.
Task<shapes::UpdateContributorInsightsOutput> SettingsOperations::update_contributor_insights(
    wire::Call& call, shapes::UpdateContributorInsightsInput& input) {
  const TablePtr table = co_await require_table(call, input.table_name);
  if (input.index_name && !table->find_index(*input.index_name)) co_return index_not_found(*input.index_name);
  if (input.contributor_insights_action == "ENABLE") co_return not_available("Contributor Insights");
  shapes::UpdateContributorInsightsOutput output;
  output.table_name = table->name;
  output.index_name = input.index_name;
  output.contributor_insights_status = "DISABLED";
  co_return output;
}

Task<shapes::DescribeEndpoints::Output> SettingsOperations::describe_endpoints(wire::Call& call,
                                                                               shapes::DescribeEndpoints::Input&) {
  constexpr std::int64_t kDay = 1440;
  shapes::DescribeEndpoints::Output output;
  shapes::Endpoint& endpoint = output.endpoints.emplace_back();
  const std::size_t scheme = call.endpoint.find("://");
  endpoint.address = scheme == std::string::npos ? call.endpoint : call.endpoint.substr(scheme + 3);
  endpoint.cache_period_in_minutes = kDay;
  co_return output;
}

}  // namespace cumulet::dynamodb
