#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// What the parts of a message may consist of (RFC 9110), whichever version of HTTP carries them.
namespace cumulet::net {

inline constexpr std::uint8_t kToken = 1;   // tchar
inline constexpr std::uint8_t kValue = 2;   // field content: visible, space, tab, bytes above ASCII
inline constexpr std::uint8_t kTarget = 4;  // request target: visible but '#', bytes above ASCII (curl sends UTF-8 so)
inline constexpr std::uint8_t kHost = 8;    // uri-host and port

constexpr std::array<std::uint8_t, 256> make_classes() {
  std::array<std::uint8_t, 256> classes{};
  for (int c = 0x21; c < 256; ++c)
    if (c != 0x7f) classes[static_cast<std::size_t>(c)] = kValue | kTarget;
  classes[' '] = kValue;
  classes['\t'] = kValue;
  classes['#'] = kValue;
  const auto mark = [&classes](std::string_view text, std::uint8_t bit) {
    for (const char c : text) classes[static_cast<unsigned char>(c)] |= bit;
  };
  mark("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", kToken);
  mark("-._~%!$&'()*+,;=:[]0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", kHost);
  return classes;
}
inline constexpr std::array<std::uint8_t, 256> kClasses = make_classes();

inline bool all_of_class(std::string_view text, std::uint8_t bit) {
  for (const char c : text)
    if ((kClasses[static_cast<unsigned char>(c)] & bit) == 0) return false;
  return true;
}

inline bool is_token(std::string_view text) { return !text.empty() && all_of_class(text, kToken); }

/// What no value of a field may hold: it becomes a space in what we send.
inline bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

/// host[:port] to the lower-case host; false when it is malformed.
bool read_host(std::string_view authority, std::string& host);

/// Digits only, at most 19 of them, so that nothing can overflow.
bool read_length(std::string_view text, std::uint64_t& length);

/// The fields that say how one connection frames its messages: each version writes its own.
bool decided_by_framing(std::string_view name);

/// The value of the Date field, made once a second on each thread.
const std::string& current_http_date();

}  // namespace cumulet::net
