#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "access/policy.h"
#include "access/principals.h"
#include "base/clock.h"
#include "services/iam/model.h"
#include "services/iam/store.h"
#include "storage/database.h"
#include "wire/generated/iam.h"
#include "wire/service.h"

namespace cumulet::iam {

namespace api = wire::iam;

/// IAM: users and their access keys, roles, inline and managed policies. Every operation is one transaction. Groups,
/// instance profiles, login profiles and identity providers do not exist here.
/// https://docs.aws.amazon.com/IAM/latest/APIReference/
class Iam {
 public:
  Iam(storage::Database& database, const Clock& clock);

  const wire::Service& service() const { return service_; }

 private:
  using Transaction = storage::Transaction;
  using Call = wire::Call;
  template <typename Operation>
  using Out = Task<typename Operation::Output>;
  template <typename Operation>
  using Method = Out<Operation> (Iam::*)(Transaction&, Call&, const typename Operation::Input&);

  /// Runs the operation in a transaction, whose commit the reply waits for.
  template <typename Operation>
  void on(Method<Operation> operate) {
    service_.on<Operation>([this, operate](Call& call, const typename Operation::Input& input) {
      return storage::transact(database_, [this, operate, &call, &input](Transaction& transaction) {
        return (this->*operate)(transaction, call, input);
      });
    });
  }

  // operations_users.cc
  void register_users();
  Out<api::CreateUser> create_user(Transaction& txn, Call& call, const api::CreateUserRequest& input);
  Out<api::GetUser> get_user(Transaction& txn, Call& call, const api::GetUserRequest& input);
  Out<api::ListUsers> list_users(Transaction& txn, Call& call, const api::ListUsersRequest& input);
  Out<api::UpdateUser> update_user(Transaction& txn, Call& call, const api::UpdateUserRequest& input);
  Out<api::DeleteUser> delete_user(Transaction& txn, Call& call, const api::DeleteUserRequest& input);
  Out<api::TagUser> tag_user(Transaction& txn, Call& call, const api::TagUserRequest& input);
  Out<api::UntagUser> untag_user(Transaction& txn, Call& call, const api::UntagUserRequest& input);
  Out<api::ListUserTags> list_user_tags(Transaction& txn, Call& call, const api::ListUserTagsRequest& input);
  Out<api::PutUserPermissionsBoundary> put_user_boundary(Transaction& txn, Call& call,
                                                         const api::PutUserPermissionsBoundaryRequest& input);
  Out<api::DeleteUserPermissionsBoundary> delete_user_boundary(Transaction& txn, Call& call,
                                                               const api::DeleteUserPermissionsBoundaryRequest& input);
  Out<api::ListGroupsForUser> list_groups_for_user(Transaction& txn, Call& call,
                                                   const api::ListGroupsForUserRequest& input);
  Task<void> rename_user(Transaction& txn, std::string account, access::UserRow before, access::UserRow after);

  // operations_access_keys.cc
  void register_access_keys();
  Out<api::CreateAccessKey> create_access_key(Transaction& txn, Call& call, const api::CreateAccessKeyRequest& input);
  Out<api::ListAccessKeys> list_access_keys(Transaction& txn, Call& call, const api::ListAccessKeysRequest& input);
  Out<api::UpdateAccessKey> update_access_key(Transaction& txn, Call& call, const api::UpdateAccessKeyRequest& input);
  Out<api::DeleteAccessKey> delete_access_key(Transaction& txn, Call& call, const api::DeleteAccessKeyRequest& input);

  // operations_roles.cc
  void register_roles();
  Out<api::CreateRole> create_role(Transaction& txn, Call& call, const api::CreateRoleRequest& input);
  Out<api::GetRole> get_role(Transaction& txn, Call& call, const api::GetRoleRequest& input);
  Out<api::ListRoles> list_roles(Transaction& txn, Call& call, const api::ListRolesRequest& input);
  Out<api::UpdateRole> update_role(Transaction& txn, Call& call, const api::UpdateRoleRequest& input);
  Out<api::UpdateRoleDescription> update_role_description(Transaction& txn, Call& call,
                                                          const api::UpdateRoleDescriptionRequest& input);
  Out<api::UpdateAssumeRolePolicy> update_trust(Transaction& txn, Call& call,
                                                const api::UpdateAssumeRolePolicyRequest& input);
  Out<api::DeleteRole> delete_role(Transaction& txn, Call& call, const api::DeleteRoleRequest& input);
  Out<api::TagRole> tag_role(Transaction& txn, Call& call, const api::TagRoleRequest& input);
  Out<api::UntagRole> untag_role(Transaction& txn, Call& call, const api::UntagRoleRequest& input);
  Out<api::ListRoleTags> list_role_tags(Transaction& txn, Call& call, const api::ListRoleTagsRequest& input);
  Out<api::PutRolePermissionsBoundary> put_role_boundary(Transaction& txn, Call& call,
                                                         const api::PutRolePermissionsBoundaryRequest& input);
  Out<api::DeleteRolePermissionsBoundary> delete_role_boundary(Transaction& txn, Call& call,
                                                               const api::DeleteRolePermissionsBoundaryRequest& input);
  Out<api::ListInstanceProfilesForRole> list_instance_profiles_for_role(
      Transaction& txn, Call& call, const api::ListInstanceProfilesForRoleRequest& input);

  // operations_inline_policies.cc
  void register_inline_policies();
  Out<api::PutUserPolicy> put_user_policy(Transaction& txn, Call& call, const api::PutUserPolicyRequest& input);
  Out<api::GetUserPolicy> get_user_policy(Transaction& txn, Call& call, const api::GetUserPolicyRequest& input);
  Out<api::DeleteUserPolicy> delete_user_policy(Transaction& txn, Call& call,
                                                const api::DeleteUserPolicyRequest& input);
  Out<api::ListUserPolicies> list_user_policies(Transaction& txn, Call& call,
                                                const api::ListUserPoliciesRequest& input);
  Out<api::PutRolePolicy> put_role_policy(Transaction& txn, Call& call, const api::PutRolePolicyRequest& input);
  Out<api::GetRolePolicy> get_role_policy(Transaction& txn, Call& call, const api::GetRolePolicyRequest& input);
  Out<api::DeleteRolePolicy> delete_role_policy(Transaction& txn, Call& call,
                                                const api::DeleteRolePolicyRequest& input);
  Out<api::ListRolePolicies> list_role_policies(Transaction& txn, Call& call,
                                                const api::ListRolePoliciesRequest& input);

  // operations_policies.cc
  void register_policies();
  Out<api::CreatePolicy> create_policy(Transaction& txn, Call& call, const api::CreatePolicyRequest& input);
  Out<api::GetPolicy> get_policy(Transaction& txn, Call& call, const api::GetPolicyRequest& input);
  Out<api::ListPolicies> list_policies(Transaction& txn, Call& call, const api::ListPoliciesRequest& input);
  Out<api::DeletePolicy> delete_policy(Transaction& txn, Call& call, const api::DeletePolicyRequest& input);
  Out<api::TagPolicy> tag_policy(Transaction& txn, Call& call, const api::TagPolicyRequest& input);
  Out<api::UntagPolicy> untag_policy(Transaction& txn, Call& call, const api::UntagPolicyRequest& input);
  Out<api::ListPolicyTags> list_policy_tags(Transaction& txn, Call& call, const api::ListPolicyTagsRequest& input);

  // operations_policy_versions.cc
  void register_policy_versions();
  Out<api::CreatePolicyVersion> create_policy_version(Transaction& txn, Call& call,
                                                      const api::CreatePolicyVersionRequest& input);
  Out<api::GetPolicyVersion> get_policy_version(Transaction& txn, Call& call,
                                                const api::GetPolicyVersionRequest& input);
  Out<api::ListPolicyVersions> list_policy_versions(Transaction& txn, Call& call,
                                                    const api::ListPolicyVersionsRequest& input);
  Out<api::DeletePolicyVersion> delete_policy_version(Transaction& txn, Call& call,
                                                      const api::DeletePolicyVersionRequest& input);
  Out<api::SetDefaultPolicyVersion> set_default_policy_version(Transaction& txn, Call& call,
                                                               const api::SetDefaultPolicyVersionRequest& input);

  // operations_attachments.cc
  void register_attachments();
  Out<api::AttachUserPolicy> attach_user_policy(Transaction& txn, Call& call,
                                                const api::AttachUserPolicyRequest& input);
  Out<api::DetachUserPolicy> detach_user_policy(Transaction& txn, Call& call,
                                                const api::DetachUserPolicyRequest& input);
  Out<api::ListAttachedUserPolicies> list_attached_user_policies(Transaction& txn, Call& call,
                                                                 const api::ListAttachedUserPoliciesRequest& input);
  Out<api::AttachRolePolicy> attach_role_policy(Transaction& txn, Call& call,
                                                const api::AttachRolePolicyRequest& input);
  Out<api::DetachRolePolicy> detach_role_policy(Transaction& txn, Call& call,
                                                const api::DetachRolePolicyRequest& input);
  Out<api::ListAttachedRolePolicies> list_attached_role_policies(Transaction& txn, Call& call,
                                                                 const api::ListAttachedRolePoliciesRequest& input);
  Out<api::ListEntitiesForPolicy> list_entities_for_policy(Transaction& txn, Call& call,
                                                           const api::ListEntitiesForPolicyRequest& input);

  // operations_account.cc
  void register_account();
  Out<api::ListAccountAliases> list_account_aliases(Transaction& txn, Call& call,
                                                    const api::ListAccountAliasesRequest& input);
  Out<api::GetAccountSummary> get_account_summary(Transaction& txn, Call& call,
                                                  const api::GetAccountSummary::Input& input);

  storage::Database& database_;
  const Clock& clock_;
  wire::Service service_;
};

}  // namespace cumulet::iam
