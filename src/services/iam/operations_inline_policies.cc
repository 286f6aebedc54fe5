#include <utility>

#include "access/policy.h"
#include "base/text.h"
#include "services/iam/common.h"
#include "services/iam/iam.h"

namespace cumulet::iam {
namespace {

std::string_view kind_name(EntityKind kind) { return kind == EntityKind::kUser ? "user" : "role"; }

/// All inline policies of one entity together.
std::size_t size_limit(EntityKind kind) { return kind == EntityKind::kUser ? 2048 : 10240; }

Error no_such_inline_policy(EntityKind kind, const std::string& name) {
  return Error(api::errors::kNoSuchEntity,
               "The " + std::string(kind_name(kind)) + " policy with name " + name + " cannot be found.");
}

Task<void> put_inline_policy(storage::Transaction& txn, Entity entity, std::string name, std::string document) {
  const Result<access::Policy> policy = access::parse_policy(document, access::PolicyKind::kIdentity);
  if (!policy) co_await fail(policy.error());
  const std::string prefix = inline_policies_prefix(entity);
  const std::vector<storage::KeyValue> rows = co_await read_all_rows(txn, prefix);
  std::size_t size = counted_size(document);
  for (const storage::KeyValue& row : rows) {
    if (name_in(row, prefix) != name) size += counted_size(row.value);
  }
  if (size > size_limit(entity.kind)) {
    co_await fail(api::errors::kLimitExceeded, "Maximum policy size of " + std::to_string(size_limit(entity.kind)) +
                                                   " bytes exceeded for " + std::string(kind_name(entity.kind)) + " " +
                                                   entity.name);
  }
  txn.put(inline_policy_key(entity, name), std::move(document));
}

Task<std::string> read_inline_policy(storage::Transaction& txn, Entity entity, std::string name) {
  std::optional<std::string> document = co_await txn.get(inline_policy_key(entity, name));
  if (!document) co_return no_such_inline_policy(entity.kind, name);
  co_return std::move(*document);
}

Task<void> erase_inline_policy(storage::Transaction& txn, Entity entity, std::string name) {
  co_await read_inline_policy(txn, entity, name);
  txn.erase(inline_policy_key(entity, name));
}

template <typename Output, typename Input>
Task<Output> list_inline_policies(storage::Transaction& txn, Entity entity, const Input& input) {
  const std::string prefix = inline_policies_prefix(entity);
  const Page page = co_await read_page(txn, prefix, input.marker, input.max_items);
  Output output;
  for (const storage::KeyValue& row : page.rows) output.policy_names.push_back(name_in(row, prefix));
  output.is_truncated = page.marker.has_value();
  output.marker = page.marker;
  co_return output;
}

}  // namespace

void Iam::register_inline_policies() {
  on<api::PutUserPolicy>(&Iam::put_user_policy);
  on<api::GetUserPolicy>(&Iam::get_user_policy);
  on<api::DeleteUserPolicy>(&Iam::delete_user_policy);
  on<api::ListUserPolicies>(&Iam::list_user_policies);
  on<api::PutRolePolicy>(&Iam::put_role_policy);
  on<api::GetRolePolicy>(&Iam::get_role_policy);
  on<api::DeleteRolePolicy>(&Iam::delete_role_policy);
  on<api::ListRolePolicies>(&Iam::list_role_policies);
}

Iam::Out<api::PutUserPolicy> Iam::put_user_policy(Transaction& txn, Call& call,
                                                  const api::PutUserPolicyRequest& input) {
  Entity user = co_await require_user_entity(txn, call.account(), input.user_name);
  co_await put_inline_policy(txn, std::move(user), input.policy_name, input.policy_document);
  co_return api::PutUserPolicy::Output();
}

Iam::Out<api::GetUserPolicy> Iam::get_user_policy(Transaction& txn, Call& call,
                                                  const api::GetUserPolicyRequest& input) {
  const Entity user = co_await require_user_entity(txn, call.account(), input.user_name);
  const std::string document = co_await read_inline_policy(txn, user, input.policy_name);
  api::GetUserPolicyResponse output;
  output.user_name = user.name;
  output.policy_name = input.policy_name;
  output.policy_document = uri_encode(document);
  co_return output;
}

Iam::Out<api::DeleteUserPolicy> Iam::delete_user_policy(Transaction& txn, Call& call,
                                                        const api::DeleteUserPolicyRequest& input) {
  Entity user = co_await require_user_entity(txn, call.account(), input.user_name);
  co_await erase_inline_policy(txn, std::move(user), input.policy_name);
  co_return api::DeleteUserPolicy::Output();
}

Iam::Out<api::ListUserPolicies> Iam::list_user_policies(Transaction& txn, Call& call,
                                                        const api::ListUserPoliciesRequest& input) {
  Entity user = co_await require_user_entity(txn, call.account(), input.user_name);
  co_return co_await list_inline_policies<api::ListUserPoliciesResponse>(txn, std::move(user), input);
}

Iam::Out<api::PutRolePolicy> Iam::put_role_policy(Transaction& txn, Call& call,
                                                  const api::PutRolePolicyRequest& input) {
  Entity role = co_await require_role_entity(txn, call.account(), input.role_name);
  co_await put_inline_policy(txn, std::move(role), input.policy_name, input.policy_document);
  co_return api::PutRolePolicy::Output();
}

Iam::Out<api::GetRolePolicy> Iam::get_role_policy(Transaction& txn, Call& call,
                                                  const api::GetRolePolicyRequest& input) {
  const Entity role = co_await require_role_entity(txn, call.account(), input.role_name);
  const std::string document = co_await read_inline_policy(txn, role, input.policy_name);
  api::GetRolePolicyResponse output;
  output.role_name = role.name;
  output.policy_name = input.policy_name;
  output.policy_document = uri_encode(document);
  co_return output;
}

Iam::Out<api::DeleteRolePolicy> Iam::delete_role_policy(Transaction& txn, Call& call,
                                                        const api::DeleteRolePolicyRequest& input) {
  Entity role = co_await require_role_entity(txn, call.account(), input.role_name);
  co_await erase_inline_policy(txn, std::move(role), input.policy_name);
  co_return api::DeleteRolePolicy::Output();
}

Iam::Out<api::ListRolePolicies> Iam::list_role_policies(Transaction& txn, Call& call,
                                                        const api::ListRolePoliciesRequest& input) {
  Entity role = co_await require_role_entity(txn, call.account(), input.role_name);
  co_return co_await list_inline_policies<api::ListRolePoliciesResponse>(txn, std::move(role), input);
}

}  // namespace cumulet::iam
