#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/s3/model.h"
#include "wire/checksum.h"
#include "wire/generated/s3.h"

/// Checksums of multipart uploads: of the whole object (CRCs, made from those of the parts) or composite.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
namespace cumulet::s3 {

/// The type of an upload that asks for this algorithm: COMPOSITE unless it says otherwise, FULL_OBJECT for CRC64NVME.
/// Fails with InvalidRequest where the two do not go together.
Result<std::string> upload_checksum_type(wire::ChecksumKind kind, const std::optional<std::string>& asked);

/// The CRC of two stretches, one behind the other, from those of each (base64, as in headers). `second_size` in bytes.
std::string joined_crc(wire::ChecksumKind kind, std::string_view first, std::string_view second,
                       std::uint64_t second_size);

/// Whether its parts get a CRC64NVME by themselves: S3 keeps one of the whole object when the upload names no
/// algorithm. Not of what a client's key hides.
bool keeps_crc64(const Upload& upload);

/// A part must come with a checksum of the upload's algorithm, if with any: InvalidRequest.
Result<void> check_part_checksum(const Upload& upload, const std::optional<wire::ChecksumKind>& promised);

/// Of the object that these pieces make; empty when a piece has no checksum.
StoredChecksum upload_checksum(const Upload& upload, const std::vector<Piece>& pieces);

/// Compares it with what the client promises when it completes the upload: BadDigest, InvalidRequest.
Result<void> check_upload_checksum(const wire::s3::CompleteMultipartUploadRequest& input, const Upload& upload,
                                   const StoredChecksum& made);

}  // namespace cumulet::s3
