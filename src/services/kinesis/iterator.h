#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "services/kinesis/sequence.h"

namespace cumulet::kinesis {

/// Where a reader goes on: what a shard iterator's text holds.
struct ShardIterator {
  ShardIterator() = default;
  std::string account;
  std::string region;
  std::string stream;
  std::string stream_id;
  std::uint32_t shard = 0;
  Position from = 0;
  Timestamp made;

  std::string text() const;
};
/// Nullopt for what `text` never made.
std::optional<ShardIterator> parse_iterator(std::string_view text);

/// Iterators and page tokens hold for five minutes.
inline constexpr std::chrono::seconds kTokenLife{300};

}  // namespace cumulet::kinesis
