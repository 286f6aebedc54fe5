#include "services/dynamodb/stream_source.h"

#include <utility>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/operations_streams.h"
#include "wire/attribute_value_json.h"
#include "wire/json_writer.h"

namespace cumulet::dynamodb {
namespace {

using events::StreamPosition;

/// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html: the members of an event's record, but for those that the
/// reader adds.
std::string event_of(const Stream& stream, const Change& change) {
  wire::JsonWriter json;
  json.begin_object().key("eventID").string(change.event_id(stream));
  json.key("eventName").string(event_name(change.kind)).key("eventVersion").string("1.1");
  json.key("eventSource").string("aws:dynamodb").key("dynamodb").begin_object();
  json.key("ApproximateCreationDateTime")
      .integer(std::chrono::floor<std::chrono::seconds>(change.time).time_since_epoch().count());
  json.key("Keys").raw(wire::attribute_map_json(change.keys));
  if (change.after) json.key("NewImage").raw(wire::attribute_map_json(*change.after));
  if (change.before) json.key("OldImage").raw(wire::attribute_map_json(*change.before));
  json.key("SequenceNumber").string(sequence_number(change.place));
  json.key("SizeBytes").integer(static_cast<std::int64_t>(change.size));
  json.key("StreamViewType").string(stream.view).end_object();
  if (change.expired) {
    json.key("userIdentity").begin_object().key("type").string("Service");
    json.key("principalId").string("dynamodb.amazonaws.com").end_object();
  }
  return json.end_object().take();
}

/// A position that stays where it is while records come.
StreamPosition fixed(const StreamCursor& cursor) {
  if (cursor.empty()) return StreamPosition();
  // Positions are "after a number". A cursor at a place is after the one before it, which need not exist.
  std::string place = cursor;
  place.resize(storage::kPlaceBytes, '\0');
  if (cursor.size() > storage::kPlaceBytes) return StreamPosition::after(sequence_number(place));
  for (std::size_t i = place.size(); i-- > 0;) {
    if (place[i] != '\0') {
      place[i] = static_cast<char>(static_cast<unsigned char>(place[i]) - 1);
      break;
    }
    place[i] = '\xff';
  }
  return StreamPosition::after(sequence_number(place));
}

}  // namespace

Task<std::vector<events::StreamShard>> TableStreams::shards(std::string stream_arn) {
  const Timestamp now = store_.clock().now();
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const Stream stream = co_await stream_of_arn(*transaction, std::move(stream_arn), now);
  co_await transaction->commit();
  std::vector<events::StreamShard> shards;
  for (const Shard& shard : stream.shards) {
    if (shard.closed && *shard.closed + kStreamRetention < now) continue;
    events::StreamShard& one = shards.emplace_back();
    one.id = shard.id;
    if (!shard.parent.empty()) one.parents.push_back(shard.parent);
    one.closed = shard.closed.has_value();
  }
  co_return shards;
}

Task<TableStreams::Found> TableStreams::find(storage::Transaction& transaction, std::string stream_arn,
                                             std::string shard_id, StreamPosition from) const {
  Found found;
  found.stream = co_await stream_of_arn(transaction, std::move(stream_arn), store_.clock().now());
  const Shard* shard = found.stream.find_shard(shard_id);
  if (!shard) co_return Error(errors::kResourceNotFound, "Requested resource not found: Shard: " + shard_id);
  found.shard = *shard;
  switch (from.kind) {
    case StreamPosition::Kind::kTrimHorizon:
      break;
    case StreamPosition::Kind::kLatest:
      found.cursor = co_await latest_cursor(transaction, found.stream, found.shard);
      break;
    case StreamPosition::Kind::kAtTimestamp:
      found.cursor = co_await cursor_at_time(transaction, found.stream, found.shard, from.timestamp);
      break;
    case StreamPosition::Kind::kAfterSequenceNumber: {
      std::optional<std::string> place = place_of(from.sequence_number);
      if (!place) co_return invalid("Invalid SequenceNumber: " + from.sequence_number);
      found.cursor = after_place(std::move(*place));
      break;
    }
  }
  co_return found;
}

Task<events::StreamBatch> TableStreams::read(std::string stream_arn, std::string shard, StreamPosition from,
                                             std::size_t limit, std::size_t bytes) {
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const Found found = co_await find(*transaction, std::move(stream_arn), std::move(shard), std::move(from));
  const StreamPage page = co_await read_shard(*transaction, found.stream, found.shard, found.cursor,
                                              std::max<std::size_t>(limit, 1), bytes, store_.clock().now());
  co_await transaction->commit();
  events::StreamBatch batch;
  for (const Change& change : page.changes) {
    events::StreamRecord& record = batch.records.emplace_back();
    record.sequence_number = sequence_number(change.place);
    record.partition_key = wire::attribute_map_json(change.keys);
    record.arrived = change.time;
    record.event = event_of(found.stream, change);
  }
  batch.next = fixed(page.next);
  batch.at_end = page.at_end;
  co_return batch;
}

Task<bool> TableStreams::has_news(std::string stream_arn, std::string shard, StreamPosition from) const {
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const Found found = co_await find(*transaction, std::move(stream_arn), std::move(shard), std::move(from));
  const StreamPage page =
      co_await read_shard(*transaction, found.stream, found.shard, found.cursor, 1, 1, store_.clock().now());
  co_await transaction->commit();
  co_return !page.changes.empty() || found.shard.closed.has_value() || found.stream.disabled.has_value();
}

// First it says that it wants to be woken, then it looks: nothing can come in between unseen.
Task<void> TableStreams::wait(std::string stream_arn, std::string shard, StreamPosition from, SteadyTime deadline) {
  const std::optional<StreamName> name = parse_stream_arn(stream_arn);
  if (!name) co_return;
  const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
  const Result<Found> found = co_await attempt(find(*transaction, stream_arn, shard, from));
  if (!found.ok()) co_return;
  co_await transaction->commit();
  const std::string rows = found->stream.shard_rows(found->shard.id);
  const Deferred<bool> written = signals_.next_write(rows);
  // A position at the end moves with the records: what it means was settled above.
  StreamPosition settled = from.kind == StreamPosition::Kind::kLatest ? fixed(found->cursor) : from;
  const Result<bool> news = co_await attempt(has_news(stream_arn, shard, std::move(settled)));
  if (news.ok() && !*news) {
    Error elapsed(errors::kRequestTimeout, "");
    const Result<bool> woken = co_await attempt(written.wait_until(deadline, std::move(elapsed)));
    (void)woken;
  }
  signals_.forget(rows, written);
}

}  // namespace cumulet::dynamodb
