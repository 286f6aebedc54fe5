#include "services/kinesis/model.h"

#include <algorithm>

#include "wire/arn.h"

namespace cumulet::kinesis {

std::vector<Shard> equal_shards(std::uint32_t count, Position first) {
  std::vector<Shard> shards(count);
  const HashKey width = kLastHashKey / count + (kLastHashKey % count == count - 1 ? 1 : 0);
  for (std::uint32_t i = 0; i < count; ++i) {
    Shard& shard = shards[i];
    shard.number = i;
    shard.first_hash = width * i;
    shard.last_hash = i + 1 == count ? kLastHashKey : width * (i + 1) - 1;
    shard.first = first;
  }
  return shards;
}

std::string Stream::arn() const { return wire::make_arn("kinesis", region, account, "stream/" + name); }

void Stream::index() {
  routes_.clear();
  for (std::uint32_t at = 0; at < shards.size(); ++at) {
    if (shards[at].open()) routes_.push_back(at);
  }
  std::sort(routes_.begin(), routes_.end(),
            [this](std::uint32_t a, std::uint32_t b) { return shards[a].first_hash < shards[b].first_hash; });
  open_shards = static_cast<std::uint32_t>(routes_.size());
}

const Shard& Stream::route(HashKey key) const {
  const auto after = std::upper_bound(routes_.begin(), routes_.end(), key,
                                      [this](HashKey k, std::uint32_t at) { return k < shards[at].first_hash; });
  return shards[*std::prev(after)];
}

const Shard* Stream::find_shard(std::uint32_t number) const {
  const auto found = std::lower_bound(shards.begin(), shards.end(), number,
                                      [](const Shard& shard, std::uint32_t n) { return shard.number < n; });
  return found == shards.end() || found->number != number ? nullptr : &*found;
}

Position Stream::horizon(Timestamp now) const {
  const std::int64_t since = (now - std::chrono::hours(retention_hours)).time_since_epoch().count();
  return std::max(trimmed, static_cast<Position>(std::max<std::int64_t>(0, since)));
}

Timestamp StoredRecord::arrived() const {
  return Timestamp(std::chrono::milliseconds(static_cast<std::int64_t>(position / 1000)));
}

}  // namespace cumulet::kinesis
