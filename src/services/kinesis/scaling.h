#pragma once

#include <vector>

#include "services/kinesis/load.h"
#include "services/kinesis/model.h"

/// How many shards a stream in on-demand mode has.
/// https://docs.aws.amazon.com/streams/latest/dev/how-do-i-size-a-stream.html
namespace cumulet::kinesis {

inline constexpr std::uint32_t kOnDemandShards = 4;           ///< At the least, and in the beginning: 4 MiB/s.
inline constexpr std::uint32_t kMostOnDemandShards = 10'240;  ///< 10 GiB/s.

/// New shards in the place of open ones.
struct Resharding {
  Resharding() = default;
  std::vector<std::uint32_t> closed;
  std::vector<Shard> opened;  ///< Their numbers and `first` are given when they are opened.
};

/// The half of a shard below a hash key, and the one from it on.
void split(Resharding& resharding, const Shard& shard, HashKey middle);
void merge(Resharding& resharding, const Shard& one, const Shard& other);

/// Notes what a stream has taken, and forgets what is older than 30 days. Says whether that changed anything.
bool note_load(Stream& stream, const Load& load, Timestamp now);
/// Notes how many shards it has been given; it keeps them for 30 days.
void note_shards(Stream& stream, std::uint32_t shards, Timestamp now);

/// For double the peak of the last 30 days, if the documented limits of a shard are those times `factor`.
std::uint32_t wanted_shards(const Stream& stream, Timestamp now, double factor);

/// The next step towards that many shards, each of which is touched once. A shard near its limit is split besides,
/// where its load parts best; it stays when all its load has one hash key, which no split can part.
Resharding plan_scaling(const Stream& stream, std::uint32_t wanted, const StreamLoad& load, double factor);

}  // namespace cumulet::kinesis
