#include "services/kinesis/scaling.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace cumulet::kinesis {
namespace {

constexpr std::int64_t kDaysKept = 30;
/// From this part of its limit on, a shard is near it.
constexpr double kNearLimit = 0.8;
/// A split in the middle is good enough when each half gets this part of the load.
constexpr double kFairShare = 0.25;

std::int64_t day_of(Timestamp now) {
  using Days = std::chrono::duration<std::int64_t, std::ratio<86'400>>;
  return std::chrono::floor<Days>(now).time_since_epoch().count();
}

Peak& today(Stream& stream, Timestamp now) {
  const std::int64_t day = day_of(now);
  std::erase_if(stream.peaks, [day](const Peak& peak) { return peak.day <= day - kDaysKept; });
  const auto found =
      std::find_if(stream.peaks.begin(), stream.peaks.end(), [day](const Peak& p) { return p.day == day; });
  if (found != stream.peaks.end()) return *found;
  Peak& peak = stream.peaks.emplace_back();
  peak.day = day;
  return peak;
}

bool divisible(const Shard& shard) { return shard.last_hash - shard.first_hash >= 3; }

HashKey middle_of(const Shard& shard) { return shard.first_hash + (shard.last_hash - shard.first_hash) / 2 + 1; }

/// Where a split parts the load; nullopt when none does.
std::optional<HashKey> best_cut(const Shard& shard, std::vector<HashKey> keys) {
  const auto outside = [&shard](HashKey key) { return key < shard.first_hash || key > shard.last_hash; };
  std::erase_if(keys, outside);
  if (keys.empty() || keys.front() == keys.back() || !divisible(shard)) return std::nullopt;
  const HashKey middle = middle_of(shard);
  const auto below = std::lower_bound(keys.begin(), keys.end(), middle) - keys.begin();
  const double share = static_cast<double>(below) / static_cast<double>(keys.size());
  if (share >= kFairShare && share <= 1 - kFairShare) return middle;
  const HashKey median = keys[keys.size() / 2];
  const auto cut = median == keys.front() ? std::upper_bound(keys.begin(), keys.end(), median)
                                          : std::lower_bound(keys.begin(), keys.end(), median);
  return *cut;
}

std::vector<const Shard*> open_shards(const Stream& stream) {
  std::vector<const Shard*> open;
  for (const Shard& shard : stream.shards) {
    if (shard.open()) open.push_back(&shard);
  }
  std::sort(open.begin(), open.end(), [](const Shard* a, const Shard* b) { return a->first_hash < b->first_hash; });
  return open;
}

/// Merges neighbours, the narrowest first, until no more than `wanted` are left.
Resharding plan_merges(const std::vector<const Shard*>& open, std::uint32_t wanted) {
  std::vector<std::size_t> pairs;
  for (std::size_t i = 0; i + 1 < open.size(); ++i) pairs.push_back(i);
  const auto width = [&open](std::size_t at) { return open[at + 1]->last_hash - open[at]->first_hash; };
  std::stable_sort(pairs.begin(), pairs.end(), [&](std::size_t a, std::size_t b) { return width(a) < width(b); });
  Resharding merges;
  std::set<const Shard*> taken;
  for (const std::size_t at : pairs) {
    if (open.size() - merges.opened.size() <= wanted) break;
    if (taken.contains(open[at]) || taken.contains(open[at + 1])) continue;
    taken.insert({open[at], open[at + 1]});
    merge(merges, *open[at], *open[at + 1]);
  }
  return merges;
}

}  // namespace

void split(Resharding& resharding, const Shard& shard, HashKey middle) {
  resharding.closed.push_back(shard.number);
  for (const bool upper : {false, true}) {
    Shard& half = resharding.opened.emplace_back();
    half.first_hash = upper ? middle : shard.first_hash;
    half.last_hash = upper ? shard.last_hash : middle - 1;
    half.parents.push_back(shard.number);
  }
}

void merge(Resharding& resharding, const Shard& one, const Shard& other) {
  resharding.closed.insert(resharding.closed.end(), {one.number, other.number});
  Shard& merged = resharding.opened.emplace_back();
  merged.first_hash = std::min(one.first_hash, other.first_hash);
  merged.last_hash = std::max(one.last_hash, other.last_hash);
  merged.parents = {one.number, other.number};
}

bool note_load(Stream& stream, const Load& load, Timestamp now) {
  const std::vector<Peak> before = stream.peaks;
  Peak& peak = today(stream, now);
  peak.load.records = std::max(peak.load.records, load.records);
  peak.load.bytes = std::max(peak.load.bytes, load.bytes);
  const auto same = [](const Peak& a, const Peak& b) {
    return a.day == b.day && a.load.records == b.load.records && a.load.bytes == b.load.bytes;
  };
  return !std::equal(before.begin(), before.end(), stream.peaks.begin(), stream.peaks.end(), same);
}

void note_shards(Stream& stream, std::uint32_t shards, Timestamp now) {
  Peak& peak = today(stream, now);
  peak.shards = std::max(peak.shards, shards);
}

std::uint32_t wanted_shards(const Stream& stream, Timestamp now, double factor) {
  std::uint32_t wanted = kOnDemandShards;
  for (const Peak& peak : stream.peaks) {
    if (peak.day <= day_of(now) - kDaysKept) continue;
    const double needed = std::ceil(2 * peak.load.shards(factor));
    wanted = std::max({wanted, peak.shards, static_cast<std::uint32_t>(std::min<double>(needed, kMostOnDemandShards))});
  }
  return std::min(wanted, kMostOnDemandShards);
}

Resharding plan_scaling(const Stream& stream, std::uint32_t wanted, const StreamLoad& load, double factor) {
  std::vector<const Shard*> open = open_shards(stream);
  const auto load_of = [&](const Shard* shard) -> const ShardLoad& {
    static const ShardLoad none;
    const auto found = load.shards.find(shard->number);
    return found == load.shards.end() ? none : found->second;
  };
  Resharding splits;
  std::vector<const Shard*> rest;
  for (const Shard* shard : open) {
    const ShardLoad& own = load_of(shard);
    const bool hot = own.load.shards(factor) >= kNearLimit;
    const bool room = open.size() + splits.closed.size() < kMostOnDemandShards;
    const std::optional<HashKey> cut = hot && room ? best_cut(*shard, own.keys) : std::nullopt;
    if (cut) split(splits, *shard, *cut);
    if (!hot) rest.push_back(shard);
  }
  // Then the busiest of the others, and of equals the widest.
  std::stable_sort(rest.begin(), rest.end(), [&](const Shard* a, const Shard* b) {
    const double one = load_of(a).load.shards(factor);
    const double other = load_of(b).load.shards(factor);
    if (one != other) return one > other;
    return a->last_hash - a->first_hash > b->last_hash - b->first_hash;
  });
  for (const Shard* shard : rest) {
    if (open.size() + splits.closed.size() >= wanted) break;
    if (divisible(*shard)) split(splits, *shard, middle_of(*shard));
  }
  if (splits.closed.empty() && open.size() > wanted) return plan_merges(open, wanted);
  return splits;
}

}  // namespace cumulet::kinesis
