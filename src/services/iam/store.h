#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/task.h"
#include "services/iam/model.h"
#include "storage/database.h"

/// IAM's own rows: inline policies, managed policies and their versions, attachments (both ways), and which access keys
/// a user has. Every function works inside the caller's transaction.
namespace cumulet::iam {

std::string inline_policy_key(const Entity& entity, std::string_view policy_name);
std::string inline_policies_prefix(const Entity& entity);

std::string attachment_key(const Entity& entity, std::string_view policy_arn);
std::string attachments_prefix(const Entity& entity);
/// The same attachment found from the policy's side; its value is the entity's id.
std::string attached_entity_key(const Entity& entity, std::string_view policy_arn);
std::string attached_entities_prefix(std::string_view account, std::string_view policy_arn);
std::string attached_entities_prefix(std::string_view account, std::string_view policy_arn, EntityKind kind);

std::string policy_key(std::string_view account, std::string_view name);
std::string policies_prefix(std::string_view account);
std::string policy_version_key(std::string_view account, std::string_view name, std::uint64_t version);
std::string policy_versions_prefix(std::string_view account, std::string_view name);

/// Of the account's root when `user_name` is empty.
std::string user_access_key_key(std::string_view account, std::string_view user_name, std::string_view access_key_id);
std::string user_access_keys_prefix(std::string_view account, std::string_view user_name);

std::string encode(const PolicyRow& row);
std::string encode(const PolicyVersionRow& row);
Result<PolicyRow> decode_policy(std::string_view bytes);
Result<PolicyVersionRow> decode_policy_version(std::string_view bytes);

/// The part of a key after its prefix, as text; empty when it is none.
std::string name_in(const storage::KeyValue& row, std::string_view prefix);

/// A part of a listing.
struct Page {
  Page() = default;
  std::vector<storage::KeyValue> rows;
  std::optional<std::string> marker;  ///< There is more: how to ask for it.
};

/// The next rows below `prefix` that `wanted` takes, at most `max_items` (100 when not given). Fails with InvalidInput
/// on a marker that is not ours.
Task<Page> read_page(storage::Transaction& transaction, std::string prefix, std::optional<std::string> marker,
                     std::optional<std::int32_t> max_items,
                     std::function<bool(const storage::KeyValue&)> wanted = nullptr);

/// All rows below `prefix`, at most `limit`.
Task<std::vector<storage::KeyValue>> read_all_rows(storage::Transaction& transaction, std::string prefix,
                                                   std::size_t limit = 1000);

/// Whether anything lies below `prefix`.
Task<bool> has_rows(storage::Transaction& transaction, std::string prefix);

}  // namespace cumulet::iam
