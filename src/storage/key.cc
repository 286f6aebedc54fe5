#include "storage/key.h"

namespace cumulet::storage {
namespace {

constexpr char kZero = '\x00';
constexpr char kEscapedZero = '\xFF';
constexpr char kEnd = '\x01';
constexpr std::uint64_t kSignBit = std::uint64_t{1} << 63;

}  // namespace

Key& Key::text(std::string_view part) & {
  for (const char c : part) {
    bytes_.push_back(c);
    if (c == kZero) bytes_.push_back(kEscapedZero);
  }
  bytes_.push_back(kZero);
  bytes_.push_back(kEnd);
  return *this;
}

Key& Key::number(std::uint64_t part) & {
  for (int shift = 56; shift >= 0; shift -= 8) bytes_.push_back(static_cast<char>((part >> shift) & 0xFF));
  return *this;
}

// With the sign bit turned over, two's complement sorts as an unsigned number.
Key& Key::signed_number(std::int64_t part) & { return number(static_cast<std::uint64_t>(part) ^ kSignBit); }

std::string after_prefix(std::string_view prefix) {
  std::string next(prefix);
  while (!next.empty() && next.back() == '\xFF') next.pop_back();
  if (!next.empty()) next.back() = static_cast<char>(static_cast<unsigned char>(next.back()) + 1);
  return next;
}

std::optional<std::string> KeyReader::text() {
  std::string part;
  for (std::size_t i = 0; i < rest_.size(); ++i) {
    if (rest_[i] != kZero) {
      part.push_back(rest_[i]);
      continue;
    }
    if (i + 1 == rest_.size()) return std::nullopt;
    const char mark = rest_[++i];
    if (mark == kEnd) {
      rest_.remove_prefix(i + 1);
      return part;
    }
    if (mark != kEscapedZero) return std::nullopt;
    part.push_back(kZero);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> KeyReader::number() {
  if (rest_.size() < 8) return std::nullopt;
  std::uint64_t part = 0;
  for (int i = 0; i < 8; ++i) part = (part << 8) | static_cast<unsigned char>(rest_[static_cast<std::size_t>(i)]);
  rest_.remove_prefix(8);
  return part;
}

std::optional<std::int64_t> KeyReader::signed_number() {
  const std::optional<std::uint64_t> part = number();
  if (!part) return std::nullopt;
  return static_cast<std::int64_t>(*part ^ kSignBit);
}

}  // namespace cumulet::storage
