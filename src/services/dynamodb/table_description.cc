#include "services/dynamodb/table_description.h"

#include <utility>
#include <vector>

#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/table_definition.h"
#include "storage/key.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kRowsPerCall = 4000;

std::vector<shapes::KeySchemaElement> elements_of(const KeySchema& keys) {
  std::vector<shapes::KeySchemaElement> elements(keys.size());
  elements[0].attribute_name = keys.hash.name;
  elements[0].key_type = "HASH";
  if (keys.range) {
    elements[1].attribute_name = keys.range->name;
    elements[1].key_type = "RANGE";
  }
  return elements;
}

shapes::Projection projection_of(const Index& index) {
  shapes::Projection projection;
  switch (index.projection) {
    case ProjectionType::kAll:
      projection.projection_type = "ALL";
      break;
    case ProjectionType::kKeysOnly:
      projection.projection_type = "KEYS_ONLY";
      break;
    case ProjectionType::kInclude:
      projection.projection_type = "INCLUDE";
      projection.non_key_attributes = index.non_key_attributes;
      break;
  }
  return projection;
}

shapes::ProvisionedThroughputDescription throughput_of(const Throughput& throughput, Timestamp now) {
  shapes::ProvisionedThroughputDescription description;
  description.read_capacity_units = throughput.read;
  description.write_capacity_units = throughput.write;
  description.number_of_decreases_today = throughput.decreases_on(now);
  if (throughput.last_increase != Timestamp()) description.last_increase_date_time = throughput.last_increase;
  if (throughput.last_decrease != Timestamp()) description.last_decrease_date_time = throughput.last_decrease;
  return description;
}

template <typename Description>
Description warmth_description(const Warmth& warmth) {
  Description description;
  description.read_units_per_second = warmth.reads;
  description.write_units_per_second = warmth.writes;
  description.status = "ACTIVE";
  return description;
}

std::optional<shapes::OnDemandThroughput> maximum_of(const std::optional<std::int64_t>& reads,
                                                     const std::optional<std::int64_t>& writes) {
  if (!reads && !writes) return std::nullopt;
  shapes::OnDemandThroughput maximum;
  maximum.max_read_request_units = reads;
  maximum.max_write_request_units = writes;
  return maximum;
}

TableSize size_of(const std::map<std::uint32_t, TableSize>& sizes, const Index& index) {
  const auto found = sizes.find(index.number);
  return found == sizes.end() ? TableSize() : found->second;
}

shapes::GlobalSecondaryIndexDescription describe_global(const Table& table, const Index& index,
                                                        const std::string& status, TableSize size, Timestamp now) {
  shapes::GlobalSecondaryIndexDescription description;
  description.index_name = index.name;
  description.key_schema = elements_of(index.keys);
  description.projection = projection_of(index);
  const bool with_table = status == "CREATING" || status == "DELETING";
  description.index_status = with_table ? status : index.status == IndexStatus::kActive ? "ACTIVE" : "CREATING";
  if (index.status == IndexStatus::kCreating) description.backfilling = true;
  description.provisioned_throughput = throughput_of(index.throughput, now);
  description.index_size_bytes = size.bytes;
  description.item_count = size.items;
  description.index_arn = table.index_arn(index);
  description.on_demand_throughput = maximum_of(index.max_reads, index.max_writes);
  description.warm_throughput = warmth_description<shapes::GlobalSecondaryIndexWarmThroughputDescription>(
      warmth_of(table.on_demand, index.throughput, index.warmth));
  return description;
}

shapes::LocalSecondaryIndexDescription describe_local(const Table& table, const Index& index, TableSize size) {
  shapes::LocalSecondaryIndexDescription description;
  description.index_name = index.name;
  description.key_schema = elements_of(index.keys);
  description.projection = projection_of(index);
  description.index_size_bytes = size.bytes;
  description.item_count = size.items;
  description.index_arn = table.index_arn(index);
  return description;
}

}  // namespace

Task<TableSize> SizeCounter::count(TablePtr table, std::uint32_t index) {
  const std::string rows = keys::rows_of(table->rows, index);
  Progress progress;
  {
    std::lock_guard lock(mutex_);
    if (const auto found = progress_.find(rows); found != progress_.end()) progress = found->second;
  }
  storage::KeyRange range(progress.last.empty() ? rows : progress.last + '\0', storage::after_prefix(rows));
  storage::ScanOptions options;
  options.limit = kRowsPerCall;
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const std::vector<storage::KeyValue> found = co_await transaction->scan(range, options);
  co_await transaction->commit();
  for (const storage::KeyValue& row : found) {
    ++progress.running.items;
    progress.running.bytes += static_cast<std::int64_t>(ItemReader(row.value).size());
  }
  std::size_t bytes = 0;
  for (const storage::KeyValue& row : found) bytes += row.value.size();
  const bool complete = found.size() < options.limit && bytes < options.byte_limit;
  const bool in_one_call = complete && progress.last.empty();
  if (complete) {
    progress.complete = std::exchange(progress.running, TableSize());
    progress.ever_complete = true;
    progress.last.clear();
  } else {
    progress.last = found.back().key;
  }
  const TableSize size = progress.ever_complete ? progress.complete : progress.running;
  constexpr std::size_t kRemembered = 10'000;
  std::lock_guard lock(mutex_);
  if (progress_.size() > kRemembered) progress_.clear();
  if (in_one_call) {
    progress_.erase(rows);
  } else {
    progress_[rows] = std::move(progress);
  }
  co_return size;
}

std::string status_of(const Table& table) {
  if (table.status == TableStatus::kCreating) return "CREATING";
  for (const Index& index : table.indexes) {
    if (index.status == IndexStatus::kCreating) return "UPDATING";
  }
  return "ACTIVE";
}

shapes::TableDescription describe(const Table& table, const std::string& status, TableSize size,
                                  const std::map<std::uint32_t, TableSize>& index_sizes, Timestamp now) {
  shapes::TableDescription description;
  description.attribute_definitions.emplace();
  for (const std::string& name : table.attribute_order) {
    shapes::AttributeDefinition& definition = description.attribute_definitions->emplace_back();
    definition.attribute_name = name;
    definition.attribute_type = std::string(wire::type_name(table.attributes.at(name)));
  }
  description.table_name = table.name;
  description.key_schema = elements_of(table.keys);
  description.table_status = status;
  description.creation_date_time = table.created;
  description.provisioned_throughput = throughput_of(table.throughput, now);
  description.table_size_bytes = size.bytes;
  description.item_count = size.items;
  description.table_arn = table.arn();
  description.table_id = table.id;
  if (table.on_demand || table.on_demand_since) {
    shapes::BillingModeSummary& billing = description.billing_mode_summary.emplace();
    billing.billing_mode = table.on_demand ? "PAY_PER_REQUEST" : "PROVISIONED";
    billing.last_update_to_pay_per_request_date_time = table.on_demand_since;
  }
  for (const Index& index : table.indexes) {
    if (index.global) {
      if (!description.global_secondary_indexes) description.global_secondary_indexes.emplace();
      description.global_secondary_indexes->push_back(
          describe_global(table, index, status, size_of(index_sizes, index), now));
    } else {
      if (!description.local_secondary_indexes) description.local_secondary_indexes.emplace();
      description.local_secondary_indexes->push_back(describe_local(table, index, size_of(index_sizes, index)));
    }
  }
  if (!table.table_class.empty()) description.table_class_summary.emplace().table_class = table.table_class;
  description.deletion_protection_enabled = table.deletion_protection;
  if (!table.encryption.empty()) {
    shapes::SSEDescription& encryption = description.sse_description.emplace();
    encryption.status = "ENABLED";
    encryption.sse_type = table.encryption;
    if (!table.encryption_key.empty()) encryption.kms_master_key_arn = table.encryption_key;
  }
  if (table.restored_to != Timestamp()) {
    shapes::RestoreSummary& restore = description.restore_summary.emplace();
    if (!table.restored_from.empty()) restore.source_backup_arn = table.restored_from;
    restore.source_table_arn = table.restored_table;
    restore.restore_date_time = table.restored_to;
    restore.restore_in_progress = table.status == TableStatus::kCreating;
  }
  if (!table.stream.label.empty()) {
    description.latest_stream_label = table.stream.label;
    description.latest_stream_arn = table.stream_arn();
  }
  if (table.stream.enabled) {
    shapes::StreamSpecification& stream = description.stream_specification.emplace();
    stream.stream_enabled = true;
    stream.stream_view_type = table.stream.view;
  }
  description.on_demand_throughput = maximum_of(table.max_reads, table.max_writes);
  description.warm_throughput = warmth_description<shapes::TableWarmThroughputDescription>(
      warmth_of(table.on_demand, table.throughput, table.warmth));
  return description;
}

}  // namespace cumulet::dynamodb
