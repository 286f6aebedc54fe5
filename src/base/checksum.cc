#include <array>
#include <cstring>

#include <zlib.h>

#include "base/digest.h"

namespace cumulet {
namespace {

/// Eight tables: eight bytes a step ("slicing by 8"), for a reflected polynomial.
template <typename Word>
class SlicedTables {
 public:
  explicit constexpr SlicedTables(Word polynomial) {
    for (unsigned byte = 0; byte < 256; ++byte) {
      Word value = byte;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
      table_[0][byte] = value;
    }
    for (unsigned byte = 0; byte < 256; ++byte)
      for (std::size_t i = 1; i < 8; ++i)
        table_[i][byte] = (table_[i - 1][byte] >> 8) ^ table_[0][table_[i - 1][byte] & 0xff];
  }

  Word update(Word crc, std::string_view bytes) const {
    const char* at = bytes.data();
    std::size_t left = bytes.size();
    for (; left >= 8; at += 8, left -= 8) {
      std::uint64_t word;
      std::memcpy(&word, at, sizeof(word));
      word ^= crc;
      crc = 0;
      for (std::size_t i = 0; i < 8; ++i) crc ^= table_[7 - i][(word >> (8 * i)) & 0xff];
    }
    for (; left > 0; ++at, --left) crc = (crc >> 8) ^ table_[0][(crc ^ static_cast<unsigned char>(*at)) & 0xff];
    return crc;
  }

 private:
  std::array<std::array<Word, 256>, 8> table_{};
};

const SlicedTables<std::uint32_t>& castagnoli() {
  static const SlicedTables<std::uint32_t> tables(0x82f63b78U);
  return tables;
}

const SlicedTables<std::uint64_t>& nvme() {
  static const SlicedTables<std::uint64_t> tables(0x9a6c9329ac4bc9b5ULL);
  return tables;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::uint32_t crc, std::string_view bytes) {
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t wide = crc;
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof(word));
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<std::uint32_t>(wide);
  for (; left > 0; ++at, --left) crc = __builtin_ia32_crc32qi(crc, static_cast<unsigned char>(*at));
  return crc;
}
#endif

}  // namespace

std::uint32_t crc32(std::uint32_t so_far, std::string_view bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(so_far, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

std::uint32_t crc32c(std::uint32_t so_far, std::string_view bytes) {
#if defined(__x86_64__)
  static const bool fast = __builtin_cpu_supports("sse4.2");
  if (fast) return ~crc32c_sse42(~so_far, bytes);
#endif
  return ~castagnoli().update(~so_far, bytes);
}

std::uint64_t crc64nvme(std::uint64_t so_far, std::string_view bytes) { return ~nvme().update(~so_far, bytes); }

}  // namespace cumulet
