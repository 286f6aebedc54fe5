#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "services/s3/content.h"
#include "services/s3/model.h"
#include "wire/call.h"
#include "wire/checksum.h"

namespace cumulet::s3 {

/// The metadata in the same inputs. Fails with MetadataTooLarge and InvalidStorageClass.
template <typename Input>
Result<Metadata> metadata_of(const Input& input);

/// Copies metadata into the outputs of GetObject and HeadObject.
template <typename Output>
void show_metadata(const Metadata& metadata, Output& output);

/// Puts a checksum into whichever output has the members.
template <typename Output>
void show_checksum(const StoredChecksum& checksum, Output& output);

/// "a=1&b=2", as x-amz-tagging has it.
Result<std::map<std::string, std::string>> parse_tags(const std::optional<std::string>& header);

/// STANDARD unless another is asked for; fails with InvalidStorageClass.
Result<std::string> storage_class_of(const std::optional<std::string>& asked);

/// Keys have 1 to 1024 bytes.
Result<void> check_key(const std::string& key);

/// The algorithm that a request names, or InvalidRequest.
Result<wire::ChecksumKind> asked_checksum(const std::string& algorithm);

/// A checksum that the client promises: the value in a header, or the algorithm of one that comes in the trailer or
/// that the server is to make.
struct PromisedChecksum {
  std::optional<wire::ChecksumKind> kind;
  std::string value;  ///< Base64; empty when only the algorithm is known.
};
template <typename Input>
Result<PromisedChecksum> promised_checksum(const Input& input, const wire::Call& call);

/// Compares what was received with Content-MD5 and the promised checksum: BadDigest, InvalidDigest.
Result<void> check_digests(const Received& received, const std::optional<std::string>& content_md5,
                           const PromisedChecksum& promised);

/// Bodies need a length beforehand: MissingContentLength (411).
Result<void> check_length(const std::shared_ptr<BodySource>& body);

}  // namespace cumulet::s3

#include "services/s3/object_rules_impl.h"  // IWYU pragma: export
