#include <algorithm>

#include "services/kinesis/errors.h"
#include "services/kinesis/kinesis.h"

namespace cumulet::kinesis {

namespace api = wire::kinesis;

namespace {

constexpr std::size_t kRequestLimit = 10u << 20;
constexpr int kAttempts = 50;

Error too_large(std::size_t limit, const std::string& where) {
  return Error(api::errors::kValidationException, "1 validation error detected: Value at '" + where +
                                                      "' failed to satisfy constraint: Member must have length less "
                                                      "than or equal to " +
                                                      std::to_string(limit));
}

}  // namespace

/// A record on its way into a stream, and where it came to lie.
struct Kinesis::Write {
  Write(std::string_view key, std::string_view bytes) : partition_key(key), data(bytes) {}
  std::string_view partition_key;  ///< The caller's, as the data is.
  std::string_view data;
  HashKey hash = 0;
  std::uint32_t shard = 0;
  Position position = 0;  ///< 0: the shard had no throughput for it.
};

struct Kinesis::WritePlan {
  WritePlan() = default;
  StreamPtr stream;
  LiveStreamPtr live;
  std::vector<std::string> values;
};

void Kinesis::register_records() {
  service_.on<api::PutRecord>([this](Call& c, const auto& in) { return put_record(c, in); });
  service_.on<api::PutRecords>([this](Call& c, const auto& in) { return put_records(c, in); });
}

namespace {

/// Required of streams that go by partition keys; all do.
Error no_partition_key(const std::string& where) {
  return Error(api::errors::kValidationException, "1 validation error detected: Value null at '" + where +
                                                      "' failed to satisfy constraint: Member must not be null");
}

Result<HashKey> hash_for(std::string_view partition_key, const std::optional<std::string>& explicit_hash) {
  if (!explicit_hash) return hash_of(partition_key);
  const std::optional<HashKey> hash = parse_hash_key(*explicit_hash);
  if (!hash) {
    return invalid_argument(
        "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was " +
        *explicit_hash);
  }
  return *hash;
}

}  // namespace

Task<Kinesis::WritePlan> Kinesis::plan(Transaction& txn, const Address& at, std::vector<Write>& records) {
  WritePlan plan;
  plan.stream = co_await require(txn, at);
  plan.live = live(*plan.stream);
  const std::size_t limit = plan.stream->max_record_kib * std::size_t{1024};
  std::vector<const Shard*> shards;
  plan.values.reserve(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    Write& record = records[i];
    if (record.data.size() + record.partition_key.size() > limit) {
      const std::string where = records.size() == 1 ? "data" : "records." + std::to_string(i + 1) + ".member.data";
      co_await fail(too_large(limit, where));
    }
    const Shard& shard = plan.stream->route(record.hash);
    record.shard = shard.number;
    if (std::find(shards.begin(), shards.end(), &shard) == shards.end()) shards.push_back(&shard);
    plan.values.push_back(Store::record_value(record.partition_key, record.data));
  }
  co_await plan.live->learn(database_, store_, std::move(shards));
  co_return plan;
}

Task<void> Kinesis::write(Address at, std::vector<Write>& records) {
  for (int attempts = 0; attempts < kAttempts; ++attempts) {
    const std::unique_ptr<Transaction> txn = database_.begin();
    Result<WritePlan> planned = co_await attempt(plan(*txn, at, records));
    if (!planned.ok()) {
      if (planned.error().is(cumulet::errors::kTransactionConflict)) continue;
      co_await txn->give_up();
      co_await fail(planned.error());
    }
    WritePlan& plan = *planned;
    const bool limited = options_.shard_limits > 0;
    const bool metered = plan.stream->on_demand;
    std::map<std::uint32_t, Position> written;
    const auto put = [&](LiveStream::Shards& shards) {
      const Timestamp now = clock_.now();
      for (std::size_t i = 0; i < records.size(); ++i) {
        Write& record = records[i];
        LiveShard& shard = shards.at(record.shard);
        const auto size = static_cast<double>(record.data.size() + record.partition_key.size());
        record.position = 0;
        if (metered) shard.sample.add(record.hash);
        if (limited) {
          Throughput& throughput = shard.throughput;
          if (!throughput.write_records.has(1, now) || !throughput.write_bytes.has(size, now)) continue;
          throughput.write_records.take(1);
          throughput.write_bytes.take(size);
        }
        record.position = shard.next(now);
        written[record.shard] = record.position;
        if (metered) {
          shard.meter.add(now, Load(1, record.data.size() + record.partition_key.size()));
        }
        txn->put(Store::record_key(plan.stream->id, record.shard, record.position), std::move(plan.values[i]));
      }
    };
    const Result<void> committed = co_await attempt(plan.live->commit(*txn, put));
    if (committed.ok()) {
      plan.live->written(written);
      observe_written(at, records);
      if (metered) count_written(*plan.live, at, records);
      co_return;
    }
    if (!committed.error().is(cumulet::errors::kTransactionConflict)) co_await fail(committed.error());
  }
  co_await fail(cumulet::errors::kServiceUnavailable, "The stream was changed too often meanwhile. Please retry.");
}

void Kinesis::count_written(LiveStream& live, const Address& at, const std::vector<Write>& records) {
  Load load;
  for (const Write& record : records) {
    if (record.position == 0) continue;
    ++load.records;
    load.bytes += record.data.size() + record.partition_key.size();
  }
  if (live.count(clock_.now(), load)) scale_soon(at);
}

void Kinesis::observe_written(const Address& at, const std::vector<Write>& records) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  for (const Write& record : records) {
    if (record.position == 0) continue;
    ++count;
    bytes += record.data.size();
  }
  observe(at, "IncomingRecords", static_cast<double>(count));
  observe(at, "IncomingBytes", static_cast<double>(bytes), "Bytes");
  observe(at, "WriteProvisionedThroughputExceeded", static_cast<double>(records.size() - count));
}

Task<api::PutRecordOutput> Kinesis::put_record(Call& call, const api::PutRecordInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  co_await refuse_dry_run(input.dry_run);
  std::vector<Write> records;
  if (!input.partition_key) co_await fail(no_partition_key("partitionKey"));
  records.emplace_back(*input.partition_key, input.data);
  records.front().hash = co_await hash_for(*input.partition_key, input.explicit_hash_key);
  if (input.sequence_number_for_ordering && !parse_sequence_number(*input.sequence_number_for_ordering)) {
    co_await fail(invalid_argument("ExclusiveMinimumSequenceNumber " + *input.sequence_number_for_ordering +
                                   " used in PutRecord on stream " + at.name + " under account " + at.account +
                                   " is invalid."));
  }
  co_await write(at, records);
  const Write& record = records.front();
  if (record.position == 0) {
    const StreamPtr stream = co_await stream_at(at);
    co_await fail(too_fast(*stream, record.shard));
  }
  api::PutRecordOutput output;
  output.shard_id = shard_id(record.shard);
  output.sequence_number = sequence_number(record.position, record.shard);
  co_return output;
}

Task<api::PutRecordsOutput> Kinesis::put_records(Call& call, const api::PutRecordsInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  co_await refuse_dry_run(input.dry_run);
  std::vector<Write> records;
  records.reserve(input.records.size());
  std::size_t size = 0;
  for (const api::PutRecordsRequestEntry& entry : input.records) {
    if (!entry.partition_key) {
      co_await fail(no_partition_key("records." + std::to_string(records.size() + 1) + ".member.partitionKey"));
    }
    Write& record = records.emplace_back(*entry.partition_key, entry.data);
    record.hash = co_await hash_for(*entry.partition_key, entry.explicit_hash_key);
    size += entry.data.size() + entry.partition_key->size();
  }
  if (size > kRequestLimit) co_await fail(invalid_argument("Records size exceeds 10 MB limit"));
  co_await write(at, records);
  api::PutRecordsOutput output;
  output.records.reserve(records.size());
  output.failed_record_count = 0;
  for (const Write& record : records) {
    api::PutRecordsResultEntry& entry = output.records.emplace_back();
    if (record.position == 0) {
      entry.error_code = "ProvisionedThroughputExceededException";
      entry.error_message = "Rate exceeded for shard " + shard_id(record.shard) + " in stream " + at.name +
                            " under account " + at.account + ".";
      ++*output.failed_record_count;
    } else {
      entry.shard_id = shard_id(record.shard);
      entry.sequence_number = sequence_number(record.position, record.shard);
    }
  }
  co_return output;
}

/// A shard without throughput is tried again.
Task<events::Outcome> Kinesis::deliver(const events::Event& event) {
  const std::optional<Address> at = address_of(event.target_arn);
  if (!at) co_return events::Outcome::dropped("not a stream: " + event.target_arn);
  std::string partition_key = event.id;
  for (const char* name : {"PartitionKey", "@PartitionKey"}) {
    const auto given = event.attributes.find(name);
    if (given != event.attributes.end() && !given->second.empty()) partition_key = given->second;
  }
  std::vector<Write> records;
  records.emplace_back(std::string_view(partition_key).substr(0, 256), event.payload);
  records.front().hash = hash_of(records.front().partition_key);
  const Result<void> written = co_await attempt(write(*at, records));
  if (!written.ok() && written.error().http_status() < 500)
    co_return events::Outcome::dropped(written.error().message());
  if (!written.ok()) co_return written.error();
  if (records.front().position == 0)
    co_return events::Outcome::retry(std::chrono::seconds(1), "the shard is at its limit");
  co_return events::Outcome::delivered();
}

}  // namespace cumulet::kinesis
