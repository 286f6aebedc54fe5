#include <algorithm>

#include "services/kinesis/errors.h"
#include "services/kinesis/iterator.h"
#include "services/kinesis/kinesis.h"
#include "services/kinesis/shapes.h"

namespace cumulet::kinesis {

namespace api = wire::kinesis;

namespace {

constexpr std::size_t kRecordsAtOnce = 10'000;
constexpr std::size_t kBytesAtOnce = 10u << 20;

Error expired_iterator(const ShardIterator& iterator, Timestamp now) {
  return Error(api::errors::kExpiredIteratorException,
               "Iterator expired. The iterator was created at time " + http_date(iterator.made) +
                   " while right now it is " + http_date(now) +
                   " which is further in the future than the tolerated delay of 300000 milliseconds.");
}

Error invalid_start(const Stream& stream, const std::string& shard, const std::string& sequence) {
  return invalid_argument("StartingSequenceNumber " + sequence + " used in GetShardIterator on shard " + shard +
                          " in stream " + stream.name + " under account " + stream.account + " is invalid.");
}

}  // namespace

void Kinesis::register_reading() {
  service_.on<api::GetShardIterator>([this](Call& c, const auto& in) { return get_shard_iterator(c, in); });
  service_.on<api::GetRecords>([this](Call& c, const auto& in) { return get_records(c, in); });
}

Task<Position> Kinesis::position_of(StreamPtr stream, const Shard& shard, const Start& start) {
  const std::string& type = start.type;
  const bool by_number = type == "AT_SEQUENCE_NUMBER" || type == "AFTER_SEQUENCE_NUMBER";
  if (by_number != start.sequence.has_value()) {
    co_await fail(invalid_argument(by_number
                                       ? "Must specify StartingSequenceNumber for iterator of type " + type +
                                             ". Current request has no sequence number."
                                       : "Cannot specify StartingSequenceNumber for iterator of type " + type + "."));
  }
  if (type == "AT_TIMESTAMP" && !start.timestamp) {
    co_await fail(
        invalid_argument("Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. "
                         "Current request has no timestamp parameter."));
  }
  if (by_number) {
    const std::optional<Sequence> sequence = parse_sequence_number(*start.sequence);
    if (!sequence || sequence->shard != shard.number) {
      co_await fail(invalid_start(*stream, shard_id(shard.number), *start.sequence));
    }
    co_return type == "AT_SEQUENCE_NUMBER" ? sequence->position : sequence->position + 1;
  }
  if (type == "AT_TIMESTAMP") {
    if (*start.timestamp > clock_.now()) {
      co_await fail(
          invalid_argument("The timestampInMillis parameter cannot be greater than the currentTimestampInMillis."));
    }
    co_return static_cast<Position>(std::max<std::int64_t>(0, start.timestamp->time_since_epoch().count()));
  }
  if (type == "LATEST") {
    const LiveStreamPtr live_stream = live(*stream);
    co_await live_stream->learn(database_, store_, std::vector<const Shard*>(1, &shard));
    co_return live_stream->with(shard.number, [](const LiveShard& at) { return at.last; }) + 1;
  }
  co_return Position{0};
}

Task<api::GetShardIteratorOutput> Kinesis::get_shard_iterator(Call& call, const api::GetShardIteratorInput& input) {
  co_await refuse_dry_run(input.dry_run);
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const StreamPtr stream = co_await stream_at(at);
  const std::optional<std::uint32_t> number = parse_shard_id(input.shard_id);
  const Shard* shard = number ? stream->find_shard(*number) : nullptr;
  if (shard == nullptr) {
    co_await fail(api::errors::kResourceNotFoundException, "Shard " + input.shard_id + " in stream " + stream->name +
                                                               " under account " + stream->account + " does not exist");
  }
  Start start;
  start.type = input.shard_iterator_type;
  start.sequence = input.starting_sequence_number;
  start.timestamp = input.timestamp;
  ShardIterator iterator;
  iterator.from = co_await position_of(stream, *shard, start);
  iterator.account = stream->account;
  iterator.region = stream->region;
  iterator.stream = stream->name;
  iterator.stream_id = stream->id;
  iterator.shard = shard->number;
  iterator.made = clock_.now();
  api::GetShardIteratorOutput output;
  output.shard_iterator = iterator.text();
  co_return output;
}

Task<Piece> Kinesis::read_piece(Address at, std::string id, std::uint32_t shard, Position from, std::size_t limit,
                                std::size_t bytes) {
  const auto read = [&](Transaction& txn) -> Task<Piece> {
    Piece piece;
    piece.stream = co_await require(txn, at);
    if (piece.stream->id != id) co_await fail(no_such_stream(at.account, at.name));
    piece.shard = piece.stream->find_shard(shard);
    if (piece.shard == nullptr) co_await fail(no_such_shard(*piece.stream, shard_id(shard)));
    piece.next = std::max(from, piece.stream->horizon(clock_.now()));
    Store::Page page = co_await store_.read(txn, id, shard, piece.next, limit, bytes);
    if (!page.records.empty()) piece.next = page.records.back().position + 1;
    piece.records = std::move(page.records);
    piece.caught_up = page.at_end;
    co_return piece;
  };
  co_return co_await storage::transact(database_, read);
}

std::vector<api::ChildShard> child_shards(const Stream& stream, std::uint32_t parent) {
  std::vector<api::ChildShard> children;
  for (const Shard& shard : stream.shards) {
    if (std::find(shard.parents.begin(), shard.parents.end(), parent) == shard.parents.end()) continue;
    api::ChildShard& child = children.emplace_back();
    child.shard_id = shard_id(shard.number);
    for (const std::uint32_t number : shard.parents) child.parent_shards.push_back(shard_id(number));
    child.hash_key_range.starting_hash_key = hash_key_text(shard.first_hash);
    child.hash_key_range.ending_hash_key = hash_key_text(shard.last_hash);
  }
  return children;
}

api::Record shown_record(StoredRecord record, std::uint32_t shard) {
  api::Record out;
  out.sequence_number = sequence_number(record.position, shard);
  out.approximate_arrival_timestamp = record.arrived();
  out.partition_key = std::move(record.partition_key);
  out.data = std::move(record.data);
  return out;
}

std::int64_t millis_behind(const std::vector<StoredRecord>& records, bool caught_up, Timestamp now) {
  if (caught_up || records.empty()) return 0;
  const auto behind = now - records.back().arrived();
  return std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::milliseconds>(behind).count());
}

Task<api::GetRecordsOutput> Kinesis::get_records(Call& call, const api::GetRecordsInput& input) {
  co_await refuse_dry_run(input.dry_run);
  std::optional<ShardIterator> iterator = parse_iterator(input.shard_iterator);
  if (!iterator || iterator->account != call.account() || iterator->region != call.region) {
    co_await fail(invalid_argument("Invalid ShardIterator."));
  }
  const Timestamp now = clock_.now();
  if (now - iterator->made > kTokenLife) co_await fail(expired_iterator(*iterator, now));
  const Address at(iterator->account, iterator->region, iterator->stream);
  const StreamPtr stream = co_await stream_at(at);
  const Shard* shard = stream->id == iterator->stream_id ? stream->find_shard(iterator->shard) : nullptr;
  if (shard == nullptr) co_await fail(no_such_shard(*stream, shard_id(iterator->shard)));
  const LiveStreamPtr live_stream = live(*stream);
  co_await live_stream->learn(database_, store_, std::vector<const Shard*>(1, shard));
  const bool limited = options_.shard_limits > 0;
  const bool allowed = !limited || live_stream->with(iterator->shard, [now](LiveShard& at) {
    Throughput& throughput = at.throughput;
    if (!throughput.reads.has(1, now) || !throughput.read_bytes.has(1, now)) return false;
    throughput.reads.take(1);
    return true;
  });
  observe(at, "ReadProvisionedThroughputExceeded", allowed ? 0 : 1);
  if (!allowed) co_await fail(too_fast(*stream, iterator->shard));

  const auto limit = static_cast<std::size_t>(input.limit.value_or(kRecordsAtOnce));
  Piece piece = co_await read_piece(at, iterator->stream_id, iterator->shard, iterator->from, limit, kBytesAtOnce);
  std::size_t size = 0;
  for (const StoredRecord& record : piece.records) size += record.data.size() + record.partition_key.size();
  if (size > kBytesAtOnce && piece.records.size() > 1) {
    // The last one went beyond the limit.
    piece.next = piece.records.back().position;
    piece.records.pop_back();
    piece.caught_up = false;
  }
  if (limited) {
    live_stream->with(iterator->shard, [size](LiveShard& at) {
      at.throughput.read_bytes.take(static_cast<double>(size));
      return true;
    });
  }

  observe(at, "GetRecords.Records", static_cast<double>(piece.records.size()));
  observe(at, "GetRecords.Bytes", static_cast<double>(size), "Bytes");
  api::GetRecordsOutput output;
  output.millis_behind_latest = millis_behind(piece.records, piece.caught_up, now);
  observe(at, "GetRecords.IteratorAgeMilliseconds", static_cast<double>(*output.millis_behind_latest), "Milliseconds");
  output.records.reserve(piece.records.size());
  for (StoredRecord& record : piece.records) output.records.push_back(shown_record(std::move(record), iterator->shard));
  if (piece.ended()) {
    output.child_shards = child_shards(*piece.stream, iterator->shard);
  } else {
    iterator->from = piece.next;
    iterator->made = now;
    output.next_shard_iterator = iterator->text();
  }
  co_return output;
}

}  // namespace cumulet::kinesis
