#include <algorithm>

#include "services/kinesis/errors.h"
#include "services/kinesis/kinesis.h"
#include "wire/arn.h"

/// Splitting and merging shards. A closed shard ends, and those that take over begin, between the records written
/// before and after: positions are given under the same lock as those of records.
namespace cumulet::kinesis {

namespace api = wire::kinesis;

namespace {

constexpr int kAttempts = 50;
constexpr std::size_t kScalingsADay = 10;
constexpr std::int32_t kMostShards = 10'000;
constexpr std::chrono::hours kDay{24};

Error no_longer_open(const Stream& stream, const std::string& shard) {
  return Error(api::errors::kResourceInUseException,
               "Shard " + shard + " in stream " + stream.name + " under account " + stream.account +
                   " has already been merged or split, and thus is not eligible for merging or splitting.");
}

Error provisioned_only(const Stream& stream, const std::string& operation) {
  return Error(api::errors::kValidationException, "Request is invalid. Stream " + stream.name + " under account " +
                                                      stream.account + " is in On-Demand mode: " + operation +
                                                      " is for streams in Provisioned mode only.");
}

/// The open shard of that id.
Result<const Shard*> open_shard(const Stream& stream, const std::string& id) {
  const std::optional<std::uint32_t> number = parse_shard_id(id);
  const Shard* shard = number ? stream.find_shard(*number) : nullptr;
  if (shard == nullptr) return no_such_shard(stream, id);
  if (!shard->open()) return no_longer_open(stream, id);
  return shard;
}

}  // namespace

void Kinesis::register_resharding() {
  service_.on<api::SplitShard>([this](Call& c, const auto& in) { return split_shard(c, in); });
  service_.on<api::MergeShards>([this](Call& c, const auto& in) { return merge_shards(c, in); });
  service_.on<api::UpdateShardCount>([this](Call& c, const auto& in) { return update_shard_count(c, in); });
}

Task<void> Kinesis::reshard(PlanResharding plan) {
  for (int attempts = 0; attempts < kAttempts; ++attempts) {
    const std::unique_ptr<Transaction> txn = database_.begin();
    Stream changed;
    const Result<Resharding> planned = co_await attempt(plan(*txn, changed));
    if (!planned.ok()) {
      if (planned.error().is(cumulet::errors::kTransactionConflict)) continue;
      co_await txn->give_up();
      co_await fail(planned.error());
    }
    const LiveStreamPtr stream = live(changed);
    std::vector<const Shard*> closing;
    for (const std::uint32_t number : planned->closed) closing.push_back(changed.find_shard(number));
    co_await stream->learn(database_, store_, closing);
    const auto write = [&](LiveStream::Shards& shards) {
      const Timestamp now = clock_.now();
      Position border = static_cast<Position>(now.time_since_epoch().count());
      for (const std::uint32_t number : planned->closed) border = std::max(border, shards.at(number).next(now));
      for (Shard& shard : changed.shards) {
        const auto& closed = planned->closed;
        if (std::find(closed.begin(), closed.end(), shard.number) != closed.end()) shard.last = border;
      }
      for (const Shard& opened : planned->opened) {
        Shard& shard = changed.shards.emplace_back(opened);
        shard.number = changed.next_shard++;
        shard.first = border + 1;
      }
      store_.put(*txn, changed);
    };
    const Result<void> committed = co_await attempt(stream->commit(*txn, write));
    if (committed.ok()) {
      stream->changed();
      co_return;
    }
    if (!committed.error().is(cumulet::errors::kTransactionConflict)) co_await fail(committed.error());
  }
  co_await fail(cumulet::errors::kServiceUnavailable, "The stream was changed too often meanwhile. Please retry.");
}

Task<api::SplitShardOutput> Kinesis::split_shard(Call& call, const api::SplitShardInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const auto plan = [&](Transaction& txn, Stream& changed) -> Task<Resharding> {
    const StreamPtr stream = co_await require(txn, at);
    if (stream->on_demand) co_await fail(provisioned_only(*stream, "SplitShard"));
    const Shard* shard = co_await open_shard(*stream, input.shard_to_split);
    const std::optional<HashKey> middle = parse_hash_key(input.new_starting_hash_key);
    if (!middle || *middle <= shard->first_hash + 1 || *middle >= shard->last_hash) {
      co_await fail(invalid_argument(
          "NewStartingHashKey " + input.new_starting_hash_key + " used in SplitShard() on shard " +
          shard_id(shard->number) + " in stream " + stream->name + " under account " + stream->account +
          " is not both greater than one plus the shard's StartingHashKey " + hash_key_text(shard->first_hash) +
          " and less than the shard's EndingHashKey " + hash_key_text(shard->last_hash) + "."));
    }
    co_await require_room(txn, call, 1);
    Resharding resharding;
    split(resharding, *shard, *middle);
    changed = *stream;
    co_return resharding;
  };
  co_await reshard(plan);
  co_return api::SplitShardOutput();
}

Task<api::MergeShardsOutput> Kinesis::merge_shards(Call& call, const api::MergeShardsInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  const auto plan = [&](Transaction& txn, Stream& changed) -> Task<Resharding> {
    const StreamPtr stream = co_await require(txn, at);
    if (stream->on_demand) co_await fail(provisioned_only(*stream, "MergeShards"));
    const Shard* one = co_await open_shard(*stream, input.shard_to_merge);
    const Shard* other = co_await open_shard(*stream, input.adjacent_shard_to_merge);
    const bool before = one->last_hash != kLastHashKey && one->last_hash + 1 == other->first_hash;
    const bool behind = other->last_hash != kLastHashKey && other->last_hash + 1 == one->first_hash;
    if (!before && !behind) {
      co_await fail(invalid_argument("Shards " + shard_id(one->number) + " and " + shard_id(other->number) +
                                     " in stream " + stream->name + " under account " + stream->account +
                                     " are not an adjacent pair of shards eligible for merging"));
    }
    Resharding resharding;
    merge(resharding, *one, *other);
    changed = *stream;
    co_return resharding;
  };
  co_await reshard(plan);
  co_return api::MergeShardsOutput();
}

namespace {

Result<void> check_target(const Stream& stream, std::int32_t target, Timestamp now) {
  const auto current = static_cast<std::int32_t>(stream.open_shards);
  if (target > kMostShards) {
    return Error(api::errors::kLimitExceededException,
                 "UpdateShardCount cannot scale up to more than " + std::to_string(kMostShards) + " shards.");
  }
  if (target > 2 * current) {
    return Error(api::errors::kLimitExceededException,
                 "UpdateShardCount cannot scale up over double your current open shard count. Current open shard "
                 "count: " +
                     std::to_string(current) + " Target shard count: " + std::to_string(target));
  }
  if (2 * target < current) {
    return Error(api::errors::kLimitExceededException,
                 "UpdateShardCount cannot scale down below half your current open shard count. Current open shard "
                 "count: " +
                     std::to_string(current) + " Target shard count: " + std::to_string(target));
  }
  if (target == current) {
    return invalid_argument("The target shard count must differ from the current open shard count.");
  }
  const std::string since = std::to_string((now - kDay).time_since_epoch().count());
  const auto recent = std::count_if(stream.scaled.begin(), stream.scaled.end(),
                                    [&since](const std::string& time) { return time >= since; });
  if (static_cast<std::size_t>(recent) >= kScalingsADay) {
    return Error(api::errors::kLimitExceededException, "UpdateShardCount can be used " + std::to_string(kScalingsADay) +
                                                           " times in a rolling 24-hour period for a stream.");
  }
  return {};
}

}  // namespace

/// Uniform scaling: the new shards share all hash keys equally. AWS gets there by splits and merges; we in one step. A
/// shard so has as parents all old ones that its range overlaps: there can be three, of which the API shows two.
Task<api::UpdateShardCountOutput> Kinesis::update_shard_count(Call& call, const api::UpdateShardCountInput& input) {
  const Address at = co_await address(call, input.stream_name, input.stream_arn);
  std::uint32_t current = 0;
  const auto plan = [&](Transaction& txn, Stream& changed) -> Task<Resharding> {
    const StreamPtr stream = co_await require(txn, at);
    if (stream->on_demand) co_await fail(provisioned_only(*stream, "UpdateShardCount"));
    const Timestamp now = clock_.now();
    co_await check_target(*stream, input.target_shard_count, now);
    const auto target = static_cast<std::uint32_t>(input.target_shard_count);
    current = stream->open_shards;
    if (target > current) co_await require_room(txn, call, target - current);
    Resharding resharding;
    for (const Shard& shard : stream->shards) {
      if (shard.open()) resharding.closed.push_back(shard.number);
    }
    resharding.opened = equal_shards(target, 0);
    for (Shard& shard : resharding.opened) {
      for (const Shard& old : stream->shards) {
        const bool overlaps = old.first_hash <= shard.last_hash && shard.first_hash <= old.last_hash;
        if (old.open() && overlaps) shard.parents.push_back(old.number);
      }
    }
    changed = *stream;
    const std::string since = std::to_string((now - kDay).time_since_epoch().count());
    std::erase_if(changed.scaled, [&since](const std::string& time) { return time < since; });
    changed.scaled.push_back(std::to_string(now.time_since_epoch().count()));
    co_return resharding;
  };
  co_await reshard(plan);
  api::UpdateShardCountOutput output;
  output.stream_name = at.name;
  output.stream_arn = wire::make_arn("kinesis", at.region, at.account, "stream/" + at.name);
  output.current_shard_count = static_cast<std::int32_t>(current);
  output.target_shard_count = input.target_shard_count;
  co_return output;
}

}  // namespace cumulet::kinesis
