#include "wire/checksum.h"

#include <array>
#include <utility>

#include "base/text.h"

namespace cumulet::wire {
namespace {

struct KindRow {
  ChecksumKind kind;
  std::string_view name;
  std::size_t bytes;
};

constexpr std::array<KindRow, 6> kKinds{{{ChecksumKind::kCrc32, "CRC32", 4},
                                         {ChecksumKind::kCrc32c, "CRC32C", 4},
                                         {ChecksumKind::kCrc64Nvme, "CRC64NVME", 8},
                                         {ChecksumKind::kSha1, "SHA1", 20},
                                         {ChecksumKind::kSha256, "SHA256", 32},
                                         {ChecksumKind::kMd5, "MD5", 16}}};

const KindRow& row_of(ChecksumKind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::string big_endian(std::uint64_t value, std::size_t bytes) {
  std::string out(bytes, '\0');
  for (std::size_t i = 0; i < bytes; ++i) out[bytes - 1 - i] = static_cast<char>(value >> (8 * i));
  return out;
}

}  // namespace

std::optional<ChecksumKind> checksum_kind(std::string_view name) {
  for (const KindRow& row : kKinds) {
    if (iequals(row.name, name)) return row.kind;
  }
  return std::nullopt;
}

std::optional<ChecksumKind> checksum_kind_of_header(std::string_view header) {
  constexpr std::string_view kPrefix = "x-amz-checksum-";
  if (header.size() <= kPrefix.size() || !iequals(header.substr(0, kPrefix.size()), kPrefix)) return std::nullopt;
  return checksum_kind(header.substr(kPrefix.size()));
}

std::string_view checksum_name(ChecksumKind kind) { return row_of(kind).name; }
std::string checksum_header(ChecksumKind kind) { return "x-amz-checksum-" + to_lower(row_of(kind).name); }
std::size_t checksum_bytes(ChecksumKind kind) { return row_of(kind).bytes; }

Checksum::Checksum(ChecksumKind kind) : kind_(kind) {
  if (kind == ChecksumKind::kSha1) digest_.emplace(DigestKind::kSha1);
  if (kind == ChecksumKind::kSha256) digest_.emplace(DigestKind::kSha256);
  if (kind == ChecksumKind::kMd5) digest_.emplace(DigestKind::kMd5);
}

void Checksum::update(std::string_view bytes) {
  switch (kind_) {
    case ChecksumKind::kCrc32:
      value_ = crc32(static_cast<std::uint32_t>(value_), bytes);
      break;
    case ChecksumKind::kCrc32c:
      value_ = crc32c(static_cast<std::uint32_t>(value_), bytes);
      break;
    case ChecksumKind::kCrc64Nvme:
      value_ = crc64nvme(value_, bytes);
      break;
    default:
      digest_->update(bytes);
  }
}

std::string Checksum::finish() {
  return base64_encode(digest_ ? digest_->finish() : big_endian(value_, checksum_bytes(kind_)));
}

}  // namespace cumulet::wire
