#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/policy.h"
#include "access/principals.h"
#include "services/iam/model.h"
#include "services/iam/store.h"
#include "wire/call.h"
#include "wire/generated/iam.h"

/// What several of IAM's operations share.
namespace cumulet::iam {

Error no_such_user(std::string_view name);
Error no_such_role(std::string_view name);
Error no_such_policy(std::string_view arn);

/// The row, or NoSuchEntity.
Task<access::UserRow> require_user(storage::Transaction& txn, std::string account, std::string name);
Task<access::RoleRow> require_role(storage::Transaction& txn, std::string account, std::string name);
Task<Entity> require_user_entity(storage::Transaction& txn, std::string account, std::string name);
Task<Entity> require_role_entity(storage::Transaction& txn, std::string account, std::string name);
/// A policy of the account by its ARN; `policy_arn` may also be of another account or AWS's, which is NoSuchEntity.
Task<PolicyRow> require_policy(storage::Transaction& txn, std::string account, std::string policy_arn);

void put_policy(storage::Transaction& txn, const std::string& account, const PolicyRow& row);

/// Fails when a user or role cannot be deleted because policies hang on it.
Task<void> require_no_policies(storage::Transaction& txn, Entity entity);

/// The user that an operation without a user name means: the caller. Empty for the account's root.
Result<std::string> caller_user_name(const wire::Call& call);

/// Fails with InvalidInput when a key occurs twice (keys are compared without regard to case).
Result<std::map<std::string, std::string>> tags_from(const std::vector<wire::iam::Tag>& tags);
/// Adds or replaces; fails with LimitExceeded past 50.
Result<void> merge_tags(std::map<std::string, std::string>& into, const std::vector<wire::iam::Tag>& tags);
void remove_tags(std::map<std::string, std::string>& from, const std::vector<std::string>& keys);
std::vector<wire::iam::Tag> tags_to(const std::map<std::string, std::string>& tags);
std::optional<std::vector<wire::iam::Tag>> optional_tags(const std::map<std::string, std::string>& tags);

std::optional<wire::iam::AttachedPermissionsBoundary> boundary_to(const std::string& arn);
/// Fails unless it is a managed policy's ARN.
Result<void> check_boundary(const std::string& arn);

/// The characters that count against a policy's size: all but white space.
std::size_t counted_size(std::string_view document);

Timestamp from_millis(std::int64_t millis);

/// The name part of a policy of this account; nullopt when the ARN is none.
std::optional<std::string> own_policy_name(std::string_view account, std::string_view policy_arn);

}  // namespace cumulet::iam
