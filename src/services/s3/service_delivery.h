#pragma once

#include <string>

#include "access/policy.h"
#include "services/s3/model.h"

namespace cumulet::s3 {

/// What the policy of `target` says when S3 itself, as that principal ("logging.s3.amazonaws.com"), puts an object
/// there on behalf of `source`.
access::Decision policy_for_service(const char* principal, const Bucket& source, const Bucket& target,
                                    const std::string& key);

}  // namespace cumulet::s3
