#pragma once

#include <optional>
#include <string>

#include "access/policy.h"
#include "base/result.h"
#include "wire/call.h"

/// Whether a service may invoke a function for itself, by the function's resource policy.
/// https://docs.aws.amazon.com/lambda/latest/dg/access-control-resource-based.html
namespace cumulet::lambda {

/// "s3.amazonaws.com" for a bucket's ARN. Empty for what invokes with a role's or a user's permissions.
std::string service_behind(const std::string& source_arn);

/// Fails with AccessDeniedException. `source_account` counts for ARNs that name no account (buckets).
Result<void> check_permission(const access::Policy& policy, const std::string& function_arn,
                              const std::string& source_arn, const std::string& source_account);

/// Whether a function URL may be called. With AuthType NONE (no caller) the function's policy must let everybody use
/// its URL and the function through it; with AWS_IAM it need not say so to callers of the function's own account, but
/// may deny it. https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
bool url_permitted(const access::Policy& policy, const std::string& function_arn, const std::string& account,
                   const std::optional<wire::Caller>& caller);

}  // namespace cumulet::lambda
