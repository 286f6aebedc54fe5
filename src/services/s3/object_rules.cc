#include "services/s3/object_rules.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace cumulet::s3 {
namespace detail {

std::string own_encodings(const std::string& encodings) {
  std::string own;
  for (std::string_view encoding : split(encodings, ',')) {
    encoding = trim(encoding);
    if (encoding.empty() || iequals(encoding, "aws-chunked")) continue;
    if (!own.empty()) own += ", ";
    own += encoding;
  }
  return own;
}

}  // namespace detail

Result<std::string> storage_class_of(const std::optional<std::string>& asked) {
  static constexpr std::array<std::string_view, 8> kKnown{"STANDARD",     "REDUCED_REDUNDANCY",  "STANDARD_IA",
                                                          "ONEZONE_IA",   "INTELLIGENT_TIERING", "GLACIER",
                                                          "DEEP_ARCHIVE", "GLACIER_IR"};
  std::string name = asked.value_or("STANDARD");
  if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) return name;
  return Error("InvalidStorageClass", 400, "The storage class you specified is not valid");
}

Result<std::map<std::string, std::string>> parse_tags(const std::optional<std::string>& header) {
  std::map<std::string, std::string> tags;
  if (!header || header->empty()) return tags;
  const auto invalid = [] {
    return Error(
        "InvalidArgument", 400,
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag "
        "name duplicates.");
  };
  for (const std::string_view pair : split(*header, '&')) {
    const std::size_t equals = pair.find('=');
    const std::optional<std::string> key = uri_decode(pair.substr(0, equals), true);
    const std::optional<std::string> value =
        equals == std::string_view::npos ? std::string() : uri_decode(pair.substr(equals + 1), true);
    if (!key || !value || key->empty() || key->size() > 128 || value->size() > 256) return invalid();
    if (!tags.emplace(*key, *value).second) return invalid();
  }
  if (tags.size() > 10) return Error("BadRequest", 400, "Object tags cannot be greater than 10");
  return tags;
}

Result<void> check_key(const std::string& key) {
  constexpr std::size_t kLimit = 1024;
  if (key.size() <= kLimit) return {};
  return Error("KeyTooLongError", 400, "Your key is too long")
      .with("Size", std::to_string(key.size()))
      .with("MaxSizeAllowed", std::to_string(kLimit));
}

Result<wire::ChecksumKind> asked_checksum(const std::string& algorithm) {
  if (const std::optional<wire::ChecksumKind> kind = wire::checksum_kind(algorithm)) return *kind;
  return invalid_request(
      "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, "
      "CRC64NVME, SHA1, SHA256, MD5]");
}

Result<void> check_digests(const Received& received, const std::optional<std::string>& content_md5,
                           const PromisedChecksum& promised) {
  if (content_md5) {
    const std::optional<std::string> expected = base64_decode(*content_md5);
    if (!expected || expected->size() != received.md5.size()) {
      return Error("InvalidDigest", 400, "The Content-MD5 you specified was invalid.")
          .with("Content-MD5", *content_md5);
    }
    if (*expected != received.md5) {
      return Error("BadDigest", 400, "The Content-MD5 you specified did not match what we received.")
          .with("ExpectedDigest", *content_md5)
          .with("CalculatedDigest", base64_encode(received.md5));
    }
  }
  if (promised.value.empty() || promised.value == received.checksum) return {};
  const std::optional<std::string> expected = base64_decode(promised.value);
  if (!expected || expected->size() != wire::checksum_bytes(*promised.kind)) {
    return invalid_request("Value for " + wire::checksum_header(*promised.kind) + " header is invalid.");
  }
  return Error("BadDigest", 400,
               "The " + std::string(wire::checksum_name(*promised.kind)) +
                   " you specified did not match the calculated checksum.");
}

Result<void> check_length(const std::shared_ptr<BodySource>& body) {
  if (body && !body->size()) {
    return Error("MissingContentLength", 411, "You must provide the Content-Length HTTP header.");
  }
  if (body && *body->size() > kObjectLimit) return entity_too_large(*body->size());
  return {};
}

}  // namespace cumulet::s3
