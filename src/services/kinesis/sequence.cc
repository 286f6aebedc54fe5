#include "services/kinesis/sequence.h"

#include <algorithm>
#include <charconv>

#include "base/digest.h"

namespace cumulet::kinesis {
namespace {

constexpr std::string_view kShardPrefix = "shardId-";
constexpr std::size_t kShardDigits = 12;
constexpr std::string_view kSequencePrefix = "4966";
constexpr std::size_t kPositionDigits = 20;
constexpr std::size_t kFillDigits = 22;
constexpr std::size_t kSequenceShardDigits = 10;
constexpr std::size_t kSequenceDigits = kSequencePrefix.size() + kPositionDigits + kFillDigits + kSequenceShardDigits;

std::string padded(std::uint64_t number, std::size_t digits) {
  std::string text = std::to_string(number);
  return text.size() < digits ? std::string(digits - text.size(), '0') + text : text;
}

template <typename T>
std::optional<T> parse_digits(std::string_view text) {
  T number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<HashKey> parse_hash_key(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  HashKey key = 0;
  for (const char digit : text) {
    if (digit < '0' || digit > '9') return std::nullopt;
    const auto value = static_cast<unsigned>(digit - '0');
    if (key > (kLastHashKey - value) / 10) return std::nullopt;
    key = key * 10 + value;
  }
  return key;
}

std::string hash_key_text(HashKey key) {
  std::string text;
  do {
    text += static_cast<char>('0' + static_cast<int>(key % 10));
    key /= 10;
  } while (key != 0);
  std::reverse(text.begin(), text.end());
  return text;
}

HashKey hash_of(std::string_view partition_key) {
  HashKey key = 0;
  for (const char byte : md5(partition_key)) key = (key << 8) | static_cast<unsigned char>(byte);
  return key;
}

std::string shard_id(std::uint32_t shard) { return std::string(kShardPrefix) + padded(shard, kShardDigits); }

std::optional<std::uint32_t> parse_shard_id(std::string_view text) {
  // Short forms without the zeros, or without the prefix, are understood too.
  if (text.starts_with(kShardPrefix)) text.remove_prefix(kShardPrefix.size());
  if (text.empty() || text.size() > kShardDigits) return std::nullopt;
  return parse_digits<std::uint32_t>(text);
}

std::string sequence_number(Position position, std::uint32_t shard) {
  std::string text;
  text.reserve(kSequenceDigits);
  text += kSequencePrefix;
  text += padded(position, kPositionDigits);
  text.append(kFillDigits, '0');
  text += padded(shard, kSequenceShardDigits);
  return text;
}

std::optional<Sequence> parse_sequence_number(std::string_view text) {
  if (text.size() != kSequenceDigits || !text.starts_with(kSequencePrefix)) return std::nullopt;
  const std::string_view position = text.substr(kSequencePrefix.size(), kPositionDigits);
  const std::string_view fill = text.substr(kSequencePrefix.size() + kPositionDigits, kFillDigits);
  const std::string_view shard = text.substr(kSequenceDigits - kSequenceShardDigits);
  if (fill.find_first_not_of('0') != std::string_view::npos) return std::nullopt;
  const std::optional<Position> at = parse_digits<Position>(position);
  const std::optional<std::uint32_t> of = parse_digits<std::uint32_t>(shard);
  if (!at || !of) return std::nullopt;
  return Sequence(*at, *of);
}

}  // namespace cumulet::kinesis
