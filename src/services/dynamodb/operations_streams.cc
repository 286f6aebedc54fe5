#include "services/dynamodb/operations_streams.h"

#include <utility>

#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/stream_keeper.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::int32_t kMostStreams = 100;
constexpr std::int32_t kMostShards = 100;
constexpr std::int32_t kMostRecords = 1000;
constexpr std::size_t kMostBytes = 1u << 20;
constexpr std::chrono::minutes kIteratorLife{15};
constexpr std::uint64_t kIteratorVersion = 1;

Error not_found(const std::string& arn) {
  return Error(errors::kResourceNotFound, "Requested resource not found: Stream: " + arn + " not found");
}

Error shard_not_found(const std::string& shard, const std::string& arn) {
  return Error(errors::kResourceNotFound,
               "Requested resource not found: Shard: " + shard + " in stream: " + arn + " not found");
}

Error trimmed() {
  return Error(errors::kTrimmedDataAccess, "The operation attempted to read past the oldest stream record in a shard.");
}

Error invalid_iterator() { return invalid("Invalid ShardIterator"); }

Result<std::int32_t> limit_of(const std::optional<std::int32_t>& given, std::int32_t most) {
  if (given.value_or(most) <= most) return given.value_or(most);
  return invalid("1 validation error detected: Value '" + std::to_string(*given) +
                 "' at 'limit' failed to satisfy constraint: Member must have value less than or equal to " +
                 std::to_string(most));
}

/// arn|1|position: what the client gives back to GetRecords.
struct Iterator {
  Iterator() = default;
  std::string stream_arn;
  std::string shard;
  StreamCursor from;
  Timestamp issued{};

  std::string text() const {
    storage::RowWriter row;
    row.number(kIteratorVersion).text(shard).text(from).signed_number(issued.time_since_epoch().count());
    return stream_arn + "|1|" + base64url_encode(std::move(row).bytes());
  }

  static std::optional<Iterator> parse(std::string_view text) {
    const std::size_t at = text.find("|1|");
    if (at == std::string_view::npos) return std::nullopt;
    const std::optional<std::string> bytes = base64url_decode(text.substr(at + 3));
    if (!bytes) return std::nullopt;
    storage::RowReader row(*bytes);
    Iterator iterator;
    iterator.stream_arn = text.substr(0, at);
    const bool known = row.number() == kIteratorVersion;
    iterator.shard = row.text();
    iterator.from = row.text();
    iterator.issued = Timestamp(std::chrono::microseconds(row.signed_number()));
    if (!known || !row.ok() || !row.at_end() || iterator.from.size() > storage::kPlaceBytes + 1) return std::nullopt;
    return iterator;
  }
};

stream_shapes::Record record_of(const Stream& stream, Change change) {
  stream_shapes::Record record;
  record.event_id = change.event_id(stream);
  record.event_name = std::string(event_name(change.kind));
  record.event_version = "1.1";
  record.event_source = "aws:dynamodb";
  record.aws_region = stream.region;
  stream_shapes::StreamRecord& body = record.dynamodb.emplace();
  body.approximate_creation_date_time = std::chrono::floor<std::chrono::seconds>(change.time);
  body.sequence_number = sequence_number(change.place);
  body.size_bytes = static_cast<std::int64_t>(change.size);
  body.stream_view_type = stream.view;
  body.keys = std::move(change.keys);
  if (change.after) body.new_image = std::move(*change.after);
  if (change.before) body.old_image = std::move(*change.before);
  if (change.expired) {
    stream_shapes::Identity& identity = record.user_identity.emplace();
    identity.type = "Service";
    identity.principal_id = "dynamodb.amazonaws.com";
  }
  return record;
}

std::vector<stream_shapes::KeySchemaElement> schema_of(const KeySchema& keys) {
  std::vector<stream_shapes::KeySchemaElement> elements(keys.size());
  elements[0].attribute_name = keys.hash.name;
  elements[0].key_type = "HASH";
  if (keys.range) {
    elements[1].attribute_name = keys.range->name;
    elements[1].key_type = "RANGE";
  }
  return elements;
}

}  // namespace

Task<Stream> stream_of_arn(storage::Transaction& transaction, std::string arn, Timestamp now) {
  std::optional<StreamName> name = parse_stream_arn(arn);
  if (!name) co_return not_found(arn);
  std::optional<Stream> stream = co_await StreamKeeper::find(
      transaction, std::move(name->account), std::move(name->region), std::move(name->table), std::move(name->label));
  if (!stream || (stream->disabled && *stream->disabled + kStreamRetention < now)) co_return not_found(arn);
  co_return std::move(*stream);
}

Task<Stream> StreamOperations::require_stream(storage::Transaction& transaction, wire::Call& call,
                                              const std::string& arn) const {
  const std::optional<StreamName> name = parse_stream_arn(arn);
  if (!name) co_return invalid("Invalid StreamArn");
  if (name->account != call.account() || name->region != call.region) co_return not_found(arn);
  co_return co_await stream_of_arn(transaction, arn, call.time);
}

Task<stream_shapes::ListStreamsOutput> StreamOperations::list_streams(wire::Call& call,
                                                                      stream_shapes::ListStreamsInput& input) {
  const std::int32_t limit = co_await limit_of(input.limit, kMostStreams);
  const std::string all = keys::stream_rows(call.account(), call.region);
  const std::string rows = input.table_name ? keys::stream_rows(call.account(), call.region, *input.table_name) : all;
  storage::KeyRange range(rows, storage::after_prefix(rows));
  if (input.exclusive_start_stream_arn) {
    const std::optional<StreamName> name = parse_stream_arn(*input.exclusive_start_stream_arn);
    if (!name) co_return invalid("Invalid StreamArn");
    const std::string start = keys::stream_row(call.account(), call.region, name->table, name->label) + '\0';
    if (start > range.begin) range.begin = start;
  }
  storage::ScanOptions options;
  options.limit = static_cast<std::size_t>(limit) + 1;
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const std::vector<storage::KeyValue> found = co_await transaction->scan(range, options);
  co_await transaction->commit();
  stream_shapes::ListStreamsOutput output;
  std::vector<stream_shapes::Stream>& streams = output.streams.emplace();
  std::size_t looked_at = 0;
  for (const storage::KeyValue& row : found) {
    if (looked_at++ == static_cast<std::size_t>(limit)) {
      if (!streams.empty()) output.last_evaluated_stream_arn = streams.back().stream_arn;
      break;
    }
    storage::KeyReader reader(std::string_view(row.key).substr(all.size()));
    std::string table = reader.text().value_or("");
    std::string label = reader.text().value_or("");
    Result<Stream> decoded = Stream::decode(call.account(), call.region, std::move(table), std::move(label), row.value);
    const Stream stream = co_await std::move(decoded);
    if (stream.disabled && *stream.disabled + kStreamRetention < call.time) continue;
    stream_shapes::Stream& one = streams.emplace_back();
    one.stream_arn = stream.arn();
    one.table_name = stream.table;
    one.stream_label = stream.label;
  }
  co_return output;
}

Task<stream_shapes::DescribeStreamOutput> StreamOperations::describe_stream(wire::Call& call,
                                                                            stream_shapes::DescribeStreamInput& input) {
  const std::int32_t limit = co_await limit_of(input.limit, kMostShards);
  std::string only_children_of;
  if (input.shard_filter) {
    if (input.shard_filter->type != "CHILD_SHARDS" || !input.shard_filter->shard_id) {
      co_return invalid_parameter("ShardFilter must have the type CHILD_SHARDS and a ShardId");
    }
    only_children_of = *input.shard_filter->shard_id;
  }
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const Stream stream = co_await require_stream(*transaction, call, input.stream_arn);
  if (!only_children_of.empty() && !stream.find_shard(only_children_of)) {
    co_return shard_not_found(only_children_of, input.stream_arn);
  }
  stream_shapes::DescribeStreamOutput output;
  stream_shapes::StreamDescription& description = output.stream_description.emplace();
  description.stream_arn = stream.arn();
  description.stream_label = stream.label;
  description.stream_status = stream.disabled ? "DISABLED" : "ENABLED";
  description.stream_view_type = stream.view;
  description.creation_request_date_time = stream.created;
  description.table_name = stream.table;
  description.key_schema = schema_of(stream.keys);
  std::vector<stream_shapes::Shard>& shards = description.shards.emplace();
  for (const Shard& shard : stream.shards) {
    if (shard.closed && *shard.closed + kStreamRetention < call.time) continue;
    if (!only_children_of.empty() && shard.parent != only_children_of) continue;
    if (input.exclusive_start_shard_id && shard.id <= *input.exclusive_start_shard_id) continue;
    if (shards.size() == static_cast<std::size_t>(limit)) {
      description.last_evaluated_shard_id = shards.back().shard_id;
      break;
    }
    const std::string begins = co_await begin_place(*transaction, stream, shard);
    const std::string ends = co_await end_place(*transaction, stream, shard);
    stream_shapes::Shard& one = shards.emplace_back();
    one.shard_id = shard.id;
    if (!shard.parent.empty()) one.parent_shard_id = shard.parent;
    stream_shapes::SequenceNumberRange& range = one.sequence_number_range.emplace();
    if (!begins.empty()) range.starting_sequence_number = sequence_number(begins);
    if (!ends.empty()) range.ending_sequence_number = sequence_number(ends);
  }
  co_await transaction->commit();
  co_return output;
}

Task<StreamCursor> StreamOperations::cursor_of(storage::Transaction& transaction, const Stream& stream,
                                               const Shard& shard,
                                               const stream_shapes::GetShardIteratorInput& input) const {
  const std::string& type = input.shard_iterator_type;
  if (type == "TRIM_HORIZON") co_return StreamCursor();
  if (type == "LATEST") co_return co_await latest_cursor(transaction, stream, shard);
  if (type == "AT_TIMESTAMP") {
    if (!input.timestamp) co_return invalid("Timestamp must be specified when ShardIteratorType is AT_TIMESTAMP");
    co_return co_await cursor_at_time(transaction, stream, shard, *input.timestamp);
  }
  if (!input.sequence_number) {
    co_return invalid("SequenceNumber must be specified when ShardIteratorType is " + type);
  }
  std::optional<std::string> place = place_of(*input.sequence_number);
  const std::string begins = co_await begin_place(transaction, stream, shard);
  const std::string ends = co_await end_place(transaction, stream, shard);
  if (!place || *place < begins || (!ends.empty() && *place > ends)) {
    co_return invalid("Invalid SequenceNumber: " + *input.sequence_number);
  }
  StreamCursor cursor = type == "AFTER_SEQUENCE_NUMBER" ? after_place(std::move(*place)) : std::move(*place);
  if (was_trimmed(shard, cursor)) co_return trimmed();
  co_return cursor;
}

Task<stream_shapes::GetShardIteratorOutput> StreamOperations::get_shard_iterator(
    wire::Call& call, stream_shapes::GetShardIteratorInput& input) {
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const Stream stream = co_await require_stream(*transaction, call, input.stream_arn);
  const Shard* shard = stream.find_shard(input.shard_id);
  if (!shard) co_return shard_not_found(input.shard_id, input.stream_arn);
  Iterator iterator;
  iterator.stream_arn = input.stream_arn;
  iterator.shard = shard->id;
  iterator.from = co_await cursor_of(*transaction, stream, *shard, input);
  iterator.issued = call.time;
  co_await transaction->commit();
  stream_shapes::GetShardIteratorOutput output;
  output.shard_iterator = iterator.text();
  co_return output;
}

Task<stream_shapes::GetRecordsOutput> StreamOperations::get_records(wire::Call& call,
                                                                    stream_shapes::GetRecordsInput& input) {
  const std::int32_t limit = co_await limit_of(input.limit, kMostRecords);
  std::optional<Iterator> iterator = Iterator::parse(input.shard_iterator);
  if (!iterator) co_return invalid_iterator();
  if (iterator->issued + kIteratorLife < call.time) {
    co_return Error(errors::kExpiredIterator,
                    "The shard iterator has expired and can no longer be used to retrieve stream records. A shard "
                    "iterator expires 15 minutes after it is retrieved using the GetShardIterator action.");
  }
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const Stream stream = co_await require_stream(*transaction, call, iterator->stream_arn);
  const Shard* shard = stream.find_shard(iterator->shard);
  if (!shard) co_return trimmed();
  if (was_trimmed(*shard, iterator->from)) co_return trimmed();
  StreamPage page = co_await read_shard(*transaction, stream, *shard, iterator->from, static_cast<std::size_t>(limit),
                                        kMostBytes, call.time);
  co_await transaction->commit();
  stream_shapes::GetRecordsOutput output;
  std::vector<stream_shapes::Record>& records = output.records.emplace();
  for (Change& change : page.changes) records.push_back(record_of(stream, std::move(change)));
  if (!page.at_end) {
    iterator->from = std::move(page.next);
    iterator->issued = call.time;
    output.next_shard_iterator = iterator->text();
  }
  co_return output;
}

}  // namespace cumulet::dynamodb
