#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/body.h"
#include "base/clock.h"
#include "base/task.h"
#include "wire/directory.h"

namespace cumulet::dynamodb {

/// What exports and imports ask of S3, in the account and region of their table.
class BucketAccess {
 public:
  BucketAccess(const wire::Directory* directory, const Clock& clock) : directory_(directory), clock_(clock) {}

  /// Gives the object's ETag, without its quotes.
  Task<std::string> put(std::string account, std::string region, std::string bucket, std::string key, std::string bytes,
                        std::string encryption, std::string encryption_key) const;
  /// The first key with the prefix after `after`; empty when there is none.
  Task<std::string> next_key(std::string account, std::string region, std::string bucket, std::string prefix,
                             std::string after) const;
  Task<std::shared_ptr<BodySource>> get(std::string account, std::string region, std::string bucket,
                                        std::string key) const;

 private:
  Task<void> require() const;
  const wire::Directory* directory_;
  const Clock& clock_;
};

}  // namespace cumulet::dynamodb
