#include "base/text.h"
#include "services/kinesis/errors.h"
#include "services/kinesis/kinesis.h"
#include "services/kinesis/shapes.h"
#include "wire/json_writer.h"
#include "wire/scalars.h"

/// Streams as event source mappings read them.
namespace cumulet::kinesis {
namespace {

/// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
std::string event_of(const StoredRecord& record, const std::string& shard, const std::string& sequence) {
  wire::JsonWriter json(record.data.size() * 4 / 3 + 512);
  json.begin_object().key("kinesis").begin_object();
  json.key("kinesisSchemaVersion").string("1.0");
  json.key("partitionKey").string(record.partition_key);
  json.key("sequenceNumber").string(sequence);
  json.key("data").string(base64_encode(record.data));
  json.key("approximateArrivalTimestamp").raw(wire::epoch_text(record.arrived()));
  json.end_object();
  json.key("eventSource").string("aws:kinesis");
  json.key("eventVersion").string("1.0");
  json.key("eventID").string(shard + ":" + sequence);
  json.key("eventName").string("aws:kinesis:record");
  json.end_object();
  return json.take();
}

Result<std::uint32_t> shard_number(const Stream& stream, const std::string& shard) {
  const std::optional<std::uint32_t> number = parse_shard_id(shard);
  if (!number || stream.find_shard(*number) == nullptr) return no_such_shard(stream, shard);
  return *number;
}

Start start_of(const events::StreamPosition& from) {
  Start start;
  switch (from.kind) {
    case events::StreamPosition::Kind::kTrimHorizon:
      start.type = "TRIM_HORIZON";
      break;
    case events::StreamPosition::Kind::kLatest:
      start.type = "LATEST";
      break;
    case events::StreamPosition::Kind::kAtTimestamp:
      start.type = "AT_TIMESTAMP";
      start.timestamp = from.timestamp;
      break;
    case events::StreamPosition::Kind::kAfterSequenceNumber:
      start.type = "AFTER_SEQUENCE_NUMBER";
      start.sequence = from.sequence_number;
      break;
  }
  return start;
}

}  // namespace

Task<std::vector<events::StreamShard>> Kinesis::shards(std::string stream_arn) {
  const std::optional<Address> at = address_of(stream_arn);
  if (!at) co_await fail(invalid_argument("Not the ARN of a stream: " + stream_arn));
  const StreamPtr stream = co_await stream_at(*at);
  const Position horizon = stream->horizon(clock_.now());
  std::vector<events::StreamShard> shards;
  for (const Shard& shard : stream->shards) {
    if (!shard.open() && *shard.last < horizon) continue;
    events::StreamShard& out = shards.emplace_back();
    out.id = shard_id(shard.number);
    for (const std::uint32_t parent : shard.parents) out.parents.push_back(shard_id(parent));
    out.closed = !shard.open();
  }
  co_return shards;
}

Task<events::StreamBatch> Kinesis::read(std::string stream_arn, std::string shard, events::StreamPosition from,
                                        std::size_t limit, std::size_t bytes) {
  const std::optional<Address> at = address_of(stream_arn);
  if (!at) co_await fail(invalid_argument("Not the ARN of a stream: " + stream_arn));
  const StreamPtr stream = co_await stream_at(*at);
  const std::uint32_t number = co_await shard_number(*stream, shard);
  const Start start = start_of(from);
  const Position begin = co_await position_of(stream, *stream->find_shard(number), start);
  const Piece piece = co_await read_piece(*at, stream->id, number, begin, limit, bytes);
  events::StreamBatch batch;
  batch.records.reserve(piece.records.size());
  for (const StoredRecord& record : piece.records) {
    events::StreamRecord& out = batch.records.emplace_back();
    out.sequence_number = sequence_number(record.position, number);
    out.arrived = record.arrived();
    out.event = event_of(record, shard, out.sequence_number);
    out.partition_key = record.partition_key;
  }
  batch.next = events::StreamPosition::after(sequence_number(piece.next - 1, number));
  batch.at_end = piece.ended();
  co_return batch;
}

Task<void> Kinesis::wait(std::string stream_arn, std::string shard, events::StreamPosition from, SteadyTime deadline) {
  const std::optional<Address> at = address_of(stream_arn);
  if (!at) co_await fail(invalid_argument("Not the ARN of a stream: " + stream_arn));
  StreamPtr stream = co_await stream_at(*at);
  const std::uint64_t changes = live(*stream)->changes();
  stream = co_await stream_at(*at);
  const std::uint32_t number = co_await shard_number(*stream, shard);
  const Shard& here = *stream->find_shard(number);
  if (!here.open()) co_return;
  const Start start = start_of(from);
  const Position begin = co_await position_of(stream, here, start);
  const LiveStreamPtr live_stream = live(*stream);
  co_await live_stream->learn(database_, store_, std::vector<const Shard*>(1, &here));
  co_await live_stream->wait(number, begin, changes, deadline);
}

}  // namespace cumulet::kinesis
