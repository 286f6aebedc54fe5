#include <utility>

#include "access/policy.h"
#include "access/principals.h"
#include "base/text.h"
#include "services/iam/common.h"
#include "services/iam/iam.h"

namespace cumulet::iam {
namespace {

constexpr std::size_t kTrustPolicySize = 2048;

api::Role role_to(const access::RoleRow& row, const std::string& account, bool details) {
  api::Role role;
  role.path = row.path;
  role.role_name = row.name;
  role.role_id = row.id;
  role.arn = row.arn(account);
  role.create_date = from_millis(row.created);
  role.assume_role_policy_document = uri_encode(row.trust_policy);
  role.description = row.description;
  role.max_session_duration = static_cast<std::int32_t>(row.max_session_seconds);
  if (details) {
    role.permissions_boundary = boundary_to(row.permissions_boundary);
    role.tags = optional_tags(row.tags);
    role.role_last_used = api::RoleLastUsed();
  }
  return role;
}

void put_role(storage::Transaction& txn, const std::string& account, const access::RoleRow& row) {
  txn.put(access::role_key(account, row.name), access::encode(row));
}

Result<void> check_trust_policy(const std::string& document) {
  const Result<access::Policy> policy = access::parse_policy(document, access::PolicyKind::kTrust);
  if (!policy) return policy.error();
  if (counted_size(document) > kTrustPolicySize)
    return Error(api::errors::kLimitExceeded, "Cannot exceed quota for ACLSizePerRole: 2048");
  return {};
}

}  // namespace

void Iam::register_roles() {
  on<api::CreateRole>(&Iam::create_role);
  on<api::GetRole>(&Iam::get_role);
  on<api::ListRoles>(&Iam::list_roles);
  on<api::UpdateRole>(&Iam::update_role);
  on<api::UpdateRoleDescription>(&Iam::update_role_description);
  on<api::UpdateAssumeRolePolicy>(&Iam::update_trust);
  on<api::DeleteRole>(&Iam::delete_role);
  on<api::TagRole>(&Iam::tag_role);
  on<api::UntagRole>(&Iam::untag_role);
  on<api::ListRoleTags>(&Iam::list_role_tags);
  on<api::PutRolePermissionsBoundary>(&Iam::put_role_boundary);
  on<api::DeleteRolePermissionsBoundary>(&Iam::delete_role_boundary);
  on<api::ListInstanceProfilesForRole>(&Iam::list_instance_profiles_for_role);
}

Iam::Out<api::CreateRole> Iam::create_role(Transaction& txn, Call& call, const api::CreateRoleRequest& input) {
  co_await check_trust_policy(input.assume_role_policy_document);
  const std::optional<access::RoleRow> existing = co_await access::find_role(txn, call.account(), input.role_name);
  if (existing)
    co_return Error(api::errors::kEntityAlreadyExists, "Role with name " + input.role_name + " already exists.");
  access::RoleRow row;
  row.name = input.role_name;
  row.id = access::unique_id("AROA");
  row.path = input.path.value_or("/");
  row.created = clock_.now_millis();
  row.trust_policy = input.assume_role_policy_document;
  row.description = input.description;
  if (input.max_session_duration) row.max_session_seconds = *input.max_session_duration;
  if (input.tags) row.tags = co_await tags_from(*input.tags);
  if (input.permissions_boundary) {
    co_await check_boundary(*input.permissions_boundary);
    row.permissions_boundary = *input.permissions_boundary;
  }
  put_role(txn, call.account(), row);
  api::CreateRoleResponse output;
  output.role = role_to(row, call.account(), true);
  output.role.role_last_used.reset();
  co_return output;
}

Iam::Out<api::GetRole> Iam::get_role(Transaction& txn, Call& call, const api::GetRoleRequest& input) {
  const access::RoleRow row = co_await require_role(txn, call.account(), input.role_name);
  api::GetRoleResponse output;
  output.role = role_to(row, call.account(), true);
  co_return output;
}

Iam::Out<api::ListRoles> Iam::list_roles(Transaction& txn, Call& call, const api::ListRolesRequest& input) {
  const std::string path_prefix = input.path_prefix.value_or("/");
  auto wanted = [&path_prefix](const storage::KeyValue& row) {
    const Result<access::RoleRow> role = access::decode_role(row.value);
    return role && role->path.starts_with(path_prefix);
  };
  const Page page =
      co_await read_page(txn, access::roles_prefix(call.account()), input.marker, input.max_items, std::move(wanted));
  api::ListRolesResponse output;
  for (const storage::KeyValue& row : page.rows) {
    const access::RoleRow role = co_await access::decode_role(row.value);
    output.roles.push_back(role_to(role, call.account(), false));
  }
  output.is_truncated = page.marker.has_value();
  output.marker = page.marker;
  co_return output;
}

Iam::Out<api::UpdateRole> Iam::update_role(Transaction& txn, Call& call, const api::UpdateRoleRequest& input) {
  access::RoleRow row = co_await require_role(txn, call.account(), input.role_name);
  if (input.description) row.description = *input.description;
  if (input.max_session_duration) row.max_session_seconds = *input.max_session_duration;
  put_role(txn, call.account(), row);
  co_return api::UpdateRole::Output();
}

Iam::Out<api::UpdateRoleDescription> Iam::update_role_description(Transaction& txn, Call& call,
                                                                  const api::UpdateRoleDescriptionRequest& input) {
  access::RoleRow row = co_await require_role(txn, call.account(), input.role_name);
  row.description = input.description;
  put_role(txn, call.account(), row);
  api::UpdateRoleDescriptionResponse output;
  output.role = role_to(row, call.account(), true);
  co_return output;
}

Iam::Out<api::UpdateAssumeRolePolicy> Iam::update_trust(Transaction& txn, Call& call,
                                                        const api::UpdateAssumeRolePolicyRequest& input) {
  access::RoleRow row = co_await require_role(txn, call.account(), input.role_name);
  co_await check_trust_policy(input.policy_document);
  row.trust_policy = input.policy_document;
  put_role(txn, call.account(), row);
  co_return api::UpdateAssumeRolePolicy::Output();
}

Iam::Out<api::DeleteRole> Iam::delete_role(Transaction& txn, Call& call, const api::DeleteRoleRequest& input) {
  const Entity role = co_await require_role_entity(txn, call.account(), input.role_name);
  co_await require_no_policies(txn, role);
  txn.erase(access::role_key(call.account(), role.name));
  co_return api::DeleteRole::Output();
}

Iam::Out<api::TagRole> Iam::tag_role(Transaction& txn, Call& call, const api::TagRoleRequest& input) {
  access::RoleRow row = co_await require_role(txn, call.account(), input.role_name);
  co_await merge_tags(row.tags, input.tags);
  put_role(txn, call.account(), row);
  co_return api::TagRole::Output();
}

Iam::Out<api::UntagRole> Iam::untag_role(Transaction& txn, Call& call, const api::UntagRoleRequest& input) {
  access::RoleRow row = co_await require_role(txn, call.account(), input.role_name);
  remove_tags(row.tags, input.tag_keys);
  put_role(txn, call.account(), row);
  co_return api::UntagRole::Output();
}

Iam::Out<api::ListRoleTags> Iam::list_role_tags(Transaction& txn, Call& call, const api::ListRoleTagsRequest& input) {
  const access::RoleRow row = co_await require_role(txn, call.account(), input.role_name);
  api::ListRoleTagsResponse output;
  output.tags = tags_to(row.tags);
  output.is_truncated = false;
  co_return output;
}

Iam::Out<api::PutRolePermissionsBoundary> Iam::put_role_boundary(Transaction& txn, Call& call,
                                                                 const api::PutRolePermissionsBoundaryRequest& input) {
  access::RoleRow row = co_await require_role(txn, call.account(), input.role_name);
  co_await check_boundary(input.permissions_boundary);
  row.permissions_boundary = input.permissions_boundary;
  put_role(txn, call.account(), row);
  co_return api::PutRolePermissionsBoundary::Output();
}

Iam::Out<api::DeleteRolePermissionsBoundary> Iam::delete_role_boundary(
    Transaction& txn, Call& call, const api::DeleteRolePermissionsBoundaryRequest& input) {
  access::RoleRow row = co_await require_role(txn, call.account(), input.role_name);
  row.permissions_boundary.clear();
  put_role(txn, call.account(), row);
  co_return api::DeleteRolePermissionsBoundary::Output();
}

/// There are no instance profiles, so a role is in none.
Iam::Out<api::ListInstanceProfilesForRole> Iam::list_instance_profiles_for_role(
    Transaction& txn, Call& call, const api::ListInstanceProfilesForRoleRequest& input) {
  co_await require_role(txn, call.account(), input.role_name);
  api::ListInstanceProfilesForRoleResponse output;
  output.is_truncated = false;
  co_return output;
}

}  // namespace cumulet::iam
