#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// What IAM keeps besides users, roles and access keys (those are access/principals.h). Times are milliseconds since
/// 1970.
namespace cumulet::iam {

enum class EntityKind { kUser, kRole };

/// A user or a role as something that has policies.
struct Entity {
  Entity(EntityKind k, std::string a, std::string n, std::string i)
      : kind(k), account(std::move(a)), name(std::move(n)), id(std::move(i)) {}
  EntityKind kind;
  std::string account;
  std::string name;  ///< As it was created; keys fold its case.
  std::string id;
};

/// A managed policy of the account.
struct PolicyRow {
  std::string name;
  std::string id;  ///< ANPA…
  std::string path;
  std::optional<std::string> description;
  std::int64_t created = 0;
  std::int64_t updated = 0;
  std::uint64_t default_version = 1;
  std::uint64_t last_version = 1;  ///< Numbers are never used again.
  std::map<std::string, std::string> tags;

  std::string arn(const std::string& account) const { return "arn:aws:iam::" + account + ":policy" + path + name; }
};

struct PolicyVersionRow {
  std::uint64_t number = 1;
  std::string document;
  std::int64_t created = 0;
};

/// A policy that AWS brings along: arn:aws:iam::aws:policy PATH NAME. The actions are allowed on every resource.
struct AwsPolicy {
  std::string_view path;
  std::string_view name;
  std::string_view actions;  ///< Separated by blanks.

  std::string arn() const { return "arn:aws:iam::aws:policy" + std::string(path) + std::string(name); }
  std::string document() const;
  /// Made from the name, so that it stays the same.
  std::string id() const;
};

/// Null when there is none of that ARN.
const AwsPolicy* find_aws_policy(std::string_view arn);
/// The n-th in the order of their ARNs; null past the end.
const AwsPolicy* aws_policy_at(std::size_t index);

}  // namespace cumulet::iam
