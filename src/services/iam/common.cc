#include "services/iam/common.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/text.h"

namespace cumulet::iam {
namespace {

constexpr std::size_t kTagLimit = 50;

}  // namespace

Error no_such_user(std::string_view name) {
  return Error(wire::iam::errors::kNoSuchEntity, "The user with name " + std::string(name) + " cannot be found.");
}
Error no_such_role(std::string_view name) {
  return Error(wire::iam::errors::kNoSuchEntity, "The role with name " + std::string(name) + " cannot be found.");
}
Error no_such_policy(std::string_view arn) {
  return Error(wire::iam::errors::kNoSuchEntity, "Policy " + std::string(arn) + " was not found.");
}

Task<access::UserRow> require_user(storage::Transaction& txn, std::string account, std::string name) {
  std::optional<access::UserRow> user = co_await access::find_user(txn, std::move(account), name);
  if (!user) co_return no_such_user(name);
  co_return std::move(*user);
}

Task<access::RoleRow> require_role(storage::Transaction& txn, std::string account, std::string name) {
  std::optional<access::RoleRow> role = co_await access::find_role(txn, std::move(account), name);
  if (!role) co_return no_such_role(name);
  co_return std::move(*role);
}

Task<Entity> require_user_entity(storage::Transaction& txn, std::string account, std::string name) {
  const access::UserRow user = co_await require_user(txn, account, std::move(name));
  co_return Entity(EntityKind::kUser, std::move(account), user.name, user.id);
}

Task<Entity> require_role_entity(storage::Transaction& txn, std::string account, std::string name) {
  const access::RoleRow role = co_await require_role(txn, account, std::move(name));
  co_return Entity(EntityKind::kRole, std::move(account), role.name, role.id);
}

std::optional<std::string> own_policy_name(std::string_view account, std::string_view policy_arn) {
  const std::string prefix = "arn:aws:iam::" + std::string(account) + ":policy/";
  if (!policy_arn.starts_with(prefix)) return std::nullopt;
  return std::string(policy_arn.substr(policy_arn.rfind('/') + 1));
}

Task<PolicyRow> require_policy(storage::Transaction& txn, std::string account, std::string policy_arn) {
  const std::optional<std::string> name = own_policy_name(account, policy_arn);
  if (!name) co_return no_such_policy(policy_arn);
  const std::optional<std::string> bytes = co_await txn.get(policy_key(account, *name));
  if (!bytes) co_return no_such_policy(policy_arn);
  PolicyRow row = co_await decode_policy(*bytes);
  if (row.arn(account) != policy_arn) co_return no_such_policy(policy_arn);
  co_return row;
}

void put_policy(storage::Transaction& txn, const std::string& account, const PolicyRow& row) {
  txn.put(policy_key(account, row.name), encode(row));
}

Task<void> require_no_policies(storage::Transaction& txn, Entity entity) {
  const bool attached = co_await has_rows(txn, attachments_prefix(entity));
  if (attached)
    co_await fail(wire::iam::errors::kDeleteConflict, "Cannot delete entity, must detach all policies first.");
  const bool inline_ones = co_await has_rows(txn, inline_policies_prefix(entity));
  if (inline_ones)
    co_await fail(wire::iam::errors::kDeleteConflict, "Cannot delete entity, must delete policies first.");
}

Result<std::string> caller_user_name(const wire::Call& call) {
  const std::string& arn = call.caller.arn;
  if (arn.ends_with(":root")) return std::string();
  if (arn.find(":user/") == std::string::npos)
    return Error(errors::kValidationError, "Must specify userName when calling with non-User credentials");
  return arn.substr(arn.rfind('/') + 1);
}

Result<std::map<std::string, std::string>> tags_from(const std::vector<wire::iam::Tag>& tags) {
  std::map<std::string, std::string> out;
  std::set<std::string> folded;
  for (const wire::iam::Tag& tag : tags) {
    if (!folded.insert(to_lower(tag.key)).second)
      return Error(wire::iam::errors::kInvalidInput,
                   "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    if (to_lower(tag.key).starts_with("aws:"))
      return Error(wire::iam::errors::kInvalidInput, "Tag keys beginning with aws: are reserved for system use.");
    out[tag.key] = tag.value;
  }
  return out;
}

Result<void> merge_tags(std::map<std::string, std::string>& into, const std::vector<wire::iam::Tag>& tags) {
  Result<std::map<std::string, std::string>> added = tags_from(tags);
  if (!added) return std::move(added).error();
  for (auto& [key, value] : *added) {
    const std::string folded = to_lower(key);
    std::erase_if(into, [&folded](const auto& tag) { return to_lower(tag.first) == folded; });
    into[key] = value;
  }
  if (into.size() > kTagLimit)
    return Error(wire::iam::errors::kLimitExceeded, "The number of tags has reached the maximum limit.");
  return {};
}

void remove_tags(std::map<std::string, std::string>& from, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const std::string folded = to_lower(key);
    std::erase_if(from, [&folded](const auto& tag) { return to_lower(tag.first) == folded; });
  }
}

std::vector<wire::iam::Tag> tags_to(const std::map<std::string, std::string>& tags) {
  std::vector<wire::iam::Tag> out;
  for (const auto& [key, value] : tags) {
    wire::iam::Tag tag;
    tag.key = key;
    tag.value = value;
    out.push_back(std::move(tag));
  }
  return out;
}

std::optional<std::vector<wire::iam::Tag>> optional_tags(const std::map<std::string, std::string>& tags) {
  if (tags.empty()) return std::nullopt;
  return tags_to(tags);
}

std::optional<wire::iam::AttachedPermissionsBoundary> boundary_to(const std::string& arn) {
  if (arn.empty()) return std::nullopt;
  wire::iam::AttachedPermissionsBoundary boundary;
  boundary.permissions_boundary_type = "Policy";
  boundary.permissions_boundary_arn = arn;
  return boundary;
}

Result<void> check_boundary(const std::string& arn) {
  const std::vector<std::string_view> parts = split(arn, ':');
  if (parts.size() == 6 && parts[0] == "arn" && parts[2] == "iam" && parts[5].starts_with("policy/")) return {};
  return Error(errors::kValidationError,
               "Value (" + arn + ") failed validation for parameter permissionsBoundary: must be the ARN of a policy");
}

std::size_t counted_size(std::string_view document) {
  return static_cast<std::size_t>(std::count_if(
      document.begin(), document.end(), [](char c) { return c != ' ' && c != '\t' && c != '\n' && c != '\r'; }));
}

Timestamp from_millis(std::int64_t millis) { return Timestamp(std::chrono::milliseconds(millis)); }

}  // namespace cumulet::iam
