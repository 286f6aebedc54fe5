#include <utility>

#include "base/text.h"
#include "services/iam/common.h"
#include "services/iam/iam.h"

namespace cumulet::iam {
namespace {

constexpr std::size_t kPoliciesPerEntity = 10;

/// A managed policy that exists: one of the account's or one of AWS's.
Task<void> require_attachable(storage::Transaction& txn, std::string account, std::string policy_arn) {
  if (find_aws_policy(policy_arn) != nullptr) co_return;
  const Result<PolicyRow> policy = co_await attempt(require_policy(txn, std::move(account), policy_arn));
  if (policy) co_return;
  if (!policy.error().is(api::errors::kNoSuchEntity)) co_await fail(policy.error());
  co_await fail(api::errors::kNoSuchEntity, "Policy " + policy_arn + " does not exist or is not attachable.");
}

Task<void> attach(storage::Transaction& txn, Entity entity, std::string policy_arn) {
  co_await require_attachable(txn, entity.account, policy_arn);
  const std::string key = attachment_key(entity, policy_arn);
  const std::optional<std::string> attached = co_await txn.get(key);
  if (attached) co_return;
  const std::vector<storage::KeyValue> rows =
      co_await read_all_rows(txn, attachments_prefix(entity), kPoliciesPerEntity);
  if (rows.size() >= kPoliciesPerEntity) {
    const std::string quota = entity.kind == EntityKind::kUser ? "PoliciesPerUser" : "PoliciesPerRole";
    co_await fail(api::errors::kLimitExceeded, "Cannot exceed quota for " + quota + ": 10");
  }
  txn.put(key, {});
  txn.put(attached_entity_key(entity, policy_arn), entity.id);
}

Task<void> detach(storage::Transaction& txn, Entity entity, std::string policy_arn) {
  const std::string key = attachment_key(entity, policy_arn);
  const std::optional<std::string> attached = co_await txn.get(key);
  if (!attached) co_await fail(no_such_policy(policy_arn));
  txn.erase(key);
  txn.erase(attached_entity_key(entity, policy_arn));
}

/// The path of a policy's ARN: …:policy/PATH/NAME.
std::string path_of(std::string_view policy_arn) {
  const std::size_t begin = policy_arn.find(":policy/");
  if (begin == std::string_view::npos) return "/";
  return std::string(policy_arn.substr(begin + 7, policy_arn.rfind('/') - begin - 6));
}

template <typename Output, typename Input>
Task<Output> list_attached(storage::Transaction& txn, Entity entity, const Input& input) {
  const std::string prefix = attachments_prefix(entity);
  const std::string path_prefix = input.path_prefix.value_or("/");
  auto wanted = [&prefix, &path_prefix](const storage::KeyValue& row) {
    return path_of(name_in(row, prefix)).starts_with(path_prefix);
  };
  const Page page = co_await read_page(txn, prefix, input.marker, input.max_items, std::move(wanted));
  Output output;
  output.attached_policies.emplace();
  for (const storage::KeyValue& row : page.rows) {
    api::AttachedPolicy policy;
    policy.policy_arn = name_in(row, prefix);
    policy.policy_name = policy.policy_arn->substr(policy.policy_arn->rfind('/') + 1);
    output.attached_policies->push_back(std::move(policy));
  }
  output.is_truncated = page.marker.has_value();
  output.marker = page.marker;
  co_return output;
}

}  // namespace

void Iam::register_attachments() {
  on<api::AttachUserPolicy>(&Iam::attach_user_policy);
  on<api::DetachUserPolicy>(&Iam::detach_user_policy);
  on<api::ListAttachedUserPolicies>(&Iam::list_attached_user_policies);
  on<api::AttachRolePolicy>(&Iam::attach_role_policy);
  on<api::DetachRolePolicy>(&Iam::detach_role_policy);
  on<api::ListAttachedRolePolicies>(&Iam::list_attached_role_policies);
  on<api::ListEntitiesForPolicy>(&Iam::list_entities_for_policy);
}

Iam::Out<api::AttachUserPolicy> Iam::attach_user_policy(Transaction& txn, Call& call,
                                                        const api::AttachUserPolicyRequest& input) {
  Entity user = co_await require_user_entity(txn, call.account(), input.user_name);
  co_await attach(txn, std::move(user), input.policy_arn);
  co_return api::AttachUserPolicy::Output();
}

Iam::Out<api::DetachUserPolicy> Iam::detach_user_policy(Transaction& txn, Call& call,
                                                        const api::DetachUserPolicyRequest& input) {
  Entity user = co_await require_user_entity(txn, call.account(), input.user_name);
  co_await detach(txn, std::move(user), input.policy_arn);
  co_return api::DetachUserPolicy::Output();
}

Iam::Out<api::ListAttachedUserPolicies> Iam::list_attached_user_policies(
    Transaction& txn, Call& call, const api::ListAttachedUserPoliciesRequest& input) {
  Entity user = co_await require_user_entity(txn, call.account(), input.user_name);
  co_return co_await list_attached<api::ListAttachedUserPoliciesResponse>(txn, std::move(user), input);
}

Iam::Out<api::AttachRolePolicy> Iam::attach_role_policy(Transaction& txn, Call& call,
                                                        const api::AttachRolePolicyRequest& input) {
  Entity role = co_await require_role_entity(txn, call.account(), input.role_name);
  co_await attach(txn, std::move(role), input.policy_arn);
  co_return api::AttachRolePolicy::Output();
}

Iam::Out<api::DetachRolePolicy> Iam::detach_role_policy(Transaction& txn, Call& call,
                                                        const api::DetachRolePolicyRequest& input) {
  Entity role = co_await require_role_entity(txn, call.account(), input.role_name);
  co_await detach(txn, std::move(role), input.policy_arn);
  co_return api::DetachRolePolicy::Output();
}

Iam::Out<api::ListAttachedRolePolicies> Iam::list_attached_role_policies(
    Transaction& txn, Call& call, const api::ListAttachedRolePoliciesRequest& input) {
  Entity role = co_await require_role_entity(txn, call.account(), input.role_name);
  co_return co_await list_attached<api::ListAttachedRolePoliciesResponse>(txn, std::move(role), input);
}

Iam::Out<api::ListEntitiesForPolicy> Iam::list_entities_for_policy(Transaction& txn, Call& call,
                                                                   const api::ListEntitiesForPolicyRequest& input) {
  co_await require_attachable(txn, call.account(), input.policy_arn);
  const std::string filter = input.entity_filter.value_or(std::string());
  const std::string prefix = attached_entities_prefix(call.account(), input.policy_arn);
  const std::string users = attached_entities_prefix(call.account(), input.policy_arn, EntityKind::kUser);
  const std::string roles = attached_entities_prefix(call.account(), input.policy_arn, EntityKind::kRole);
  auto wanted = [&](const storage::KeyValue& row) {
    if (filter.empty()) return true;
    return (filter == "User" && row.key.starts_with(users)) || (filter == "Role" && row.key.starts_with(roles));
  };
  const Page page = co_await read_page(txn, prefix, input.marker, input.max_items, std::move(wanted));
  api::ListEntitiesForPolicyResponse output;
  output.policy_groups.emplace();
  output.policy_users.emplace();
  output.policy_roles.emplace();
  for (const storage::KeyValue& row : page.rows) {
    if (row.key.starts_with(users)) {
      api::PolicyUser user;
      user.user_name = name_in(row, users);
      user.user_id = row.value;
      output.policy_users->push_back(std::move(user));
    } else {
      api::PolicyRole role;
      role.role_name = name_in(row, roles);
      role.role_id = row.value;
      output.policy_roles->push_back(std::move(role));
    }
  }
  output.is_truncated = page.marker.has_value();
  output.marker = page.marker;
  co_return output;
}

}  // namespace cumulet::iam
