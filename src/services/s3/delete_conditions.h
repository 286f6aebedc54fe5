#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "services/s3/model.h"
#include "storage/database.h"

namespace cumulet::s3 {

/// What a deletion stands under: ETag, time and size of the version that it would delete. What is not there meets every
/// condition. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
struct DeleteConditions {
  std::optional<std::string> etag;
  std::optional<Timestamp> modified;
  std::optional<std::int64_t> size;

  /// Fails with PreconditionFailed.
  Task<void> check(storage::Transaction& txn, const Bucket& bucket, std::string key,
                   std::optional<std::string> version_id) const;
};

}  // namespace cumulet::s3
