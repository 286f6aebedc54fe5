#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cumulet::storage {

/// Builds a key as a tuple: the order of keys is the order of their parts. Parts: text or bytes (ended so that no part
/// is a prefix of another's encoding: 0x00 becomes 0x00 0xFF, the end is 0x00 0x01), unsigned and signed integers
/// (fixed 8 bytes, big-endian). A service's keys start with its space: `Key("ddb").text(account).text(region)…`.
class Key {
 public:
  explicit Key(std::string_view space) { text(space); }
  Key& text(std::string_view part) &;
  Key& number(std::uint64_t part) &;
  Key& signed_number(std::int64_t part) &;
  Key&& text(std::string_view part) && { return std::move(text(part)); }
  Key&& number(std::uint64_t part) && { return std::move(number(part)); }
  Key&& signed_number(std::int64_t part) && { return std::move(signed_number(part)); }
  /// Appends bytes that are order-preserving by themselves, as the key's last part.
  Key&& raw(std::string_view bytes) && {
    bytes_.append(bytes);
    return std::move(*this);
  }

  const std::string& bytes() const& { return bytes_; }
  std::string bytes() && { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// The first key after all that start with `prefix`; empty when there is none.
std::string after_prefix(std::string_view prefix);

/// Reads the parts back, in order; each gives nullopt when the key has no such part there.
class KeyReader {
 public:
  explicit KeyReader(std::string_view bytes) : rest_(bytes) {}
  std::optional<std::string> text();
  std::optional<std::uint64_t> number();
  std::optional<std::int64_t> signed_number();
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace cumulet::storage
