#pragma once

#include <string>

#include "access/policy.h"
#include "base/result.h"

/// Whether a service may invoke a function for itself, by the function's resource policy.
/// https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
namespace cumulet::lambda {

/// "s3.amazonaws.com" for a bucket's ARN. Empty for what invokes with a role's or a user's permissions.
std::string service_behind(const std::string& source_arn);

/// Fails with AccessDeniedException. `source_account` counts for ARNs that name no account (buckets).
Result<void> check_permission(const access::Policy& policy, const std::string& function_arn,
                              const std::string& source_arn, const std::string& source_account);

}  // namespace cumulet::lambda
