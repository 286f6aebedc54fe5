#include "services/dynamodb/global_tables.h"

#include "services/dynamodb/errors.h"
#include "services/dynamodb/table_description.h"

namespace cumulet::dynamodb {
namespace {

Error no_region(const std::string& region) {
  return invalid_parameter("Region " + region + " is not available for replicas: this server replicates to no region");
}

Error no_global_table(const std::string& name) {
  return Error(shapes::errors::kGlobalTableNotFoundException, "Global table with name: '" + name + "' does not exist.");
}

Error not_replicated(const std::string& region) {
  return invalid("Replica specified in the Replica Update or Replica Delete action of the request was not found: " +
                 region);
}

}  // namespace

Result<void> check_replicas(const std::string& region, const shapes::UpdateTableInput& input) {
  if (input.global_table_witness_updates || input.multi_region_consistency ||
      input.global_table_settings_replication_mode) {
    return invalid_parameter(
        "MultiRegionConsistency, witnesses and replication modes are for tables with replicas only");
  }
  if (!input.replica_updates) return {};
  for (const shapes::ReplicationGroupUpdate& update : *input.replica_updates) {
    if (update.disassociate) return not_replicated(update.disassociate->region_name);
    if (!update.create && !update.update && !update.delete_) {
      return invalid_parameter(
          "One of ReplicaUpdate.Create, ReplicaUpdate.Update, ReplicaUpdate.Delete must not be null");
    }
    const std::string& wanted = update.create   ? update.create->region_name
                                : update.update ? update.update->region_name
                                                : update.delete_->region_name;
    if (wanted == region) {
      return invalid_parameter(
          "Cannot add, delete, or update the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or "
          "UpdateTable as required.");
    }
    return update.create ? no_region(wanted) : not_replicated(wanted);
  }
  return invalid_parameter("ReplicaUpdates must not be empty");
}

Task<TablePtr> GlobalTableOperations::find(wire::Call& call, const std::string& given) {
  std::string name = co_await table_name_of(call, given, true);
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const TablePtr table = co_await store_.find_any_table(*transaction, call.account(), call.region, std::move(name));
  co_await transaction->commit();
  co_return table;
}

Task<shapes::CreateGlobalTableOutput> GlobalTableOperations::create_global_table(
    wire::Call& call, shapes::CreateGlobalTableInput& input) {
  const TablePtr table = co_await find(call, input.global_table_name);
  if (!table) {
    co_return Error(shapes::errors::kTableNotFoundException, "Table not found: " + input.global_table_name);
  }
  for (const shapes::Replica& replica : input.replication_group) {
    const std::string region = replica.region_name.value_or("");
    if (region != call.region) co_return no_region(region);
  }
  co_return invalid_parameter("ReplicationGroup must name another region than the table's own");
}

Task<shapes::DescribeGlobalTableOutput> GlobalTableOperations::describe_global_table(
    wire::Call&, shapes::DescribeGlobalTableInput& input) {
  co_return no_global_table(input.global_table_name);
}

Task<shapes::DescribeGlobalTableSettingsOutput> GlobalTableOperations::describe_global_table_settings(
    wire::Call&, shapes::DescribeGlobalTableSettingsInput& input) {
  co_return no_global_table(input.global_table_name);
}

Task<shapes::ListGlobalTablesOutput> GlobalTableOperations::list_global_tables(wire::Call&,
                                                                               shapes::ListGlobalTablesInput&) {
  shapes::ListGlobalTablesOutput output;
  output.global_tables.emplace();
  co_return output;
}

Task<shapes::UpdateGlobalTableOutput> GlobalTableOperations::update_global_table(
    wire::Call&, shapes::UpdateGlobalTableInput& input) {
  co_return no_global_table(input.global_table_name);
}

Task<shapes::UpdateGlobalTableSettingsOutput> GlobalTableOperations::update_global_table_settings(
    wire::Call&, shapes::UpdateGlobalTableSettingsInput& input) {
  co_return no_global_table(input.global_table_name);
}

Task<shapes::DescribeTableReplicaAutoScalingOutput> GlobalTableOperations::describe_table_replica_auto_scaling(
    wire::Call& call, shapes::DescribeTableReplicaAutoScalingInput& input) {
  const TablePtr table = co_await find(call, input.table_name);
  if (!table) co_return table_not_found(input.table_name);
  shapes::DescribeTableReplicaAutoScalingOutput output;
  shapes::TableAutoScalingDescription& description = output.table_auto_scaling_description.emplace();
  description.table_name = table->name;
  description.table_status = status_of(*table);
  description.replicas.emplace();
  co_return output;
}

Task<shapes::UpdateTableReplicaAutoScalingOutput> GlobalTableOperations::update_table_replica_auto_scaling(
    wire::Call& call, shapes::UpdateTableReplicaAutoScalingInput& input) {
  const TablePtr table = co_await find(call, input.table_name);
  if (!table) co_return table_not_found(input.table_name);
  co_return invalid("Table " + table->name + " is not a global table: it has no replicas to scale");
}

}  // namespace cumulet::dynamodb
