#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.h"
#include "services/kinesis/sequence.h"

namespace cumulet::kinesis {

/// What was written within a minute.
struct Load {
  Load() = default;
  Load(std::uint64_t r, std::uint64_t b) : records(r), bytes(b) {}
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;

  /// How many shards it would have kept busy through that minute, if the documented limits are those times `factor`.
  double shards(double factor) const;
};

/// Counts what is written, by the minutes of the clock.
class Meter {
 public:
  /// Says whether a minute before has ended with it.
  bool add(Timestamp now, const Load& load);
  /// The busiest minute that has ended since this was asked last.
  Load take(Timestamp now);

 private:
  bool roll(Timestamp now);

  std::int64_t minute_ = 0;
  Load current_;
  Load busiest_;
};

/// Some of the latest hash keys: where a shard's load lies.
class HashSample {
 public:
  void add(HashKey key) { keys_[seen_++ % keys_.size()] = key; }
  std::vector<HashKey> sorted() const;

 private:
  std::array<HashKey, 32> keys_{};
  std::size_t seen_ = 0;
};

struct ShardLoad {
  Load load;
  std::vector<HashKey> keys;  ///< Some that were written, sorted.
};

struct StreamLoad {
  Load load;
  std::map<std::uint32_t, ShardLoad> shards;  ///< By number.
};

}  // namespace cumulet::kinesis
