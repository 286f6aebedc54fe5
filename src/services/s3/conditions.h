#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "services/s3/model.h"

namespace cumulet::s3 {

/// The conditions of a read. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-reads.html
struct ReadConditions {
  std::optional<std::string> if_match;
  std::optional<std::string> if_none_match;
  std::optional<Timestamp> if_modified_since;
  std::optional<Timestamp> if_unmodified_since;

  /// Fails with PreconditionFailed (412) or, where a fresh copy is not news to the reader, NotModified (304).
  Result<void> check(const Object& object) const;
};

/// Whether a list of entity tags ("\"a\", \"b\"" or "*") names this one.
bool etag_matches(const std::string& list, const std::string& etag);

/// The bytes that a Range header asks for.
struct ByteRange {
  ByteRange(std::uint64_t f, std::uint64_t l) : first(f), length(l) {}
  std::uint64_t first;
  std::uint64_t length;
};
/// Nullopt when the header is none that we follow (then all is sent). Fails with InvalidRange (416) when nothing of it
/// lies inside.
Result<std::optional<ByteRange>> parse_range(const std::string& header, std::uint64_t size);

}  // namespace cumulet::s3
