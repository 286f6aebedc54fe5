#include "services/s3/multipart_checksum.h"

#include "base/text.h"
#include "services/s3/errors.h"

namespace cumulet::s3 {
namespace api = wire::s3;
namespace {

constexpr const char* kFull = "FULL_OBJECT";
constexpr const char* kComposite = "COMPOSITE";

bool is_crc(wire::ChecksumKind kind) {
  return kind == wire::ChecksumKind::kCrc32 || kind == wire::ChecksumKind::kCrc32c ||
         kind == wire::ChecksumKind::kCrc64Nvme;
}

/// Polynomials over GF(2) modulo a CRC's own, reflected: the highest bit is x^0.
class Field {
 public:
  explicit Field(wire::ChecksumKind kind)
      : one_(kind == wire::ChecksumKind::kCrc64Nvme ? 1ull << 63 : 1ull << 31),
        polynomial_(kind == wire::ChecksumKind::kCrc32    ? 0xedb88320ull
                    : kind == wire::ChecksumKind::kCrc32c ? 0x82f63b78ull
                                                          : 0x9a6c9329ac4bc9b5ull) {}

  std::uint64_t product(std::uint64_t a, std::uint64_t b) const {
    std::uint64_t sum = 0;
    for (std::uint64_t bit = one_; bit != 0; bit >>= 1) {
      if ((a & bit) != 0) sum ^= b;
      b = (b & 1) != 0 ? (b >> 1) ^ polynomial_ : b >> 1;
    }
    return sum;
  }
  /// x to the power of 8 · bytes: what bytes behind do to a CRC before them.
  std::uint64_t shift(std::uint64_t bytes) const {
    std::uint64_t power = one_;
    std::uint64_t square = one_ >> 8;
    for (; bytes != 0; bytes >>= 1) {
      if ((bytes & 1) != 0) power = product(square, power);
      square = product(square, square);
    }
    return power;
  }

 private:
  const std::uint64_t one_;
  const std::uint64_t polynomial_;
};

std::uint64_t number_of(std::string_view base64) {
  std::uint64_t number = 0;
  for (const char c : base64_decode(base64).value_or("")) number = number << 8 | static_cast<unsigned char>(c);
  return number;
}

std::string base64_of(std::uint64_t number, std::size_t bytes) {
  std::string text(bytes, '\0');
  for (std::size_t i = bytes; i-- > 0; number >>= 8) text[i] = static_cast<char>(number & 0xff);
  return base64_encode(text);
}

}  // namespace

Result<std::string> upload_checksum_type(wire::ChecksumKind kind, const std::optional<std::string>& asked) {
  const bool only_full = kind == wire::ChecksumKind::kCrc64Nvme;
  const std::string type = asked.value_or(only_full ? kFull : kComposite);
  if (type != kFull && type != kComposite) return invalid_request("Value for x-amz-checksum-type header is invalid.");
  if ((type == kFull && !is_crc(kind)) || (type == kComposite && only_full)) {
    return invalid_request("The " + type + " checksum type cannot be used with the " +
                           to_lower(wire::checksum_name(kind)) + " checksum algorithm.");
  }
  return type;
}

std::string joined_crc(wire::ChecksumKind kind, std::string_view first, std::string_view second,
                       std::uint64_t second_size) {
  const Field field(kind);
  const std::uint64_t joined = field.product(field.shift(second_size), number_of(first)) ^ number_of(second);
  return base64_of(joined, wire::checksum_bytes(kind));
}

bool keeps_crc64(const Upload& upload) {
  return upload.checksum_algorithm.empty() && upload.encryption != kCustomerEncryption;
}

Result<void> check_part_checksum(const Upload& upload, const std::optional<wire::ChecksumKind>& promised) {
  if (!promised || upload.checksum_algorithm.empty()) return {};
  const std::string_view given = wire::checksum_name(*promised);
  if (given == upload.checksum_algorithm) return {};
  return invalid_request("Checksum Type mismatch occurred, expected checksum Type: " +
                         to_lower(upload.checksum_algorithm) + ", actual checksum Type: " + to_lower(given));
}

StoredChecksum upload_checksum(const Upload& upload, const std::vector<Piece>& pieces) {
  const bool by_default = upload.checksum_algorithm.empty();
  const std::optional<wire::ChecksumKind> kind =
      by_default ? wire::ChecksumKind::kCrc64Nvme : wire::checksum_kind(upload.checksum_algorithm);
  const std::string type = by_default ? kFull : upload.checksum_type;
  std::string all;
  std::string full;
  for (const Piece& piece : pieces) {
    if (base64_decode(piece.checksum).value_or("").size() != wire::checksum_bytes(*kind)) return StoredChecksum();
    if (type == kFull) {
      full = full.empty() ? piece.checksum : joined_crc(*kind, full, piece.checksum, piece.size);
    } else {
      all += base64_decode(piece.checksum).value_or("");
    }
  }
  StoredChecksum made;
  made.algorithm = wire::checksum_name(*kind);
  made.type = type;
  made.value = full;
  if (type == kFull) return made;
  wire::Checksum composite(*kind);
  composite.update(all);
  made.value = composite.finish() + "-" + std::to_string(pieces.size());
  return made;
}

Result<void> check_upload_checksum(const api::CompleteMultipartUploadRequest& input, const Upload& upload,
                                   const StoredChecksum& made) {
  if (input.checksum_type && !upload.checksum_type.empty() && *input.checksum_type != upload.checksum_type) {
    return invalid_request("The upload was created using the " + upload.checksum_type +
                           " checksum mode. The complete request must use the same checksum mode.");
  }
  const std::optional<wire::ChecksumKind> kind = wire::checksum_kind(made.algorithm);
  if (!kind || made.value.empty()) return {};
  const std::optional<std::string>& promised = *kind == wire::ChecksumKind::kCrc32       ? input.checksum_crc32
                                               : *kind == wire::ChecksumKind::kCrc32c    ? input.checksum_crc32_c
                                               : *kind == wire::ChecksumKind::kCrc64Nvme ? input.checksum_crc64_nvme
                                               : *kind == wire::ChecksumKind::kSha1      ? input.checksum_sha1
                                               : *kind == wire::ChecksumKind::kMd5       ? input.checksum_md5
                                                                                         : input.checksum_sha256;
  // Of a composite one, the number of parts may be left out.
  const bool agrees = !promised || *promised == made.value || made.value.starts_with(*promised + "-");
  if (agrees) return {};
  return Error("BadDigest", 400, "The " + made.algorithm + " you specified did not match the calculated checksum.");
}

}  // namespace cumulet::s3
