#pragma once

#include <optional>
#include <string>
#include <vector>

#include "services/kinesis/kinesis.h"

namespace cumulet::kinesis {

/// Where reading is to begin, in the words of a request.
struct Start {
  Start() = default;
  std::string type;
  std::optional<std::string> sequence;
  std::optional<Timestamp> timestamp;
};

/// What was read of a shard.
struct Piece {
  Piece() = default;
  StreamPtr stream;
  const Shard* shard = nullptr;  ///< The stream's.
  std::vector<StoredRecord> records;
  Position next = 0;       ///< Where to go on.
  bool caught_up = false;  ///< There was nothing more.

  /// Nothing will ever follow.
  bool ended() const { return !shard->open() && (caught_up || next > *shard->last); }
};

wire::kinesis::Record shown_record(StoredRecord record, std::uint32_t shard);
/// The shards that took over from a closed one.
std::vector<wire::kinesis::ChildShard> child_shards(const Stream& stream, std::uint32_t parent);
/// How far a reader is behind the tip.
std::int64_t millis_behind(const std::vector<StoredRecord>& records, bool caught_up, Timestamp now);

}  // namespace cumulet::kinesis
