#include "services/lambda/event_source/mapping.h"

#include "base/text.h"
#include "storage/key.h"
#include "storage/row.h"
#include "wire/json.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::after_prefix;
using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::RowReader;
using storage::RowWriter;
using storage::ScanOptions;
using storage::Transaction;

constexpr std::string_view kSpace = "lambda-source";

Key base(std::string_view kind) { return Key(kSpace).text(kind); }

std::string checkpoints_prefix(const std::string& uuid) { return base("c").text(uuid).bytes(); }
std::string result_key(const std::string& uuid) { return base("r").text(uuid).bytes(); }
std::string between_key(const std::string& source, const std::string& function) {
  return base("i").text(source).text(function).bytes();
}

std::int64_t micros(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp from_micros(std::int64_t value) { return Timestamp(std::chrono::microseconds(value)); }

std::string encode_checkpoint(const ShardCheckpoint& checkpoint) {
  RowWriter row;
  row.boolean(checkpoint.finished)
      .number(static_cast<std::uint64_t>(checkpoint.position.kind))
      .text(checkpoint.position.sequence_number)
      .signed_number(micros(checkpoint.position.timestamp))
      .number(checkpoint.lanes.size());
  for (const LaneCheckpoint& lane : checkpoint.lanes) {
    row.optional_text(lane.done).boolean(lane.window.has_value());
    row.signed_number(lane.window ? micros(*lane.window) : 0).text(lane.state);
  }
  for (const LaneCheckpoint& lane : checkpoint.lanes) row.text(lane.failed_at).number(lane.failed);
  return std::move(row).bytes();
}

ShardCheckpoint decode_checkpoint(std::string_view bytes) {
  RowReader row(bytes);
  ShardCheckpoint checkpoint;
  checkpoint.finished = row.boolean();
  checkpoint.position.kind = static_cast<events::StreamPosition::Kind>(row.number());
  checkpoint.position.sequence_number = row.text();
  checkpoint.position.timestamp = from_micros(row.signed_number());
  for (std::size_t lanes = row.count(); lanes > 0 && row.ok(); --lanes) {
    LaneCheckpoint& lane = checkpoint.lanes.emplace_back();
    lane.done = row.optional_text();
    const bool open = row.boolean();
    const Timestamp start = from_micros(row.signed_number());
    if (open) lane.window = start;
    lane.state = row.text();
  }
  if (!row.ok() || row.at_end()) return checkpoint;  // Written before failures were kept.
  for (LaneCheckpoint& lane : checkpoint.lanes) {
    lane.failed_at = row.text();
    lane.failed = static_cast<std::uint32_t>(row.number());
  }
  return checkpoint;
}

}  // namespace

std::optional<SourceKind> source_kind(const std::string& arn) {
  const std::vector<std::string_view> parts = split(arn, ':');
  if (parts.size() < 6 || parts[0] != "arn") return std::nullopt;
  if (parts[2] == "sqs" && parts.size() == 6) return SourceKind::kQueue;
  if (parts[2] == "kinesis" && parts[5].starts_with("stream/")) return SourceKind::kKinesis;
  // arn:…:table/NAME/stream/2026-11-22T10:20:30.123: the label has colons of its own.
  if (parts[2] == "dynamodb" && parts[5].find("/stream/") != std::string_view::npos) return SourceKind::kDynamoDb;
  return std::nullopt;
}

bool is_fifo_queue(const std::string& arn) { return arn.ends_with(".fifo"); }

std::string mappings_prefix() { return base("m").bytes(); }

std::string mapping_key(const std::string& account, const std::string& region, const std::string& uuid) {
  return base("m").text(account).text(region).text(uuid).bytes();
}

std::string mapping_id(std::string_view key) {
  KeyReader parts(key);
  for (int i = 0; i < 4; ++i) parts.text();
  return parts.text().value_or("");
}

std::optional<MappingRow> decode_mapping(std::string_view bytes) {
  RowReader row(bytes);
  MappingRow mapping;
  mapping.account = row.text();
  mapping.region = row.text();
  wire::Findings findings;
  wire::decode_json(row.text(), *api::GetEventSourceMapping::model().output, &mapping.configuration, false, findings);
  mapping.enabled = row.boolean();
  mapping.version = row.number();
  mapping.tags = row.text_map();
  const api::EventSourceMappingConfiguration& c = mapping.configuration;
  if (!row.ok() || findings.fatal || !c.uuid || !c.event_source_arn || !c.function_arn) return std::nullopt;
  return mapping;
}

Task<std::optional<MappingRow>> find_mapping(Transaction& txn, std::string account, std::string region,
                                             std::string uuid) {
  std::optional<MappingRow> row;
  const std::optional<std::string> bytes = co_await txn.get(mapping_key(account, region, uuid));
  if (bytes) row = decode_mapping(*bytes);
  co_return row;
}

void put_mapping(Transaction& txn, const MappingRow& mapping) {
  RowWriter row;
  row.text(mapping.account)
      .text(mapping.region)
      .text(wire::encode_json(*api::GetEventSourceMapping::model().output, &mapping.configuration))
      .boolean(mapping.enabled)
      .number(mapping.version)
      .text_map(mapping.tags);
  txn.put(mapping_key(mapping.account, mapping.region, mapping.uuid()), std::move(row).bytes());
}

Task<void> erase_mapping(Transaction& txn, MappingRow row) {
  txn.erase(mapping_key(row.account, row.region, row.uuid()));
  txn.erase(result_key(row.uuid()));
  const std::optional<std::string> between = co_await find_mapping_between(txn, row.source(), row.function());
  if (between == row.uuid()) erase_mapping_between(txn, row);
  std::string from = checkpoints_prefix(row.uuid());
  const std::string end = after_prefix(from);
  while (true) {
    KeyRange range(from, end);
    const std::vector<KeyValue> rows = co_await txn.scan(range);
    if (rows.empty()) break;
    for (const KeyValue& each : rows) txn.erase(each.key);
    from = rows.back().key + '\0';
  }
}

Task<std::vector<MappingRow>> list_mappings(Transaction& txn, std::string account, std::string region,
                                            std::string after, std::size_t limit) {
  const std::string prefix = base("m").text(account).text(region).bytes();
  const std::string begin = after.empty() ? prefix : mapping_key(account, region, after) + '\0';
  KeyRange range(begin, after_prefix(prefix));
  ScanOptions options;
  options.limit = limit;
  const std::vector<KeyValue> rows = co_await txn.scan(range, options);
  std::vector<MappingRow> mappings;
  for (const KeyValue& row : rows) {
    if (std::optional<MappingRow> mapping = decode_mapping(row.value)) mappings.push_back(std::move(*mapping));
  }
  co_return mappings;
}

Task<std::optional<std::string>> find_mapping_between(Transaction& txn, std::string source, std::string function) {
  return txn.get(between_key(source, function));
}

void put_mapping_between(Transaction& txn, const MappingRow& row) {
  txn.put(between_key(row.source(), row.function()), row.uuid());
}

void erase_mapping_between(Transaction& txn, const MappingRow& row) {
  txn.erase(between_key(row.source(), row.function()));
}

Task<std::optional<std::string>> find_result(Transaction& txn, std::string uuid) { return txn.get(result_key(uuid)); }

void put_result(Transaction& txn, const std::string& uuid, const std::string& result) {
  txn.put(result_key(uuid), result);
}

Task<std::map<std::string, ShardCheckpoint>> list_checkpoints(Transaction& txn, std::string uuid) {
  std::map<std::string, ShardCheckpoint> checkpoints;
  std::string from = checkpoints_prefix(uuid);
  const std::string end = after_prefix(from);
  while (true) {
    KeyRange range(from, end);
    const std::vector<KeyValue> rows = co_await txn.scan(range);
    if (rows.empty()) break;
    for (const KeyValue& row : rows) {
      KeyReader key(row.key);
      key.text();
      key.text();
      key.text();
      checkpoints[key.text().value_or("")] = decode_checkpoint(row.value);
    }
    from = rows.back().key + '\0';
  }
  co_return checkpoints;
}

void put_checkpoint(Transaction& txn, const std::string& uuid, const std::string& shard,
                    const ShardCheckpoint& checkpoint) {
  txn.put(base("c").text(uuid).text(shard).bytes(), encode_checkpoint(checkpoint));
}

void erase_checkpoint(Transaction& txn, const std::string& uuid, const std::string& shard) {
  txn.erase(base("c").text(uuid).text(shard).bytes());
}

}  // namespace cumulet::lambda
