#include "services/dynamodb/operations_backups.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/log_search.h"
#include "services/dynamodb/table_definition.h"
#include "services/dynamodb/undo_log.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::chrono::hours kSystemBackupLife{24 * 35};
constexpr std::int32_t kMostBackups = 100;

Error backup_not_found(const std::string& arn) {
  return Error(shapes::errors::kBackupNotFoundException, "Backup not found: " + arn);
}

Error no_such_table(const std::string& name) { return Error(errors::kTableNotFound, "Table not found: " + name); }

shapes::BackupDetails details_of(const Backup& backup) {
  shapes::BackupDetails details;
  details.backup_arn = backup.arn();
  details.backup_name = backup.name;
  details.backup_status = backup.status == BackupStatus::kAvailable ? "AVAILABLE" : "CREATING";
  details.backup_type = backup.system ? "SYSTEM" : "USER";
  details.backup_creation_date_time = backup.created;
  details.backup_expiry_date_time = backup.expires;
  if (backup.status == BackupStatus::kAvailable) details.backup_size_bytes = static_cast<std::int64_t>(backup.bytes);
  return details;
}

shapes::BackupDescription describe(const Backup& backup, const Table& table) {
  const auto bytes = static_cast<std::int64_t>(backup.bytes);
  const auto items = static_cast<std::int64_t>(backup.items);
  const shapes::TableDescription whole =
      dynamodb::describe(table, "ACTIVE", TableSize{items, bytes}, {}, backup.created);
  shapes::BackupDescription description;
  description.backup_details = details_of(backup);
  shapes::SourceTableDetails& source = description.source_table_details.emplace();
  source.table_name = table.name;
  source.table_id = table.id;
  source.table_arn = table.arn();
  source.table_size_bytes = bytes;
  source.item_count = items;
  source.key_schema = *whole.key_schema;
  source.table_creation_date_time = table.created;
  source.provisioned_throughput.read_capacity_units = table.throughput.read;
  source.provisioned_throughput.write_capacity_units = table.throughput.write;
  source.on_demand_throughput = whole.on_demand_throughput;
  source.billing_mode = table.on_demand ? "PAY_PER_REQUEST" : "PROVISIONED";
  shapes::SourceTableFeatureDetails& features = description.source_table_feature_details.emplace();
  for (const shapes::LocalSecondaryIndexDescription& index :
       whole.local_secondary_indexes.value_or(std::vector<shapes::LocalSecondaryIndexDescription>())) {
    if (!features.local_secondary_indexes) features.local_secondary_indexes.emplace();
    shapes::LocalSecondaryIndexInfo& info = features.local_secondary_indexes->emplace_back();
    info.index_name = index.index_name;
    info.key_schema = index.key_schema;
    info.projection = index.projection;
  }
  for (const shapes::GlobalSecondaryIndexDescription& index :
       whole.global_secondary_indexes.value_or(std::vector<shapes::GlobalSecondaryIndexDescription>())) {
    if (!features.global_secondary_indexes) features.global_secondary_indexes.emplace();
    shapes::GlobalSecondaryIndexInfo& info = features.global_secondary_indexes->emplace_back();
    info.index_name = index.index_name;
    info.key_schema = index.key_schema;
    info.projection = index.projection;
  }
  features.stream_description = whole.stream_specification;
  features.sse_description = whole.sse_description;
  if (table.time_to_live.enabled) {
    shapes::TimeToLiveDescription& ttl = features.time_to_live_description.emplace();
    ttl.time_to_live_status = "ENABLED";
    ttl.attribute_name = table.time_to_live.attribute;
  }
  return description;
}

shapes::ContinuousBackupsDescription describe_recovery(const Table& table, Timestamp now) {
  shapes::ContinuousBackupsDescription description;
  description.continuous_backups_status = "ENABLED";  // As of every table of DynamoDB's.
  shapes::PointInTimeRecoveryDescription& recovery = description.point_in_time_recovery_description.emplace();
  recovery.point_in_time_recovery_status = table.recovery.enabled ? "ENABLED" : "DISABLED";
  if (!table.recovery.enabled) return description;
  recovery.recovery_period_in_days = static_cast<std::int32_t>(table.recovery.days);
  recovery.earliest_restorable_date_time = earliest_restorable(table, now);
  recovery.latest_restorable_date_time = std::chrono::floor<std::chrono::seconds>(now);
  return description;
}

/// Keeps the indexes that the restore names, with the throughput that it gives them. New ones cannot be added.
template <typename Given>
Result<void> override_indexes(Table& table, bool global, const std::optional<std::vector<Given>>& given) {
  if (!given) return {};
  for (const Given& index : *given) {
    const Index* known = table.find_index(index.index_name);
    if (!known || known->global != global) {
      return invalid_parameter("Index " + index.index_name + " is not an index of the source table");
    }
  }
  std::erase_if(table.indexes, [&](const Index& index) {
    return index.global == global &&
           std::none_of(given->begin(), given->end(), [&](const Given& one) { return one.index_name == index.name; });
  });
  if constexpr (std::is_same_v<Given, shapes::GlobalSecondaryIndex>) {
    for (const Given& one : *given) {
      if (!one.provisioned_throughput) continue;
      Result<Throughput> throughput = throughput_from(*one.provisioned_throughput);
      if (!throughput) return std::move(throughput).error();
      table.find_index(one.index_name)->throughput = *throughput;
    }
  }
  return {};
}

template <typename Input>
Result<void> override_billing(Table& table, const Input& input) {
  if (input.billing_mode_override == "PAY_PER_REQUEST") {
    table.on_demand = true;
    table.throughput = Throughput();
    for (Index& index : table.indexes) index.throughput = Throughput();
  } else if (input.billing_mode_override == "PROVISIONED") {
    if (!input.provisioned_throughput_override && table.on_demand) {
      return invalid_parameter("ProvisionedThroughputOverride must be specified when BillingMode is PROVISIONED");
    }
    table.on_demand = false;
  }
  if (input.provisioned_throughput_override) {
    if (table.on_demand) {
      return invalid_parameter(
          "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
    }
    Result<Throughput> throughput = throughput_from(*input.provisioned_throughput_override);
    if (!throughput) return std::move(throughput).error();
    table.throughput = *throughput;
    for (Index& index : table.indexes) {
      if (index.global && index.throughput.read == 0) index.throughput = *throughput;
    }
  }
  if (input.on_demand_throughput_override) {
    table.max_reads = input.on_demand_throughput_override->max_read_request_units;
    table.max_writes = input.on_demand_throughput_override->max_write_request_units;
  }
  return {};
}

/// A new table like the source: what is not restored (streams, tags, time to live, policies, continuous backups) is as
/// in a table that was just created.
template <typename Input>
Result<Table> restored_table(const wire::Call& call, const Table& source, const Input& input, std::string name) {
  if (input.vector_index_override) return not_available("VectorIndexOverride");
  Table table;
  table.account = call.account();
  table.region = call.region;
  table.name = std::move(name);
  table.number = new_table_number();
  table.id = uuid();
  table.created = call.time;
  table.attributes = source.attributes;
  table.attribute_order = source.attribute_order;
  table.keys = source.keys;
  table.indexes = source.indexes;
  table.next_index = source.next_index;
  table.on_demand = source.on_demand;
  table.throughput = source.throughput;
  table.max_reads = source.max_reads;
  table.max_writes = source.max_writes;
  table.table_class = source.table_class;
  table.encryption = source.encryption;
  table.encryption_key = source.encryption_key;
  table.status = TableStatus::kCreating;
  Result<void> done = override_indexes(table, true, input.global_secondary_index_override);
  if (done) done = override_indexes(table, false, input.local_secondary_index_override);
  if (done) done = override_billing(table, input);
  if (!done) return std::move(done).error();
  if (input.sse_specification_override) {
    const bool enabled = input.sse_specification_override->enabled.value_or(false);
    table.encryption = enabled ? "KMS" : "";
    table.encryption_key = enabled ? input.sse_specification_override->kms_master_key_id.value_or("") : "";
  }
  if (table.on_demand) table.on_demand_since = call.time;
  drop_unused_definitions(table);
  table.restored_table = source.arn();
  return table;
}

}  // namespace

Timestamp earliest_restorable(const Table& table, Timestamp now) {
  return std::max(table.recovery.since, now - std::chrono::hours(24 * table.recovery.days));
}

void keep_as_system_backup(storage::Transaction& transaction, const Table& table, TableSize size, Timestamp now) {
  Backup backup = new_backup(table, table.name + "$DeletedTableBackup", now);
  backup.number = table.number;
  backup.system = true;
  backup.status = BackupStatus::kAvailable;
  backup.expires = now + kSystemBackupLife;
  backup.items = static_cast<std::uint64_t>(size.items);
  backup.bytes = static_cast<std::uint64_t>(size.bytes);
  transaction.put(backup.row_key(), backup.encode());
  const auto job = [&](keys::Job kind, std::uint32_t index) {
    return keys::job_row(table.account, table.region, kind, table.number, index);
  };
  for (const Index& index : table.indexes) transaction.put(job(keys::Job::kPurge, index.number), "");
  transaction.put(job(keys::Job::kPurge, keys::kExpiry), "");
  storage::RowWriter expiry;
  expiry.text(backup.table).text(backup.id);
  transaction.put(job(keys::Job::kExpireBackup, 0), std::move(expiry).bytes());
}

Task<Backup> BackupOperations::back_up(storage::Transaction& transaction, wire::Call& call, const std::string& table,
                                       const std::string& name) {
  const TablePtr source = co_await store_.find_any_table(transaction, call.account(), call.region, table);
  if (!source) co_return no_such_table(table);
  if (source->status != TableStatus::kActive) {
    co_return Error(shapes::errors::kTableInUseException, "Table is being created: " + table);
  }
  Backup backup = new_backup(*source, name, call.time);
  Table held = *source;
  hold_log(transaction, held, backup.number, store_.clock().now());
  store_.put_table(transaction, held);
  Copy copy;
  copy.purpose = Copy::Purpose::kBackup;
  copy.source = source->number;
  copy.target = backup.number;
  copy.source_table = source->name;
  copy.backup_table = backup.table;
  copy.backup_id = backup.id;
  copy.marker = backup.number;
  begin_copy(transaction, call.account(), call.region, copy);
  transaction.put(backup.row_key(), backup.encode());
  co_return backup;
}

Task<shapes::CreateBackupOutput> BackupOperations::create_backup(wire::Call& call, shapes::CreateBackupInput& input) {
  const std::string table = co_await table_name_of(call, input.table_name, true);
  const auto body = [&](storage::Transaction& transaction) {
    return back_up(transaction, call, table, input.backup_name);
  };
  const Backup backup = co_await storage::transact(store_.database(), body);
  shapes::CreateBackupOutput output;
  output.backup_details = details_of(backup);
  co_return output;
}

Task<Backup> BackupOperations::require_backup(storage::Transaction& transaction, wire::Call& call,
                                              const std::string& arn) const {
  std::optional<std::pair<std::string, std::string>> name = parse_backup_arn(arn, call.account(), call.region);
  if (!name) co_return backup_not_found(arn);
  std::optional<Backup> backup =
      co_await find_backup(transaction, call.account(), call.region, std::move(name->first), std::move(name->second));
  if (!backup) co_return backup_not_found(arn);
  co_return std::move(*backup);
}

Task<shapes::DescribeBackupOutput> BackupOperations::describe_backup(wire::Call& call,
                                                                     shapes::DescribeBackupInput& input) {
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const Backup backup = co_await require_backup(*transaction, call, input.backup_arn);
  co_await transaction->commit();
  Result<Table> decoded = backup.source();
  const Table table = co_await std::move(decoded);
  shapes::DescribeBackupOutput output;
  output.backup_description = describe(backup, table);
  co_return output;
}

Task<Backup> BackupOperations::forget(storage::Transaction& transaction, wire::Call& call,
                                      const std::string& arn) const {
  Backup backup = co_await require_backup(transaction, call, arn);
  if (backup.system) co_return invalid("System backups cannot be deleted: " + arn);
  if (backup.status != BackupStatus::kAvailable || backup.restores > 0) {
    co_return Error(shapes::errors::kBackupInUseException, "Backup is being created or restored: " + arn);
  }
  remove_backup(transaction, backup.account, backup.region, backup.row_key(), backup.number);
  co_return backup;
}

Task<shapes::DeleteBackupOutput> BackupOperations::delete_backup(wire::Call& call, shapes::DeleteBackupInput& input) {
  const auto body = [&](storage::Transaction& transaction) { return forget(transaction, call, input.backup_arn); };
  const Backup backup = co_await storage::transact(store_.database(), body);
  Result<Table> decoded = backup.source();
  const Table table = co_await std::move(decoded);
  shapes::DeleteBackupOutput output;
  output.backup_description = describe(backup, table);
  output.backup_description->backup_details->backup_status = "DELETED";
  co_return output;
}

Task<shapes::ListBackupsOutput> BackupOperations::list_backups(wire::Call& call, shapes::ListBackupsInput& input) {
  const auto limit = static_cast<std::size_t>(input.limit.value_or(kMostBackups));
  const std::string all = keys::backup_rows(call.account(), call.region);
  std::string rows = all;
  if (input.table_name) {
    const std::string table = co_await table_name_of(call, *input.table_name, true);
    rows = keys::backup_rows(call.account(), call.region, table);
  }
  storage::KeyRange range(rows, storage::after_prefix(rows));
  if (input.exclusive_start_backup_arn) {
    const auto name = parse_backup_arn(*input.exclusive_start_backup_arn, call.account(), call.region);
    if (!name) co_return invalid("Invalid ExclusiveStartBackupArn");
    range.begin =
        std::max(range.begin, keys::backup_row(call.account(), call.region, name->first, name->second) + '\0');
  }
  const std::string type = input.backup_type.value_or("USER");
  shapes::ListBackupsOutput output;
  std::vector<shapes::BackupSummary>& summaries = output.backup_summaries.emplace();
  storage::ScanOptions options;
  options.limit = kMostBackups;
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  bool full = false;
  while (!full) {
    const std::vector<storage::KeyValue> found = co_await transaction->scan(range, options);
    if (found.empty()) break;
    range.begin = found.back().key + '\0';
    for (const storage::KeyValue& row : found) {
      storage::KeyReader reader(std::string_view(row.key).substr(all.size()));
      std::string table = reader.text().value_or("");
      std::string id = reader.text().value_or("");
      Result<Backup> decoded = Backup::decode(call.account(), call.region, std::move(table), std::move(id), row.value);
      const Backup backup = co_await std::move(decoded);
      const bool wanted = (type == "ALL" || type == (backup.system ? "SYSTEM" : "USER")) &&
                          (!input.time_range_lower_bound || backup.created >= *input.time_range_lower_bound) &&
                          (!input.time_range_upper_bound || backup.created < *input.time_range_upper_bound);
      if (!wanted) continue;
      if (summaries.size() == limit) {
        output.last_evaluated_backup_arn = summaries.back().backup_arn;
        full = true;
        break;
      }
      const shapes::BackupDetails details = details_of(backup);
      Result<Table> source = backup.source();
      shapes::BackupSummary& summary = summaries.emplace_back();
      summary.table_name = backup.table;
      if (source) summary.table_id = source->id;
      if (source) summary.table_arn = source->arn();
      summary.backup_arn = details.backup_arn;
      summary.backup_name = details.backup_name;
      summary.backup_creation_date_time = details.backup_creation_date_time;
      summary.backup_expiry_date_time = details.backup_expiry_date_time;
      summary.backup_status = details.backup_status;
      summary.backup_type = details.backup_type;
      summary.backup_size_bytes = details.backup_size_bytes;
    }
  }
  co_await transaction->commit();
  co_return output;
}

Task<void> BackupOperations::require_free_name(storage::Transaction& transaction, wire::Call& call,
                                               const std::string& name) {
  const TablePtr existing = co_await store_.find_any_table(transaction, call.account(), call.region, name);
  if (existing) co_await fail(shapes::errors::kTableAlreadyExistsException, "Table already exists: " + name);
}

Task<TablePtr> BackupOperations::restore_backup(storage::Transaction& transaction, wire::Call& call,
                                                const shapes::RestoreTableFromBackupInput& input) {
  Backup backup = co_await require_backup(transaction, call, input.backup_arn);
  if (backup.status != BackupStatus::kAvailable) {
    co_return Error(shapes::errors::kBackupInUseException, "Backup is being created: " + input.backup_arn);
  }
  co_await require_free_name(transaction, call, input.target_table_name);
  Result<Table> decoded = backup.source();
  const Table source = co_await std::move(decoded);
  Result<Table> made = restored_table(call, source, input, input.target_table_name);
  Table table = co_await std::move(made);
  table.restored_from = backup.arn();
  table.restored_to = backup.created;
  ++backup.restores;
  transaction.put(backup.row_key(), backup.encode());
  Copy copy;
  copy.purpose = Copy::Purpose::kRestore;
  copy.source = backup.number;
  copy.target = table.number;
  copy.target_name = table.name;
  copy.backup_table = backup.table;
  copy.backup_id = backup.id;
  begin_copy(transaction, call.account(), call.region, copy);
  store_.put_table(transaction, table);
  co_return std::make_shared<const Table>(std::move(table));
}

Task<shapes::RestoreTableFromBackupOutput> BackupOperations::restore_table_from_backup(
    wire::Call& call, shapes::RestoreTableFromBackupInput& input) {
  input.target_table_name = co_await table_name_of(call, input.target_table_name, true);
  const auto body = [&](storage::Transaction& transaction) { return restore_backup(transaction, call, input); };
  const TablePtr table = co_await storage::transact(store_.database(), body);
  shapes::RestoreTableFromBackupOutput output;
  output.table_description = dynamodb::describe(*table, "CREATING", TableSize(), {}, call.time);
  co_return output;
}

Task<shapes::DescribeContinuousBackupsOutput> BackupOperations::describe_continuous_backups(
    wire::Call& call, shapes::DescribeContinuousBackupsInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const TablePtr table = co_await store_.find_any_table(*transaction, call.account(), call.region, name);
  co_await transaction->commit();
  if (!table) co_return no_such_table(name);
  shapes::DescribeContinuousBackupsOutput output;
  output.continuous_backups_description = describe_recovery(*table, call.time);
  co_return output;
}

Task<TablePtr> BackupOperations::set_recovery(storage::Transaction& transaction, wire::Call& call,
                                              const std::string& name,
                                              const shapes::PointInTimeRecoverySpecification& wanted) {
  const TablePtr table = co_await store_.find_any_table(transaction, call.account(), call.region, name);
  if (!table) co_return no_such_table(name);
  if (table->status != TableStatus::kActive) {
    co_return Error(shapes::errors::kContinuousBackupsUnavailableException,
                    "Backups are being enabled for the table: " + name + ". Please retry later");
  }
  Table changed = *table;
  if (wanted.point_in_time_recovery_enabled) {
    if (!changed.recovery.enabled) changed.recovery.since = store_.clock().now();
    if (wanted.recovery_period_in_days) changed.recovery.days = *wanted.recovery_period_in_days;
    if (!changed.recovery.enabled && !wanted.recovery_period_in_days) changed.recovery.days = Recovery().days;
  }
  changed.recovery.enabled = wanted.point_in_time_recovery_enabled;
  tend_log(transaction, changed);
  store_.put_table(transaction, changed);
  co_return std::make_shared<const Table>(std::move(changed));
}

Task<shapes::UpdateContinuousBackupsOutput> BackupOperations::update_continuous_backups(
    wire::Call& call, shapes::UpdateContinuousBackupsInput& input) {
  const std::string name = co_await table_name_of(call, input.table_name, true);
  const auto body = [&](storage::Transaction& transaction) {
    return set_recovery(transaction, call, name, input.point_in_time_recovery_specification);
  };
  const TablePtr table = co_await storage::transact(store_.database(), body);
  shapes::UpdateContinuousBackupsOutput output;
  output.continuous_backups_description = describe_recovery(*table, call.time);
  co_return output;
}

// The latest moment is a mark in the log; an earlier one is the first commit of a later time. Either way the restored
// table is as after some commit and before the next, so that no transaction is torn.
Task<TablePtr> BackupOperations::restore_moment(storage::Transaction& transaction, wire::Call& call,
                                                const std::string& source_name,
                                                const shapes::RestoreTableToPointInTimeInput& input) {
  const TablePtr source = co_await store_.find_any_table(transaction, call.account(), call.region, source_name);
  if (!source) co_return no_such_table(source_name);
  if (!source->recovery.enabled) {
    co_return Error(shapes::errors::kPointInTimeRecoveryUnavailableException,
                    "Point in time recovery is not enabled for table '" + source_name + "'");
  }
  const Timestamp now = store_.clock().now();
  const bool latest = input.use_latest_restorable_time.value_or(false);
  const Timestamp moment = latest ? now : *input.restore_date_time;
  if (moment < std::chrono::floor<std::chrono::seconds>(earliest_restorable(*source, now)) || moment > now) {
    co_return Error(shapes::errors::kInvalidRestoreTimeException,
                    "An invalid restore time was specified. RestoreDateTime must be between "
                    "EarliestRestorableDateTime and LatestRestorableDateTime.");
  }
  co_await require_free_name(transaction, call, input.target_table_name);
  Result<Table> made = restored_table(call, *source, input, input.target_table_name);
  Table table = co_await std::move(made);
  table.restored_to = moment;
  Copy copy;
  copy.purpose = Copy::Purpose::kRestore;
  copy.source = source->number;
  copy.target = table.number;
  copy.source_table = source->name;
  copy.target_name = table.name;
  copy.marker = table.number;
  if (!latest) {
    const Timestamp later = moment + std::chrono::microseconds(1);
    // In a transaction of its own: what is written meanwhile is behind the cut, and no reason to start anew.
    const std::unique_ptr<storage::Transaction> reader = store_.database().begin();
    copy.cut = co_await commit_at_time(*reader, source->recovery.log, later, &time_of_undo);
    co_await reader->commit();
    copy.marker = copy.cut.empty() ? table.number : 0;
  }
  Table held = *source;
  hold_log(transaction, held, table.number, now);
  store_.put_table(transaction, held);
  begin_copy(transaction, call.account(), call.region, copy);
  store_.put_table(transaction, table);
  co_return std::make_shared<const Table>(std::move(table));
}

Task<shapes::RestoreTableToPointInTimeOutput> BackupOperations::restore_table_to_point_in_time(
    wire::Call& call, shapes::RestoreTableToPointInTimeInput& input) {
  if (input.source_table_name.has_value() == input.source_table_arn.has_value()) {
    co_return invalid_parameter("Exactly one of SourceTableName and SourceTableArn must be specified");
  }
  if (input.use_latest_restorable_time.value_or(false) == input.restore_date_time.has_value()) {
    co_return invalid_parameter("Exactly one of RestoreDateTime and UseLatestRestorableTime must be specified");
  }
  const std::string given = input.source_table_name ? *input.source_table_name : *input.source_table_arn;
  const std::string source = co_await table_name_of(call, given, true);
  input.target_table_name = co_await table_name_of(call, input.target_table_name, true);
  const auto body = [&](storage::Transaction& transaction) { return restore_moment(transaction, call, source, input); };
  const TablePtr table = co_await storage::transact(store_.database(), body);
  shapes::RestoreTableToPointInTimeOutput output;
  output.table_description = dynamodb::describe(*table, "CREATING", TableSize(), {}, call.time);
  co_return output;
}

}  // namespace cumulet::dynamodb
