#pragma once

#include <string>

#include "services/iam/common.h"

/// Managed policies as the API shows them.
namespace cumulet::iam {

/// With the attachments counted; `details` adds what GetPolicy shows and ListPolicies does not.
Task<wire::iam::Policy> describe_policy(storage::Transaction& txn, std::string account, PolicyRow row, bool details);
Task<wire::iam::Policy> describe_aws_policy(storage::Transaction& txn, std::string account, const AwsPolicy& policy);

/// "v3"; nullopt when the text is none.
std::string version_id(std::uint64_t number);
std::optional<std::uint64_t> version_number(std::string_view id);

Task<PolicyVersionRow> require_policy_version(storage::Transaction& txn, std::string account, PolicyRow policy,
                                              std::string id);

/// Parses and measures a managed policy's document.
Result<void> check_policy_document(const std::string& document);

}  // namespace cumulet::iam
