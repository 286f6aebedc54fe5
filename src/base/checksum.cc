#include <array>
#include <cstring>

#include <zlib.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

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

constexpr std::uint64_t kNvme = 0x9a6c9329ac4bc9b5ULL;

const SlicedTables<std::uint64_t>& nvme() {
  static const SlicedTables<std::uint64_t> tables(kNvme);
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

/// x^n modulo the polynomial, reflected.
constexpr std::uint64_t nvme_power(int n) {
  std::uint64_t value = 1ULL << 63;
  for (; n > 0; --n) value = (value >> 1) ^ ((value & 1) != 0 ? kNvme : 0);
  return value;
}

/// Moves a block of 16 bytes over those behind it: its halves times `factors`, added to what stands there.
__attribute__((target("pclmul,sse4.1"))) inline __m128i folded(__m128i block, __m128i factors, __m128i there) {
  const __m128i first = _mm_clmulepi64_si128(block, factors, 0x00);
  const __m128i second = _mm_clmulepi64_si128(block, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(first, second), there);
}

/// Four blocks a step; at least 64 bytes. The tables take what is left: one block, and the end.
__attribute__((target("pclmul,sse4.1"))) std::uint64_t crc64nvme_folded(std::uint64_t crc, std::string_view bytes) {
  constexpr std::size_t kStep = 64;
  const __m128i over_512 =
      _mm_set_epi64x(static_cast<std::int64_t>(nvme_power(511)), static_cast<std::int64_t>(nvme_power(575)));
  const __m128i over_128 =
      _mm_set_epi64x(static_cast<std::int64_t>(nvme_power(127)), static_cast<std::int64_t>(nvme_power(191)));
  const auto* at = reinterpret_cast<const __m128i*>(bytes.data());
  __m128i a = _mm_xor_si128(_mm_loadu_si128(at), _mm_cvtsi64_si128(static_cast<std::int64_t>(crc)));
  __m128i b = _mm_loadu_si128(at + 1);
  __m128i c = _mm_loadu_si128(at + 2);
  __m128i d = _mm_loadu_si128(at + 3);
  std::size_t done = kStep;
  for (; bytes.size() - done >= kStep; done += kStep) {
    at += 4;
    a = folded(a, over_512, _mm_loadu_si128(at));
    b = folded(b, over_512, _mm_loadu_si128(at + 1));
    c = folded(c, over_512, _mm_loadu_si128(at + 2));
    d = folded(d, over_512, _mm_loadu_si128(at + 3));
  }
  a = folded(folded(folded(a, over_128, b), over_128, c), over_128, d);
  std::array<char, 16> block{};
  _mm_storeu_si128(reinterpret_cast<__m128i*>(block.data()), a);
  crc = nvme().update(0, std::string_view(block.data(), block.size()));
  return nvme().update(crc, bytes.substr(done));
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

std::uint64_t crc64nvme(std::uint64_t so_far, std::string_view bytes) {
#if defined(__x86_64__)
  constexpr std::size_t kWorthIt = 128;
  static const bool fast = __builtin_cpu_supports("pclmul");
  if (fast && bytes.size() >= kWorthIt) return ~crc64nvme_folded(~so_far, bytes);
#endif
  return ~nvme().update(~so_far, bytes);
}

}  // namespace cumulet
