#include <utility>

#include "access/principals.h"
#include "base/text.h"
#include "services/iam/common.h"
#include "services/iam/iam.h"

namespace cumulet::iam {
namespace {

constexpr std::size_t kKeysReadAtOnce = 100;  // a user has two

api::User user_to(const access::UserRow& row, const std::string& account, bool details) {
  api::User user;
  user.path = row.path;
  user.user_name = row.name;
  user.user_id = row.id;
  user.arn = row.arn(account);
  user.create_date = from_millis(row.created);
  if (details) {
    user.permissions_boundary = boundary_to(row.permissions_boundary);
    user.tags = optional_tags(row.tags);
  }
  return user;
}

void put_user(storage::Transaction& txn, const std::string& account, const access::UserRow& row) {
  txn.put(access::user_key(account, row.name), access::encode(row));
}

}  // namespace

void Iam::register_users() {
  on<api::CreateUser>(&Iam::create_user);
  on<api::GetUser>(&Iam::get_user);
  on<api::ListUsers>(&Iam::list_users);
  on<api::UpdateUser>(&Iam::update_user);
  on<api::DeleteUser>(&Iam::delete_user);
  on<api::TagUser>(&Iam::tag_user);
  on<api::UntagUser>(&Iam::untag_user);
  on<api::ListUserTags>(&Iam::list_user_tags);
  on<api::PutUserPermissionsBoundary>(&Iam::put_user_boundary);
  on<api::DeleteUserPermissionsBoundary>(&Iam::delete_user_boundary);
  on<api::ListGroupsForUser>(&Iam::list_groups_for_user);
}

Iam::Out<api::CreateUser> Iam::create_user(Transaction& txn, Call& call, const api::CreateUserRequest& input) {
  const std::optional<access::UserRow> existing = co_await access::find_user(txn, call.account(), input.user_name);
  if (existing)
    co_return Error(api::errors::kEntityAlreadyExists, "User with name " + input.user_name + " already exists.");
  access::UserRow row;
  row.name = input.user_name;
  row.id = access::unique_id("AIDA");
  row.path = input.path.value_or("/");
  row.created = clock_.now_millis();
  if (input.tags) row.tags = co_await tags_from(*input.tags);
  if (input.permissions_boundary) {
    co_await check_boundary(*input.permissions_boundary);
    row.permissions_boundary = *input.permissions_boundary;
  }
  put_user(txn, call.account(), row);
  api::CreateUserResponse output;
  output.user = user_to(row, call.account(), true);
  co_return output;
}

/// Without a name the caller's own user; the account's root has no name in IAM's answer.
Iam::Out<api::GetUser> Iam::get_user(Transaction& txn, Call& call, const api::GetUserRequest& input) {
  std::string name = input.user_name.value_or(std::string());
  if (!input.user_name) name = co_await caller_user_name(call);
  api::GetUserResponse output;
  if (name.empty()) {
    output.user.user_id = call.account();
    output.user.arn = "arn:aws:iam::" + call.account() + ":root";
    output.user.create_date = from_millis(0);
    const std::optional<std::string> bytes = co_await txn.get(access::access_key_key(call.caller.access_key_id));
    if (bytes) {
      const access::AccessKeyRow key = co_await access::decode_access_key(call.caller.access_key_id, *bytes);
      output.user.create_date = from_millis(key.created);
    }
    co_return output;
  }
  const access::UserRow row = co_await require_user(txn, call.account(), name);
  output.user = user_to(row, call.account(), true);
  co_return output;
}

Iam::Out<api::ListUsers> Iam::list_users(Transaction& txn, Call& call, const api::ListUsersRequest& input) {
  const std::string path_prefix = input.path_prefix.value_or("/");
  auto wanted = [&path_prefix](const storage::KeyValue& row) {
    const Result<access::UserRow> user = access::decode_user(row.value);
    return user && user->path.starts_with(path_prefix);
  };
  const Page page =
      co_await read_page(txn, access::users_prefix(call.account()), input.marker, input.max_items, std::move(wanted));
  api::ListUsersResponse output;
  for (const storage::KeyValue& row : page.rows) {
    const access::UserRow user = co_await access::decode_user(row.value);
    output.users.push_back(user_to(user, call.account(), false));
  }
  output.is_truncated = page.marker.has_value();
  output.marker = page.marker;
  co_return output;
}

/// Moves all that hangs on a user's name: policies both ways, and the access keys, whose callers have the new ARN.
Task<void> Iam::rename_user(Transaction& txn, std::string account, access::UserRow before, access::UserRow after) {
  const Entity from(EntityKind::kUser, account, before.name, before.id);
  const Entity to(EntityKind::kUser, account, after.name, after.id);
  const std::string inline_prefix = inline_policies_prefix(from);
  const std::vector<storage::KeyValue> inline_rows = co_await read_all_rows(txn, inline_prefix);
  const std::string attached_prefix = attachments_prefix(from);
  const std::vector<storage::KeyValue> attached_rows = co_await read_all_rows(txn, attached_prefix);
  const std::string keys_prefix = user_access_keys_prefix(account, before.name);
  const std::vector<storage::KeyValue> key_rows = co_await read_all_rows(txn, keys_prefix, kKeysReadAtOnce);

  for (const storage::KeyValue& row : inline_rows) {
    txn.erase(row.key);
    txn.put(inline_policy_key(to, name_in(row, inline_prefix)), row.value);
  }
  for (const storage::KeyValue& row : attached_rows) {
    const std::string arn = name_in(row, attached_prefix);
    txn.erase(row.key);
    txn.erase(attached_entity_key(from, arn));
    txn.put(attachment_key(to, arn), row.value);
    txn.put(attached_entity_key(to, arn), to.id);
  }
  for (const storage::KeyValue& row : key_rows) {
    const std::string id = name_in(row, keys_prefix);
    txn.erase(row.key);
    txn.put(user_access_key_key(account, after.name, id), row.value);
    const std::optional<std::string> bytes = co_await txn.get(access::access_key_key(id));
    if (!bytes) continue;
    access::AccessKeyRow key = co_await access::decode_access_key(id, *bytes);
    key.user_name = after.name;
    key.user_arn = after.arn(account);
    txn.put(access::access_key_key(id), access::encode(key));
  }
  txn.erase(access::user_key(account, before.name));
  put_user(txn, account, after);
}

Iam::Out<api::UpdateUser> Iam::update_user(Transaction& txn, Call& call, const api::UpdateUserRequest& input) {
  const access::UserRow before = co_await require_user(txn, call.account(), input.user_name);
  access::UserRow after = before;
  if (input.new_path) after.path = *input.new_path;
  if (input.new_user_name) after.name = *input.new_user_name;
  if (to_lower(after.name) != to_lower(before.name)) {
    const std::optional<access::UserRow> taken = co_await access::find_user(txn, call.account(), after.name);
    if (taken) co_return Error(api::errors::kEntityAlreadyExists, "User with name " + after.name + " already exists.");
  }
  co_await rename_user(txn, call.account(), before, after);
  co_return api::UpdateUser::Output();
}

Iam::Out<api::DeleteUser> Iam::delete_user(Transaction& txn, Call& call, const api::DeleteUserRequest& input) {
  const Entity user = co_await require_user_entity(txn, call.account(), input.user_name);
  const bool has_keys = co_await has_rows(txn, user_access_keys_prefix(call.account(), user.name));
  if (has_keys) co_return Error(api::errors::kDeleteConflict, "Cannot delete entity, must delete access keys first.");
  co_await require_no_policies(txn, user);
  txn.erase(access::user_key(call.account(), user.name));
  co_return api::DeleteUser::Output();
}

Iam::Out<api::TagUser> Iam::tag_user(Transaction& txn, Call& call, const api::TagUserRequest& input) {
  access::UserRow row = co_await require_user(txn, call.account(), input.user_name);
  co_await merge_tags(row.tags, input.tags);
  put_user(txn, call.account(), row);
  co_return api::TagUser::Output();
}

Iam::Out<api::UntagUser> Iam::untag_user(Transaction& txn, Call& call, const api::UntagUserRequest& input) {
  access::UserRow row = co_await require_user(txn, call.account(), input.user_name);
  remove_tags(row.tags, input.tag_keys);
  put_user(txn, call.account(), row);
  co_return api::UntagUser::Output();
}

Iam::Out<api::ListUserTags> Iam::list_user_tags(Transaction& txn, Call& call, const api::ListUserTagsRequest& input) {
  const access::UserRow row = co_await require_user(txn, call.account(), input.user_name);
  api::ListUserTagsResponse output;
  output.tags = tags_to(row.tags);
  output.is_truncated = false;
  co_return output;
}

Iam::Out<api::PutUserPermissionsBoundary> Iam::put_user_boundary(Transaction& txn, Call& call,
                                                                 const api::PutUserPermissionsBoundaryRequest& input) {
  access::UserRow row = co_await require_user(txn, call.account(), input.user_name);
  co_await check_boundary(input.permissions_boundary);
  row.permissions_boundary = input.permissions_boundary;
  put_user(txn, call.account(), row);
  co_return api::PutUserPermissionsBoundary::Output();
}

Iam::Out<api::DeleteUserPermissionsBoundary> Iam::delete_user_boundary(
    Transaction& txn, Call& call, const api::DeleteUserPermissionsBoundaryRequest& input) {
  access::UserRow row = co_await require_user(txn, call.account(), input.user_name);
  row.permissions_boundary.clear();
  put_user(txn, call.account(), row);
  co_return api::DeleteUserPermissionsBoundary::Output();
}

/// There are no groups, so a user is in none.
Iam::Out<api::ListGroupsForUser> Iam::list_groups_for_user(Transaction& txn, Call& call,
                                                           const api::ListGroupsForUserRequest& input) {
  co_await require_user(txn, call.account(), input.user_name);
  api::ListGroupsForUserResponse output;
  output.is_truncated = false;
  co_return output;
}

}  // namespace cumulet::iam
