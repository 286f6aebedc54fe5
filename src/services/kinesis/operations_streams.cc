#include <algorithm>

#include "base/ids.h"
#include "base/text.h"
#include "services/kinesis/errors.h"
#include "services/kinesis/iterator.h"
#include "services/kinesis/kinesis.h"
#include "services/kinesis/shapes.h"
#include "storage/row.h"

namespace cumulet::kinesis {

namespace api = wire::kinesis;

namespace {

constexpr const char* kByPartitionKey = "USER_PARTITION_KEY";
constexpr std::uint32_t kShardLimit = 20'000;
constexpr std::uint32_t kOnDemandStreamLimit = 50;
constexpr std::size_t kPageOfStreams = 100;
constexpr std::size_t kPageOfShards = 1000;

std::string new_stream_id() { return random_id(20) + "-" + random_id(3); }

api::Shard shown_shard(const Stream& stream, const Shard& shard) {
  api::Shard out;
  out.shard_id = shard_id(shard.number);
  if (!shard.parents.empty() && stream.find_shard(shard.parents[0])) out.parent_shard_id = shard_id(shard.parents[0]);
  if (shard.parents.size() > 1 && stream.find_shard(shard.parents[1])) {
    out.adjacent_parent_shard_id = shard_id(shard.parents[1]);
  }
  out.hash_key_range.starting_hash_key = hash_key_text(shard.first_hash);
  out.hash_key_range.ending_hash_key = hash_key_text(shard.last_hash);
  out.sequence_number_range.starting_sequence_number = sequence_number(shard.first, shard.number);
  if (shard.last) out.sequence_number_range.ending_sequence_number = sequence_number(*shard.last, shard.number);
  return out;
}

std::vector<api::EnhancedMetrics> monitoring(const Stream& stream) {
  std::vector<api::EnhancedMetrics> list(1);
  list.front().shard_level_metrics = stream.shard_metrics;
  return list;
}

api::StreamModeDetails mode_of(const Stream& stream) {
  api::StreamModeDetails mode;
  mode.stream_mode = stream.on_demand ? "ON_DEMAND" : "PROVISIONED";
  return mode;
}

Timestamp to_second(Timestamp time) { return std::chrono::floor<std::chrono::seconds>(time); }

/// Where a list of shards goes on.
struct ShardsToken {
  std::string name;
  std::string filter;
  std::uint64_t time = 0;
  std::uint64_t after = 0;
  Timestamp made;
};

std::string token_text(const ShardsToken& token) {
  storage::RowWriter row;
  row.text(token.name).text(token.filter).number(token.time).number(token.after);
  row.signed_number(token.made.time_since_epoch().count()).boolean(true);  // What is cut short lacks the last.
  return base64_encode(std::move(row).bytes());
}

std::optional<ShardsToken> parse_token(const std::string& text) {
  const std::optional<std::string> bytes = base64_decode(text);
  if (!bytes) return std::nullopt;
  storage::RowReader row(*bytes);
  ShardsToken token;
  token.name = row.text();
  token.filter = row.text();
  token.time = row.number();
  token.after = row.number();
  token.made = Timestamp(std::chrono::microseconds(row.signed_number()));
  if (!row.boolean() || !row.ok() || !row.at_end() || token.name.empty()) return std::nullopt;
  return token;
}

/// Whether a shard is one of those that a filter asks for.
bool asked_for(const Shard& shard, const std::string& filter, Position time, Position horizon) {
  const auto open_since = [&shard](Position from) { return shard.open() || *shard.last >= from; };
  if (!open_since(horizon)) return false;  // All its records have expired.
  if (filter == "AT_LATEST") return shard.open();
  if (filter == "AT_TRIM_HORIZON") return shard.first <= horizon || shard.parents.empty();
  if (filter == "AT_TIMESTAMP") return shard.first <= std::max(time, horizon) && open_since(time);
  if (filter == "FROM_TIMESTAMP") return open_since(time);
  return true;
}

}  // namespace

void Kinesis::register_streams() {
  service_.on<api::CreateStream>([this](Call& c, const auto& in) { return create_stream(c, in); });
  service_.on<api::DeleteStream>([this](Call& c, const auto& in) { return delete_stream(c, in); });
  service_.on<api::DescribeStream>([this](Call& c, const auto& in) { return describe_stream(c, in); });
  service_.on<api::DescribeStreamSummary>([this](Call& c, const auto& in) { return describe_stream_summary(c, in); });
  service_.on<api::ListStreams>([this](Call& c, const auto& in) { return list_streams(c, in); });
  service_.on<api::ListShards>([this](Call& c, const auto& in) { return list_shards(c, in); });
  service_.on<api::DescribeLimits>([this](Call& c, const auto& in) { return describe_limits(c, in); });
}

Task<Kinesis::Usage> Kinesis::usage(Transaction& txn, std::string account, std::string region) {
  Usage usage;
  std::string after;
  while (true) {
    const std::vector<Stream> streams = co_await store_.list(txn, account, region, after, kPageOfStreams);
    for (const Stream& stream : streams) {
      usage.on_demand_streams += stream.on_demand ? 1 : 0;
      usage.open_shards += stream.on_demand ? 0 : stream.open_shards;
    }
    if (streams.size() < kPageOfStreams) co_return usage;
    after = streams.back().name;
  }
}

Task<void> Kinesis::require_room(Transaction& txn, const Call& call, std::uint32_t more) {
  const Usage used = co_await usage(txn, call.account(), call.region);
  if (used.open_shards + more <= kShardLimit) co_return;
  co_await fail(
      api::errors::kLimitExceededException,
      "This request would exceed the shard limit for the account " + call.account() + " in " + call.region +
          ". Current shard count for the account: " + std::to_string(used.open_shards) +
          ". Limit: " + std::to_string(kShardLimit) +
          ". Number of additional shards that would have resulted from this request: " + std::to_string(more) +
          ". Refer to the AWS Service Limits page "
          "(https://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current limits and how "
          "to request higher limits.");
}

Task<void> Kinesis::require_on_demand(Transaction& txn, const Call& call) {
  const Usage used = co_await usage(txn, call.account(), call.region);
  if (used.on_demand_streams < kOnDemandStreamLimit) co_return;
  co_await fail(api::errors::kLimitExceededException,
                "This request would exceed the on-demand stream limit for the account " + call.account() + ".");
}

Task<api::CreateStreamOutput> Kinesis::create_stream(Call& call, const api::CreateStreamInput& input) {
  const bool on_demand = input.stream_mode_details && input.stream_mode_details->stream_mode == "ON_DEMAND";
  if (!on_demand && !input.shard_count) {
    co_await fail(api::errors::kValidationException,
                  "ShardCount must be specified when the stream mode is PROVISIONED.");
  }
  if (on_demand && input.shard_count) {
    co_await fail(api::errors::kValidationException,
                  "ShardCount must not be specified when the stream mode is ON_DEMAND.");
  }
  if (input.record_distribution_strategy.value_or(kByPartitionKey) != kByPartitionKey) {
    co_await fail(
        api::errors::kValidationException,
        "RecordDistributionStrategy " + *input.record_distribution_strategy + " is not supported by this server.");
  }
  if (input.warm_throughput_mi_bps) {
    co_await fail(api::errors::kValidationException,
                  "WarmThroughputMiBps needs an account with a minimum throughput billing commitment.");
  }
  const std::uint32_t count = on_demand ? kOnDemandShards : static_cast<std::uint32_t>(*input.shard_count);
  if (count > kShardLimit) {
    const auto check = [&](Transaction& txn) { return require_room(txn, call, count); };
    co_await storage::transact(database_, check);
  }
  Stream stream;
  stream.account = call.account();
  stream.region = call.region;
  stream.name = input.stream_name;
  stream.id = new_stream_id();
  stream.created = clock_.now();
  stream.on_demand = on_demand;
  if (input.max_record_size_in_ki_b) stream.max_record_kib = static_cast<std::uint32_t>(*input.max_record_size_in_ki_b);
  stream.shards = equal_shards(count, static_cast<Position>(stream.created.time_since_epoch().count()));
  stream.next_shard = count;
  const auto create = [&](Transaction& txn) -> Task<void> {
    if (co_await store_.find(txn, stream.account, stream.region, stream.name) != nullptr) {
      co_await fail(api::errors::kResourceInUseException,
                    "Stream " + stream.name + " under account " + stream.account + " already exists.");
    }
    if (on_demand) {
      co_await require_on_demand(txn, call);
    } else {
      co_await require_room(txn, call, count);
    }
    store_.put(txn, stream);
    StreamExtras extras;
    if (input.tags) extras.tags = *input.tags;
    store_.put_extras(txn, stream.id, extras);
  };
  co_await storage::transact(database_, create);
  co_return api::CreateStreamOutput();
}

Task<api::DeleteStreamOutput> Kinesis::delete_stream(Call& call, const api::DeleteStreamInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const bool with_consumers = input.enforce_consumer_deletion.value_or(false);
  const auto erase = [&](Transaction& txn) -> Task<StreamPtr> {
    const StreamPtr stream = co_await require(txn, at);
    const std::vector<Consumer> consumers = co_await store_.list_consumers(txn, stream->id, "", 100);
    if (!consumers.empty() && !with_consumers) {
      co_await fail(api::errors::kResourceInUseException,
                    "Stream " + at.name + " under account " + at.account +
                        " has registered consumers. To delete it with them, set EnforceConsumerDeletion.");
    }
    for (const Consumer& consumer : consumers) store_.erase_consumer(txn, stream->id, consumer);
    store_.erase(txn, *stream);
    co_return stream;
  };
  const StreamPtr stream = co_await storage::transact(database_, erase);
  live(*stream)->changed();
  {
    std::lock_guard lock(mutex_);
    live_.erase(stream->id);
  }
  wake_sweep();
  co_return api::DeleteStreamOutput();
}

Task<api::DescribeStreamOutput> Kinesis::describe_stream(Call& call, const api::DescribeStreamInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const StreamPtr stream = co_await stream_at(at);
  api::DescribeStreamOutput output;
  api::StreamDescription& out = output.stream_description;
  out.stream_name = stream->name;
  out.stream_arn = stream->arn();
  out.stream_status = "ACTIVE";
  out.stream_mode_details = mode_of(*stream);
  out.retention_period_hours = static_cast<std::int32_t>(stream->retention_hours);
  out.stream_creation_timestamp = to_second(stream->created);
  out.enhanced_monitoring = monitoring(*stream);
  out.encryption_type = "NONE";
  std::optional<std::uint32_t> after;
  if (input.exclusive_start_shard_id) {
    after = parse_shard_id(*input.exclusive_start_shard_id);
    if (!after) co_await fail(no_such_shard(*stream, *input.exclusive_start_shard_id));
  }
  const auto limit = static_cast<std::size_t>(input.limit.value_or(100));
  const Position horizon = stream->horizon(clock_.now());
  for (const Shard& shard : stream->shards) {
    if ((after && shard.number <= *after) || !asked_for(shard, "", 0, horizon)) continue;
    if (out.shards.size() == limit) {
      out.has_more_shards = true;
      break;
    }
    out.shards.push_back(shown_shard(*stream, shard));
  }
  co_return output;
}

Task<api::DescribeStreamSummaryOutput> Kinesis::describe_stream_summary(Call& call,
                                                                        const api::DescribeStreamSummaryInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  std::size_t consumers = 0;
  const auto read = [&](Transaction& txn) -> Task<StreamPtr> {
    StreamPtr stream = co_await require(txn, at);
    consumers = (co_await store_.list_consumers(txn, stream->id, "", 100)).size();
    co_return stream;
  };
  const StreamPtr stream = co_await storage::transact(database_, read);
  api::DescribeStreamSummaryOutput output;
  api::StreamDescriptionSummary& out = output.stream_description_summary;
  out.stream_name = stream->name;
  out.stream_arn = stream->arn();
  out.stream_id = stream->id;
  out.stream_status = "ACTIVE";
  out.stream_mode_details = mode_of(*stream);
  out.retention_period_hours = static_cast<std::int32_t>(stream->retention_hours);
  out.stream_creation_timestamp = to_second(stream->created);
  out.enhanced_monitoring = monitoring(*stream);
  out.encryption_type = "NONE";
  out.open_shard_count = static_cast<std::int32_t>(stream->open_shards);
  out.consumer_count = static_cast<std::int32_t>(consumers);
  out.max_record_size_in_ki_b = static_cast<std::int32_t>(stream->max_record_kib);
  co_return output;
}

Task<api::ListStreamsOutput> Kinesis::list_streams(Call& call, const api::ListStreamsInput& input) {
  const auto limit = static_cast<std::size_t>(input.limit.value_or(100));
  std::string after = input.exclusive_start_stream_name.value_or("");
  if (input.next_token) {
    const std::optional<std::string> token = base64_decode(*input.next_token);
    if (!token) co_await fail(invalid_argument("NextToken is invalid."));
    after = *token;
  }
  const auto read = [&](Transaction& txn) { return store_.list(txn, call.account(), call.region, after, limit + 1); };
  std::vector<Stream> streams = co_await storage::transact(database_, read);
  api::ListStreamsOutput output;
  output.has_more_streams = streams.size() > limit;
  if (output.has_more_streams) {
    streams.resize(limit);
    output.next_token = base64_encode(streams.back().name);
  }
  output.stream_summaries.emplace();
  for (const Stream& stream : streams) {
    output.stream_names.push_back(stream.name);
    api::StreamSummary& summary = output.stream_summaries->emplace_back();
    summary.stream_name = stream.name;
    summary.stream_arn = stream.arn();
    summary.stream_status = "ACTIVE";
    summary.stream_mode_details = mode_of(stream);
    summary.stream_creation_timestamp = to_second(stream.created);
  }
  co_return output;
}

namespace {

Result<ShardsToken> first_page(const api::ListShardsInput& input, const std::string& name) {
  ShardsToken token;
  token.name = name;
  const auto start_after = [&token](const std::string& text) {
    const std::optional<std::uint32_t> number = parse_shard_id(text);
    if (number) token.after = *number + std::uint64_t{1};
    return number.has_value();
  };
  if (input.exclusive_start_shard_id && !start_after(*input.exclusive_start_shard_id)) {
    return invalid_argument("ExclusiveStartShardId " + *input.exclusive_start_shard_id + " is invalid.");
  }
  if (!input.shard_filter) return token;
  const api::ShardFilter& filter = *input.shard_filter;
  token.filter = filter.type;
  const bool timed = filter.type == "AT_TIMESTAMP" || filter.type == "FROM_TIMESTAMP";
  if (timed && !filter.timestamp) return invalid_argument("ShardFilter of type " + filter.type + " needs a Timestamp.");
  if (!timed && filter.timestamp) {
    return invalid_argument("ShardFilter of type " + filter.type + " takes no Timestamp.");
  }
  if (timed)
    token.time = static_cast<Position>(std::max<std::int64_t>(0, filter.timestamp->time_since_epoch().count()));
  const bool after_shard = filter.type == "AFTER_SHARD_ID";
  if (after_shard != filter.shard_id.has_value()) {
    return invalid_argument(after_shard ? "ShardFilter of type AFTER_SHARD_ID needs a ShardId."
                                        : "ShardFilter of type " + filter.type + " takes no ShardId.");
  }
  if (after_shard && !start_after(*filter.shard_id)) {
    return invalid_argument("ShardId " + *filter.shard_id + " of the ShardFilter is invalid.");
  }
  return token;
}

}  // namespace

Task<api::ListShardsOutput> Kinesis::list_shards(Call& call, const api::ListShardsInput& input) {
  ShardsToken token;
  std::optional<Address> at;
  const Timestamp now = clock_.now();
  if (input.next_token) {
    if (input.stream_name || input.stream_arn || input.stream_creation_timestamp || input.exclusive_start_shard_id) {
      co_await fail(invalid_argument("NextToken and StreamName cannot be provided together."));
    }
    const std::optional<ShardsToken> parsed = parse_token(*input.next_token);
    if (!parsed) co_await fail(invalid_argument("NextToken is invalid."));
    token = *parsed;
    if (now - token.made > kTokenLife) {
      co_await fail(api::errors::kExpiredNextTokenException, "NextToken has expired.");
    }
    at.emplace(call.account(), call.region, token.name);
  } else {
    at = co_await address(call, input.stream_name, input.stream_arn);
    token = co_await first_page(input, at->name);
  }
  const StreamPtr stream = co_await stream_at(*at);
  if (input.stream_creation_timestamp && to_second(*input.stream_creation_timestamp) != to_second(stream->created)) {
    co_await fail(no_such_stream(at->account, at->name));
  }
  const std::size_t limit = std::min<std::size_t>(kPageOfShards, input.max_results.value_or(kPageOfShards));
  const Position horizon = stream->horizon(now);
  api::ListShardsOutput output;
  output.shards.emplace();
  for (const Shard& shard : stream->shards) {
    if (shard.number < token.after || !asked_for(shard, token.filter, token.time, horizon)) continue;
    if (output.shards->size() == limit) {
      token.after = shard.number;
      token.made = now;
      output.next_token = token_text(token);
      break;
    }
    output.shards->push_back(shown_shard(*stream, shard));
  }
  co_return output;
}

Task<api::DescribeLimitsOutput> Kinesis::describe_limits(Call& call, const api::DescribeLimitsInput&) {
  const auto read = [&](Transaction& txn) { return usage(txn, call.account(), call.region); };
  const Usage used = co_await storage::transact(database_, read);
  api::DescribeLimitsOutput output;
  output.shard_limit = static_cast<std::int32_t>(kShardLimit);
  output.open_shard_count = static_cast<std::int32_t>(used.open_shards);
  output.on_demand_stream_count = static_cast<std::int32_t>(used.on_demand_streams);
  output.on_demand_stream_count_limit = static_cast<std::int32_t>(kOnDemandStreamLimit);
  co_return output;
}

}  // namespace cumulet::kinesis
