#include "services/dynamodb/operations_tables.h"

#include <set>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/global_tables.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/operations_backups.h"
#include "services/dynamodb/permit.h"
#include "services/dynamodb/table_definition.h"
#include "services/dynamodb/throughput_change.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

void add_job(storage::Transaction& transaction, const Table& table, keys::Job job, std::uint32_t index,
             std::string value) {
  transaction.put(keys::job_row(table.account, table.region, job, table.number, index), std::move(value));
}

std::string backfill_job(const Table& table) {
  storage::RowWriter row;
  row.text(table.name).text("");
  return std::move(row).bytes();
}

Error one_index_at_a_time() {
  return Error(errors::kLimitExceeded,
               "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table");
}

Result<void> check_update(const shapes::UpdateTableInput& input) {
  if (input.vector_index_updates) return not_available("VectorIndexUpdates");
  if (input.disassociation_protection_enabled) {
    return invalid_parameter("DisassociationProtectionEnabled is for tables with replicas only");
  }
  if (input.stream_specification) {
    if (Result<void> checked = check_stream(*input.stream_specification); !checked) return checked;
  }
  const bool indexes = input.global_secondary_index_updates && !input.global_secondary_index_updates->empty();
  if (!input.provisioned_throughput && !input.billing_mode && !input.stream_specification && !indexes &&
      !input.sse_specification && !input.table_class && !input.deletion_protection_enabled &&
      !input.on_demand_throughput && !input.warm_throughput) {
    return invalid(
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
        "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required");
  }
  if (!indexes) return {};
  std::set<std::string> named;
  int structural = 0;
  for (const shapes::GlobalSecondaryIndexUpdate& update : *input.global_secondary_index_updates) {
    if (!update.update && !update.create && !update.delete_) {
      return invalid_parameter(
          "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
          "GlobalSecondaryIndexUpdate.Delete must not be null");
    }
    const std::string& name = update.update   ? update.update->index_name
                              : update.create ? update.create->index_name
                                              : update.delete_->index_name;
    if (!named.insert(name).second) {
      return invalid_parameter("Only one global secondary index update per index is allowed simultaneously. Index: " +
                               name);
    }
    if (update.create || update.delete_) ++structural;
  }
  if (structural > 1) return one_index_at_a_time();
  return {};
}

/// An index may be given up, and units changed, while it is filled; the rest of the table waits.
Result<void> check_while_filling(const Table& table, const shapes::UpdateTableInput& input) {
  if (input.billing_mode || input.stream_specification || input.sse_specification || input.table_class ||
      input.deletion_protection_enabled || input.on_demand_throughput || input.warm_throughput) {
    return Error(errors::kResourceInUse,
                 "Attempt to change a resource which is still in use: Table is being updated: " + table.name);
  }
  if (!input.global_secondary_index_updates) return {};
  for (const shapes::GlobalSecondaryIndexUpdate& update : *input.global_secondary_index_updates) {
    const Index* named = update.delete_ ? table.find_index(update.delete_->index_name) : nullptr;
    if (update.create || (named && named->status == IndexStatus::kActive)) return one_index_at_a_time();
  }
  return {};
}

Result<void> change_billing(Table& table, const shapes::UpdateTableInput& input, Timestamp now) {
  const bool was_on_demand = table.on_demand;
  if (input.billing_mode == "PAY_PER_REQUEST") {
    if (input.provisioned_throughput) {
      return invalid_parameter(
          "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
    }
    if (was_on_demand) return {};
    table.on_demand = true;
    table.on_demand_since = now;
    table.throughput = Throughput();
    for (Index& index : table.indexes) index.throughput = Throughput();
    return {};
  }
  if (input.billing_mode == "PROVISIONED" && !input.provisioned_throughput) {
    return invalid_parameter("ProvisionedThroughput must be specified when BillingMode is PROVISIONED");
  }
  if (!input.provisioned_throughput) return {};
  if (was_on_demand && input.billing_mode != "PROVISIONED") {
    return invalid_parameter(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
  }
  Result<Throughput> wanted = throughput_from(*input.provisioned_throughput);
  if (!wanted) return std::move(wanted).error();
  if (!was_on_demand && wanted->read == table.throughput.read && wanted->write == table.throughput.write &&
      !input.global_secondary_index_updates) {
    return invalid(
        "The provisioned throughput for the table will not change. The requested value equals the current "
        "value. Current ReadCapacityUnits provisioned for the table: " +
        std::to_string(wanted->read) + ". Requested ReadCapacityUnits: " + std::to_string(wanted->read) +
        ". Current WriteCapacityUnits provisioned for the table: " + std::to_string(wanted->write) +
        ". Requested WriteCapacityUnits: " + std::to_string(wanted->write) +
        ". Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher "
        "limits.");
  }
  table.on_demand = false;
  return change_throughput(table.throughput, *wanted, now);
}

Result<void> change_indexes(storage::Transaction& transaction, Table& table, const shapes::UpdateTableInput& input,
                            Timestamp now) {
  if (!input.global_secondary_index_updates) return {};
  for (const shapes::GlobalSecondaryIndexUpdate& update : *input.global_secondary_index_updates) {
    if (update.create) {
      Result<Index> index = index_from(table, *update.create, input.attribute_definitions);
      if (!index) return std::move(index).error();
      add_job(transaction, table, keys::Job::kBackfill, index->number, backfill_job(table));
      table.indexes.push_back(std::move(*index));
      continue;
    }
    const std::string& name = update.update ? update.update->index_name : update.delete_->index_name;
    Index* index = table.find_index(name);
    if (!index || !index->global) {
      return Error(errors::kResourceNotFound, "Requested resource not found: Index: " + name + " not found");
    }
    if (update.delete_) {
      add_job(transaction, table, keys::Job::kPurge, index->number, "");
      std::erase_if(table.indexes, [&](const Index& one) { return one.name == name; });
      continue;
    }
    take_maximum(index->max_reads, index->max_writes, update.update->on_demand_throughput);
    if (update.update->provisioned_throughput) {
      if (table.on_demand) {
        return invalid_parameter("ProvisionedThroughput should not be specified for index: " + name +
                                 " when BillingMode is PAY_PER_REQUEST");
      }
      Result<Throughput> wanted = throughput_from(*update.update->provisioned_throughput);
      if (!wanted) return std::move(wanted).error();
      if (Result<void> changed = change_throughput(index->throughput, *wanted, now); !changed) return changed;
    }
    Result<void> warm =
        take_warmth(table.on_demand, index->throughput, index->warmth, update.update->warm_throughput, "index " + name);
    if (!warm) return warm;
  }
  return {};
}

}  // namespace

Task<shapes::TableDescription> TableOperations::describe_with_sizes(TablePtr table, std::string status) {
  const TableSize size = co_await sizes_.count(table, keys::kItems);
  std::map<std::uint32_t, TableSize> index_sizes;
  for (const Index& index : table->indexes) index_sizes[index.number] = co_await sizes_.count(table, index.number);
  co_return describe(*table, status, size, index_sizes, store_.clock().now());
}

Task<TablePtr> TableOperations::create(storage::Transaction& transaction, const Table& wanted,
                                       const shapes::CreateTableInput& input) {
  const TablePtr existing = co_await store_.find_any_table(transaction, wanted.account, wanted.region, wanted.name);
  if (existing) co_return Error(errors::kResourceInUse, "Table already exists: " + wanted.name);
  Table made = wanted;
  if (input.stream_specification && input.stream_specification->stream_enabled) {
    keeper_.open(transaction, made, *input.stream_specification->stream_view_type);
  }
  store_.put_table(transaction, made);
  co_return std::make_shared<const Table>(std::move(made));
}

Task<void> TableOperations::change_stream(storage::Transaction& transaction, Table& table,
                                          const shapes::StreamSpecification& wanted) {
  if (wanted.stream_enabled == table.stream.enabled) {
    Error error = wanted.stream_enabled ? invalid("Table already has an enabled stream: TableName: " + table.name)
                                        : invalid("Table does not have a stream to disable: TableName: " + table.name);
    co_await fail(std::move(error));
  }
  if (wanted.stream_enabled) {
    keeper_.open(transaction, table, *wanted.stream_view_type);
  } else {
    co_await keeper_.close(transaction, table);
  }
}

Task<shapes::CreateTableOutput> TableOperations::create_table(wire::Call& call, shapes::CreateTableInput& input) {
  Table wanted = co_await table_from(call, input);
  wanted.number = new_table_number();
  wanted.id = uuid();
  wanted.created = call.time;
  if (wanted.on_demand) wanted.on_demand_since = call.time;
  const auto body = [&](storage::Transaction& transaction) { return create(transaction, wanted, input); };
  const TablePtr table = co_await storage::transact(store_.database(), body);
  shapes::CreateTableOutput output;
  output.table_description = describe(*table, "CREATING", TableSize(), {}, call.time);
  co_return output;
}

Task<shapes::DescribeTableOutput> TableOperations::describe_table(wire::Call& call, shapes::DescribeTableInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const TablePtr table = co_await store_.find_any_table(*transaction, call.account(), call.region, name);
  co_await transaction->commit();
  if (!table) co_return table_not_found(name);
  co_await permit(call, *table);
  shapes::DescribeTableOutput output;
  output.table = co_await describe_with_sizes(table, status_of(*table));
  co_return output;
}

Task<shapes::ListTablesOutput> TableOperations::list_tables(wire::Call& call, shapes::ListTablesInput& input) {
  constexpr std::size_t kMost = 100;
  const std::size_t limit = input.limit ? static_cast<std::size_t>(*input.limit) : kMost;
  const std::string rows = keys::table_rows(call.account(), call.region);
  storage::KeyRange range(rows, storage::after_prefix(rows));
  if (input.exclusive_start_table_name) {
    range.begin = keys::table_row(call.account(), call.region, *input.exclusive_start_table_name) + '\0';
  }
  storage::ScanOptions options;
  options.limit = limit + 1;
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const std::vector<storage::KeyValue> found = co_await transaction->scan(range, options);
  co_await transaction->commit();
  shapes::ListTablesOutput output;
  std::vector<std::string>& names = output.table_names.emplace();
  for (const storage::KeyValue& row : found) {
    if (names.size() == limit) {
      output.last_evaluated_table_name = names.back();
      break;
    }
    storage::KeyReader reader(std::string_view(row.key).substr(rows.size()));
    names.push_back(reader.text().value_or(""));
  }
  co_return output;
}

Task<TablePtr> TableOperations::change(storage::Transaction& transaction, wire::Call& call, const std::string& name,
                                       const shapes::UpdateTableInput& input) {
  const TablePtr table = co_await store_.find_any_table(transaction, call.account(), call.region, name);
  if (!table) co_return table_not_found(name);
  co_await permit(call, *table);
  if (table->status != TableStatus::kActive) {
    co_return Error(errors::kResourceInUse,
                    "Attempt to change a resource which is still in use: Table is being created: " + name);
  }
  if (status_of(*table) != "ACTIVE") {
    Result<void> allowed = check_while_filling(*table, input);
    co_await std::move(allowed);
  }
  Table changed = *table;
  co_await change_billing(changed, input, call.time);
  co_await change_indexes(transaction, changed, input, call.time);
  drop_unused_definitions(changed);
  if (!changed.on_demand) {
    for (const Index& index : changed.indexes) {
      if (!index.global || index.throughput.read > 0) continue;
      co_return invalid_parameter("ProvisionedThroughput must be specified for index: " + index.name);
    }
  }
  if (input.stream_specification) co_await change_stream(transaction, changed, *input.stream_specification);
  if (input.table_class) changed.table_class = *input.table_class;
  if (input.deletion_protection_enabled) changed.deletion_protection = *input.deletion_protection_enabled;
  if (input.sse_specification) {
    const bool enabled = input.sse_specification->enabled.value_or(false);
    changed.encryption = enabled ? "KMS" : "";
    changed.encryption_key = enabled ? input.sse_specification->kms_master_key_id.value_or("") : "";
  }
  take_maximum(changed.max_reads, changed.max_writes, input.on_demand_throughput);
  co_await take_warmth(changed.on_demand, changed.throughput, changed.warmth, input.warm_throughput, "table");
  store_.put_table(transaction, changed);
  co_return std::make_shared<const Table>(std::move(changed));
}

Task<shapes::UpdateTableOutput> TableOperations::update_table(wire::Call& call, shapes::UpdateTableInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  Result<void> replicas = check_replicas(call.region, input);
  co_await std::move(replicas);
  Result<void> checked = check_update(input);
  co_await std::move(checked);
  const auto body = [&](storage::Transaction& transaction) { return change(transaction, call, name, input); };
  const TablePtr table = co_await storage::transact(store_.database(), body);
  shapes::UpdateTableOutput output;
  output.table_description = co_await describe_with_sizes(table, "UPDATING");
  co_return output;
}

Task<TablePtr> TableOperations::remove(storage::Transaction& transaction, wire::Call& call, const std::string& name,
                                       TableSize size) {
  const TablePtr table = co_await store_.find_any_table(transaction, call.account(), call.region, name);
  if (!table) co_return table_not_found(name);
  co_await permit(call, *table);
  const std::string status = status_of(*table);
  if (status != "ACTIVE" || table->recovery.copies > 0) {
    const std::string what = status == "CREATING" ? "created: " : status == "UPDATING" ? "updated: " : "copied: ";
    co_return Error(errors::kResourceInUse,
                    "Attempt to change a resource which is still in use: Table is being " + what + name);
  }
  if (table->deletion_protection) {
    co_return invalid(
        "Resource cannot be deleted as it is currently protected against deletion. Disable deletion "
        "protection first.");
  }
  transaction.erase(keys::table_row(table->account, table->region, name));
  if (table->recovery.enabled) {
    keep_as_system_backup(transaction, *table, size, call.time);
  } else {
    add_job(transaction, *table, keys::Job::kPurge, keys::kItems, "");
  }
  if (table->stream.enabled) {
    Table ended = *table;
    co_await keeper_.close(transaction, ended);
  }
  co_return table;
}

Task<shapes::DeleteTableOutput> TableOperations::delete_table(wire::Call& call, shapes::DeleteTableInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  const std::unique_ptr<storage::Transaction> look = store_.database().begin();
  const TablePtr found = co_await store_.find_any_table(*look, call.account(), call.region, name);
  co_await look->commit();
  const bool kept = found && found->recovery.enabled;  // Its system backup says how large it was.
  TableSize size;
  if (kept) size = co_await sizes_.count(found, keys::kItems);
  const auto body = [&](storage::Transaction& transaction) { return remove(transaction, call, name, size); };
  const TablePtr table = co_await storage::transact(store_.database(), body);
  shapes::DeleteTableOutput output;
  output.table_description = describe(*table, "DELETING", TableSize(), {}, call.time);
  co_return output;
}

}  // namespace cumulet::dynamodb
