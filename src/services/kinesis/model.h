#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "services/kinesis/load.h"
#include "services/kinesis/sequence.h"

namespace cumulet::kinesis {

/// A part of a stream: the records whose hash keys lie in a range, in the order of their arrival.
struct Shard {
  std::uint32_t number = 0;
  HashKey first_hash = 0;
  HashKey last_hash = 0;
  std::vector<std::uint32_t> parents;  ///< None, the shard that was split, or the two that were merged.
  Position first = 0;                  ///< Every record's position is at least this.
  std::optional<Position> last;        ///< Closed: no record's position is beyond this.

  bool open() const { return !last.has_value(); }
};

/// Cuts all hash keys into equal ranges. They are numbered from 0.
std::vector<Shard> equal_shards(std::uint32_t count, Position first);

/// What an on-demand stream took in the busiest minute of a day, and how many shards it was given then.
struct Peak {
  std::int64_t day = 0;  ///< Since 1970, UTC.
  Load load;
  std::uint32_t shards = 0;
};

/// A stream as it is stored, without its records.
struct Stream {
  std::string account;
  std::string region;
  std::string name;
  std::string id;                ///< Its own through all streams that ever had the name.
  std::uint64_t generation = 0;  ///< Counts its changes.
  Timestamp created;
  std::uint32_t retention_hours = 24;
  Position trimmed = 0;  ///< What a shorter retention has hidden stays hidden.
  bool on_demand = false;
  std::uint32_t max_record_kib = 1024;
  std::uint32_t next_shard = 0;
  std::uint32_t open_shards = 0;
  std::vector<std::string> shard_metrics;
  std::vector<std::string> scaled;    ///< When UpdateShardCount was used in the last day: microseconds, as text.
  std::vector<std::string> switched;  ///< When UpdateStreamMode was, as `scaled`.
  std::vector<Peak> peaks;            ///< Of an on-demand stream, of the last 30 days.
  std::vector<Shard> shards;          ///< By number; closed ones until their records have expired.

  std::string arn() const;
  /// The open shard that a hash key falls into. Its open shards cover all hash keys, always.
  const Shard& route(HashKey key) const;
  /// Null when there is none, or all its records have expired.
  const Shard* find_shard(std::uint32_t number) const;
  /// The oldest position that is still kept.
  Position horizon(Timestamp now) const;

  void index();  ///< After a change of shards: makes `route` know them.

 private:
  std::vector<std::uint32_t> routes_;  ///< Places in `shards` of the open ones, by first_hash.
};
using StreamPtr = std::shared_ptr<const Stream>;

/// What is rarely read.
struct StreamExtras {
  std::map<std::string, std::string> tags;
  std::string policy;
};

/// A registered consumer (enhanced fan-out).
struct Consumer {
  std::string name;
  std::string arn;
  Timestamp created;
  std::map<std::string, std::string> tags;
  std::string policy;
};

struct StoredRecord {
  Position position = 0;
  std::string partition_key;
  std::string data;

  Timestamp arrived() const;  ///< To the millisecond.
};

}  // namespace cumulet::kinesis
