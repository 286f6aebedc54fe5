#include "access/principals.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/text.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::access {
namespace {

storage::Key space(std::string_view kind) { return storage::Key("access").text(kind); }

Error damaged(std::string_view what) {
  return Error(errors::kInternalFailure, "A stored " + std::string(what) + " cannot be read.");
}

}  // namespace

std::string UserRow::arn(const std::string& account) const { return "arn:aws:iam::" + account + ":user" + path + name; }
std::string RoleRow::arn(const std::string& account) const { return "arn:aws:iam::" + account + ":role" + path + name; }

std::string users_prefix(std::string_view account) { return space("user").text(account).bytes(); }
std::string user_key(std::string_view account, std::string_view name) {
  return space("user").text(account).text(to_lower(name)).bytes();
}
std::string roles_prefix(std::string_view account) { return space("role").text(account).bytes(); }
std::string role_key(std::string_view account, std::string_view name) {
  return space("role").text(account).text(to_lower(name)).bytes();
}
std::string access_keys_prefix() { return space("key").bytes(); }
std::string access_key_key(std::string_view id) { return space("key").text(id).bytes(); }

std::string encode(const UserRow& row) {
  storage::RowWriter writer;
  writer.text(row.name).text(row.id).text(row.path).signed_number(row.created);
  writer.text(row.permissions_boundary).text_map(row.tags);
  return std::move(writer).bytes();
}

std::string encode(const RoleRow& row) {
  storage::RowWriter writer;
  writer.text(row.name).text(row.id).text(row.path).signed_number(row.created).text(row.trust_policy);
  writer.optional_text(row.description).signed_number(row.max_session_seconds);
  writer.text(row.permissions_boundary).text_map(row.tags);
  return std::move(writer).bytes();
}

std::string encode(const AccessKeyRow& row) {
  storage::RowWriter writer;
  writer.text(row.secret).text(row.account).text(row.user_name).text(row.user_id).text(row.user_arn);
  writer.boolean(row.active).signed_number(row.created);
  return std::move(writer).bytes();
}

Result<UserRow> decode_user(std::string_view bytes) {
  storage::RowReader reader(bytes);
  UserRow row;
  row.name = reader.text();
  row.id = reader.text();
  row.path = reader.text();
  row.created = reader.signed_number();
  row.permissions_boundary = reader.text();
  row.tags = reader.text_map();
  if (!reader.ok()) return damaged("user");
  return row;
}

Result<RoleRow> decode_role(std::string_view bytes) {
  storage::RowReader reader(bytes);
  RoleRow row;
  row.name = reader.text();
  row.id = reader.text();
  row.path = reader.text();
  row.created = reader.signed_number();
  row.trust_policy = reader.text();
  row.description = reader.optional_text();
  row.max_session_seconds = reader.signed_number();
  row.permissions_boundary = reader.text();
  row.tags = reader.text_map();
  if (!reader.ok()) return damaged("role");
  return row;
}

Result<AccessKeyRow> decode_access_key(std::string_view id, std::string_view bytes) {
  storage::RowReader reader(bytes);
  AccessKeyRow row;
  row.id = id;
  row.secret = reader.text();
  row.account = reader.text();
  row.user_name = reader.text();
  row.user_id = reader.text();
  row.user_arn = reader.text();
  row.active = reader.boolean();
  row.created = reader.signed_number();
  if (!reader.ok()) return damaged("access key");
  return row;
}

Task<std::optional<UserRow>> find_user(storage::Transaction& transaction, std::string account, std::string name) {
  const std::optional<std::string> bytes = co_await transaction.get(user_key(account, name));
  if (!bytes) co_return std::optional<UserRow>();
  UserRow row = co_await decode_user(*bytes);
  co_return std::optional<UserRow>(std::move(row));
}

Task<std::optional<RoleRow>> find_role(storage::Transaction& transaction, std::string account, std::string name) {
  const std::optional<std::string> bytes = co_await transaction.get(role_key(account, name));
  if (!bytes) co_return std::optional<RoleRow>();
  RoleRow row = co_await decode_role(*bytes);
  co_return std::optional<RoleRow>(std::move(row));
}

std::string unique_id(std::string_view prefix, std::size_t length) {
  return std::string(prefix) + random_text(length - prefix.size(), "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
}

std::string new_secret() { return base64_encode(random_bytes(30)); }

std::optional<RoleName> parse_role_arn(std::string_view arn) {
  const std::vector<std::string_view> parts = split(arn, ':');
  if (parts.size() != 6 || parts[0] != "arn" || parts[2] != "iam" || !parts[3].empty()) return std::nullopt;
  if (!parts[5].starts_with("role/")) return std::nullopt;
  RoleName role;
  role.account = parts[4];
  role.name = parts[5].substr(parts[5].rfind('/') + 1);
  const bool digits = role.account.size() == 12 && std::all_of(role.account.begin(), role.account.end(),
                                                               [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || role.name.empty() || role.name.size() > 64) return std::nullopt;
  return role;
}

}  // namespace cumulet::access
