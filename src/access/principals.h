#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/task.h"
#include "storage/database.h"

/// Users, roles and access keys as they lie in the store. They live here and not in the IAM service, because STS and
/// the signatures of every request need them too. Times are milliseconds since 1970.
namespace cumulet::access {

struct UserRow {
  std::string name;
  std::string id;    ///< AIDA…
  std::string path;  ///< "/" or "/division/team/".
  std::int64_t created = 0;
  std::string permissions_boundary;
  std::map<std::string, std::string> tags;

  std::string arn(const std::string& account) const;
};

struct RoleRow {
  std::string name;
  std::string id;  ///< AROA…
  std::string path;
  std::int64_t created = 0;
  std::string trust_policy;  ///< JSON.
  std::optional<std::string> description;
  std::int64_t max_session_seconds = 3600;
  std::string permissions_boundary;
  std::map<std::string, std::string> tags;

  std::string arn(const std::string& account) const;
};

/// An access key of a user, or of the account's root (no user name).
struct AccessKeyRow {
  std::string id;  ///< AKIA…
  std::string secret;
  std::string account;
  std::string user_name;
  std::string user_id;
  std::string user_arn;
  bool active = true;
  std::int64_t created = 0;
};

/// The keys of the rows. Names of users and roles are unique without regard to case.
std::string user_key(std::string_view account, std::string_view name);
std::string users_prefix(std::string_view account);
std::string role_key(std::string_view account, std::string_view name);
std::string roles_prefix(std::string_view account);
std::string access_key_key(std::string_view id);
std::string access_keys_prefix();

std::string encode(const UserRow& row);
std::string encode(const RoleRow& row);
std::string encode(const AccessKeyRow& row);
/// Fail with InternalFailure on a damaged row.
Result<UserRow> decode_user(std::string_view bytes);
Result<RoleRow> decode_role(std::string_view bytes);
Result<AccessKeyRow> decode_access_key(std::string_view id, std::string_view bytes);

Task<std::optional<UserRow>> find_user(storage::Transaction& transaction, std::string account, std::string name);
Task<std::optional<RoleRow>> find_role(storage::Transaction& transaction, std::string account, std::string name);

/// A new id as IAM makes them: the prefix ("AIDA", "AROA", "AKIA", "ASIA" …) and random A–Z and 2–7, `length` in all.
std::string unique_id(std::string_view prefix, std::size_t length = 21);
/// A new secret access key: 40 characters.
std::string new_secret();

/// arn:aws:iam::ACCOUNT:role/PATH/NAME taken apart; nullopt when it is no role's ARN.
struct RoleName {
  std::string account;
  std::string name;
};
std::optional<RoleName> parse_role_arn(std::string_view arn);

}  // namespace cumulet::access
