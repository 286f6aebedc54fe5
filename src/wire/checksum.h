#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"

namespace cumulet::wire {

/// The checksums that S3's clients send with an object, in a header or in a trailer.
enum class ChecksumKind { kCrc32, kCrc32c, kCrc64Nvme, kSha1, kSha256, kMd5 };

/// From "CRC32", "crc64nvme" …, without regard to case; nullopt for anything else.
std::optional<ChecksumKind> checksum_kind(std::string_view name);
/// From the name of a header, x-amz-checksum-crc32c and its like.
std::optional<ChecksumKind> checksum_kind_of_header(std::string_view header);
std::string_view checksum_name(ChecksumKind kind);  ///< "CRC32C".
std::string checksum_header(ChecksumKind kind);     ///< "x-amz-checksum-crc32c".
std::size_t checksum_bytes(ChecksumKind kind);      ///< The length of its value before base64.

/// A checksum over bytes that come in pieces.
class Checksum {
 public:
  explicit Checksum(ChecksumKind kind);
  ChecksumKind kind() const { return kind_; }
  void update(std::string_view bytes);
  std::string finish();  ///< Base64, big-endian, as the headers have it; the object is spent then.

 private:
  ChecksumKind kind_;
  std::uint64_t value_ = 0;
  std::optional<Digest> digest_;
};

}  // namespace cumulet::wire
