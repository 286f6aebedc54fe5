#include "base/ids.h"

#include <cassert>
#include <cerrno>
#include <system_error>

#include <sys/random.h>

namespace cumulet {

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t filled = 0;
  while (filled < count) {
    const ssize_t got = ::getrandom(bytes.data() + filled, count - filled, 0);
    if (got < 0) {
      if (errno == EINTR) continue;
      throw std::system_error(errno, std::generic_category(), "getrandom");
    }
    filled += static_cast<std::size_t>(got);
  }
  return bytes;
}

std::string random_text(std::size_t count, std::string_view alphabet) {
  assert(!alphabet.empty() && alphabet.size() <= 256);
  // Bytes past the last whole multiple of the alphabet would favour its first characters: they are thrown away.
  const std::size_t usable = 256 - 256 % alphabet.size();
  std::string text;
  text.reserve(count);
  while (text.size() < count) {
    for (const char c : random_bytes(count - text.size() + 8)) {
      const auto byte = static_cast<unsigned char>(c);
      if (byte < usable && text.size() < count) text += alphabet[byte % alphabet.size()];
    }
  }
  return text;
}

// Every request has one: the kernel is asked for many at a time.
std::string uuid() {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kPool = 4096;
  constexpr std::size_t kBytes = 16;
  thread_local std::string pool;
  if (pool.empty()) pool = random_bytes(kPool);
  std::string bytes = pool.substr(pool.size() - kBytes);
  pool.resize(pool.size() - kBytes);
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);
  std::string text;
  text.reserve(36);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    const auto byte = static_cast<unsigned char>(bytes[i]);
    text += kHex[byte >> 4];
    text += kHex[byte & 15];
  }
  return text;
}

std::string random_id(std::size_t count) { return random_text(count, "abcdefghijklmnopqrstuvwxyz0123456789"); }

}  // namespace cumulet
