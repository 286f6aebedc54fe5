#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cumulet {

enum class DigestKind { kMd5, kSha1, kSha256 };

/// A digest over bytes that come in pieces (OpenSSL inside).
class Digest {
 public:
  explicit Digest(DigestKind kind);
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;

  void update(std::string_view bytes);
  std::string finish();  ///< Raw bytes; the object is spent then.

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string md5(std::string_view bytes);
std::string sha1(std::string_view bytes);
std::string sha256(std::string_view bytes);
std::string hmac_sha256(std::string_view key, std::string_view bytes);
/// Equal, in a time that does not depend on where they differ.
bool equal_constant_time(std::string_view a, std::string_view b);

/// Checksums that continue: pass the value so far. CRC-32 (zlib), CRC-32C, CRC-64/NVME.
std::uint32_t crc32(std::uint32_t so_far, std::string_view bytes);
std::uint32_t crc32c(std::uint32_t so_far, std::string_view bytes);
std::uint64_t crc64nvme(std::uint64_t so_far, std::string_view bytes);

}  // namespace cumulet
