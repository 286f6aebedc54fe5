#pragma once

#include "services/s3/errors.h"
#include "services/s3/object_rules.h"

namespace cumulet::s3 {
namespace detail {
inline constexpr std::size_t kUserMetadataLimit = 2048;
/// Without aws-chunked, which is how the content travelled and not what it is.
std::string own_encodings(const std::string& encodings);
}  // namespace detail

template <typename Input>
Result<Metadata> metadata_of(const Input& input) {
  Metadata metadata;
  metadata.content_type = input.content_type.value_or("binary/octet-stream");
  metadata.cache_control = input.cache_control.value_or("");
  metadata.content_disposition = input.content_disposition.value_or("");
  metadata.content_encoding = detail::own_encodings(input.content_encoding.value_or(""));
  metadata.content_language = input.content_language.value_or("");
  metadata.expires = input.expires.value_or("");
  metadata.website_redirect = input.website_redirect_location.value_or("");
  Result<std::string> storage_class = storage_class_of(input.storage_class);
  if (!storage_class.ok()) return std::move(storage_class).error();
  metadata.storage_class = std::move(storage_class).value();
  if (input.metadata) metadata.user = *input.metadata;
  std::size_t bytes = 0;
  for (const auto& [name, value] : metadata.user) bytes += name.size() + value.size();
  if (bytes > detail::kUserMetadataLimit) {
    return Error("MetadataTooLarge", 400, "Your metadata headers exceed the maximum allowed metadata size")
        .with("Size", std::to_string(bytes))
        .with("MaxSizeAllowed", std::to_string(detail::kUserMetadataLimit));
  }
  return metadata;
}

template <typename Output>
void show_metadata(const Metadata& metadata, Output& output) {
  const auto set = [](std::optional<std::string>& member, const std::string& value) {
    if (!value.empty()) member = value;
  };
  set(output.content_type, metadata.content_type);
  set(output.cache_control, metadata.cache_control);
  set(output.content_disposition, metadata.content_disposition);
  set(output.content_encoding, metadata.content_encoding);
  set(output.content_language, metadata.content_language);
  set(output.expires, metadata.expires);
  set(output.website_redirect_location, metadata.website_redirect);
  if (metadata.storage_class != "STANDARD") output.storage_class = metadata.storage_class;
  output.metadata = metadata.user;
}

template <typename Output>
void show_checksum(const StoredChecksum& checksum, Output& output) {
  if (checksum.value.empty()) return;
  if (checksum.algorithm == "CRC32") output.checksum_crc32 = checksum.value;
  if (checksum.algorithm == "CRC32C") output.checksum_crc32_c = checksum.value;
  if (checksum.algorithm == "CRC64NVME") output.checksum_crc64_nvme = checksum.value;
  if (checksum.algorithm == "SHA1") output.checksum_sha1 = checksum.value;
  if (checksum.algorithm == "SHA256") output.checksum_sha256 = checksum.value;
  if (checksum.algorithm == "MD5") output.checksum_md5 = checksum.value;
}

template <typename Input>
Result<PromisedChecksum> promised_checksum(const Input& input, const wire::Call& call) {
  PromisedChecksum promised;
  const auto take = [&promised](wire::ChecksumKind kind, const std::optional<std::string>& value) {
    if (!value) return;
    promised.kind = kind;
    promised.value = *value;
  };
  take(wire::ChecksumKind::kCrc32, input.checksum_crc32);
  take(wire::ChecksumKind::kCrc32c, input.checksum_crc32_c);
  take(wire::ChecksumKind::kCrc64Nvme, input.checksum_crc64_nvme);
  take(wire::ChecksumKind::kSha1, input.checksum_sha1);
  take(wire::ChecksumKind::kSha256, input.checksum_sha256);
  take(wire::ChecksumKind::kMd5, input.checksum_md5);
  if (promised.kind) return promised;
  const std::string_view trailer = call.http.headers.get("x-amz-trailer");
  if (!trailer.empty()) promised.kind = wire::checksum_kind_of_header(trailer);
  if (!promised.kind && input.checksum_algorithm) {
    Result<wire::ChecksumKind> kind = asked_checksum(*input.checksum_algorithm);
    if (!kind.ok()) return std::move(kind).error();
    promised.kind = *kind;
  }
  return promised;
}

}  // namespace cumulet::s3
