#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "services/s3/conditions.h"

namespace cumulet::s3 {

/// What x-amz-copy-source names: "bucket/key" or "/bucket/key", URL-encoded, perhaps with "?versionId=ID".
struct CopySource {
  std::string bucket;
  std::string key;
  std::optional<std::string> version_id;
};
Result<CopySource> parse_copy_source(const std::string& header);

/// The conditions of a copy: every one that fails is PreconditionFailed.
struct CopyConditions {
  ReadConditions conditions;
  Result<void> check_copy(const Object& object) const;
};

template <typename Input>
CopyConditions copy_conditions(const Input& input) {
  CopyConditions copy;
  copy.conditions.if_match = input.copy_source_if_match;
  copy.conditions.if_none_match = input.copy_source_if_none_match;
  copy.conditions.if_modified_since = input.copy_source_if_modified_since;
  copy.conditions.if_unmodified_since = input.copy_source_if_unmodified_since;
  return copy;
}

}  // namespace cumulet::s3
