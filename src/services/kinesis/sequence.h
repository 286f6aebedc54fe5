#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cumulet::kinesis {

/// Hash keys are numbers of 128 bits.
__extension__ typedef unsigned __int128 HashKey;
inline constexpr HashKey kLastHashKey = ~HashKey{0};

/// Nullopt unless it is a decimal number below 2^128.
std::optional<HashKey> parse_hash_key(std::string_view text);
std::string hash_key_text(HashKey key);
/// Where a partition key falls: its MD5.
HashKey hash_of(std::string_view partition_key);

/// The place of a record in its shard. Positions only grow; each is the microsecond at which its record arrived, or the
/// next free one after it. So a position also tells the time of arrival, and a time the position from which to read.
using Position = std::uint64_t;

/// "shardId-000000000012".
std::string shard_id(std::uint32_t shard);
std::optional<std::uint32_t> parse_shard_id(std::string_view text);

/// A sequence number: 56 digits that order, over a whole stream, like the positions behind them.
std::string sequence_number(Position position, std::uint32_t shard);
struct Sequence {
  Sequence(Position p, std::uint32_t s) : position(p), shard(s) {}
  Position position;
  std::uint32_t shard;
};
/// Nullopt for what sequence_number never made.
std::optional<Sequence> parse_sequence_number(std::string_view text);

}  // namespace cumulet::kinesis
