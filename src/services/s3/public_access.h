#pragma once

#include <string_view>

#include "access/policy.h"
#include "services/s3/model.h"

namespace cumulet::s3 {

/// A bucket's public access block. As on AWS everything is blocked until somebody says otherwise.
struct PublicAccessBlock {
  bool block_public_acls = true;
  bool ignore_public_acls = true;
  bool block_public_policy = true;
  bool restrict_public_buckets = true;
};
/// What the row has instead of a document when the block was removed.
inline constexpr std::string_view kNoPublicAccessBlock = "none";
PublicAccessBlock public_access_block(const Bucket& bucket);

/// Whether a policy grants anything on the bucket or its objects to everyone.
bool is_public(const access::Policy& policy, const Bucket& bucket);

}  // namespace cumulet::s3
