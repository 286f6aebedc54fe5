#include "services/iam/store.h"

#include <utility>

#include "base/text.h"
#include "storage/key.h"
#include "storage/row.h"
#include "wire/generated/iam.h"

namespace cumulet::iam {
namespace {

constexpr std::size_t kDefaultPage = 100;

storage::Key space(std::string_view account, std::string_view kind) {
  return storage::Key("iam").text(account).text(kind);
}

std::string_view text_of(EntityKind kind) { return kind == EntityKind::kUser ? "user" : "role"; }

}  // namespace

std::string inline_policies_prefix(const Entity& entity) {
  return space(entity.account, "inline").text(text_of(entity.kind)).text(to_lower(entity.name)).bytes();
}
std::string inline_policy_key(const Entity& entity, std::string_view policy_name) {
  return space(entity.account, "inline")
      .text(text_of(entity.kind))
      .text(to_lower(entity.name))
      .text(policy_name)
      .bytes();
}

std::string attachments_prefix(const Entity& entity) {
  return space(entity.account, "attached").text(text_of(entity.kind)).text(to_lower(entity.name)).bytes();
}
std::string attachment_key(const Entity& entity, std::string_view policy_arn) {
  return space(entity.account, "attached")
      .text(text_of(entity.kind))
      .text(to_lower(entity.name))
      .text(policy_arn)
      .bytes();
}

std::string attached_entities_prefix(std::string_view account, std::string_view policy_arn) {
  return space(account, "attached-to").text(policy_arn).bytes();
}
std::string attached_entities_prefix(std::string_view account, std::string_view policy_arn, EntityKind kind) {
  return space(account, "attached-to").text(policy_arn).text(text_of(kind)).bytes();
}
std::string attached_entity_key(const Entity& entity, std::string_view policy_arn) {
  return space(entity.account, "attached-to").text(policy_arn).text(text_of(entity.kind)).text(entity.name).bytes();
}

std::string policies_prefix(std::string_view account) { return space(account, "policy").bytes(); }
std::string policy_key(std::string_view account, std::string_view name) {
  return space(account, "policy").text(to_lower(name)).bytes();
}
std::string policy_versions_prefix(std::string_view account, std::string_view name) {
  return space(account, "policy-version").text(to_lower(name)).bytes();
}
std::string policy_version_key(std::string_view account, std::string_view name, std::uint64_t version) {
  return space(account, "policy-version").text(to_lower(name)).number(version).bytes();
}

std::string user_access_keys_prefix(std::string_view account, std::string_view user_name) {
  return space(account, "user-key").text(to_lower(user_name)).bytes();
}
std::string user_access_key_key(std::string_view account, std::string_view user_name, std::string_view access_key_id) {
  return space(account, "user-key").text(to_lower(user_name)).text(access_key_id).bytes();
}

std::string encode(const PolicyRow& row) {
  storage::RowWriter writer;
  writer.text(row.name).text(row.id).text(row.path).optional_text(row.description);
  writer.signed_number(row.created).signed_number(row.updated);
  writer.number(row.default_version).number(row.last_version).text_map(row.tags);
  return std::move(writer).bytes();
}

std::string encode(const PolicyVersionRow& row) {
  storage::RowWriter writer;
  writer.number(row.number).text(row.document).signed_number(row.created);
  return std::move(writer).bytes();
}

Result<PolicyRow> decode_policy(std::string_view bytes) {
  storage::RowReader reader(bytes);
  PolicyRow row;
  row.name = reader.text();
  row.id = reader.text();
  row.path = reader.text();
  row.description = reader.optional_text();
  row.created = reader.signed_number();
  row.updated = reader.signed_number();
  row.default_version = reader.number();
  row.last_version = reader.number();
  row.tags = reader.text_map();
  if (!reader.ok()) return Error(errors::kInternalFailure, "A stored policy cannot be read.");
  return row;
}

Result<PolicyVersionRow> decode_policy_version(std::string_view bytes) {
  storage::RowReader reader(bytes);
  PolicyVersionRow row;
  row.number = reader.number();
  row.document = reader.text();
  row.created = reader.signed_number();
  if (!reader.ok()) return Error(errors::kInternalFailure, "A stored policy version cannot be read.");
  return row;
}

std::string name_in(const storage::KeyValue& row, std::string_view prefix) {
  if (!row.key.starts_with(prefix)) return {};
  storage::KeyReader reader(std::string_view(row.key).substr(prefix.size()));
  return reader.text().value_or(std::string());
}

Task<Page> read_page(storage::Transaction& transaction, std::string prefix, std::optional<std::string> marker,
                     std::optional<std::int32_t> max_items, std::function<bool(const storage::KeyValue&)> wanted) {
  const std::size_t limit = max_items ? static_cast<std::size_t>(*max_items) : kDefaultPage;
  std::string begin = prefix;
  if (marker) {
    const std::optional<std::string> rest = base64url_decode(*marker);
    if (!rest) co_await fail(wire::iam::errors::kInvalidInput, "Invalid Marker.");
    begin += *rest;
  }
  const std::string end = storage::after_prefix(prefix);
  Page page;
  while (true) {
    storage::ScanOptions options;
    options.limit = limit + 1;
    std::vector<storage::KeyValue> rows = co_await transaction.scan(storage::KeyRange(begin, end), options);
    for (storage::KeyValue& row : rows) {
      if (page.rows.size() == limit && (!wanted || wanted(row))) {
        page.marker = base64url_encode(std::string_view(row.key).substr(prefix.size()));
        co_return page;
      }
      begin = row.key + '\0';
      if (page.rows.size() < limit && (!wanted || wanted(row))) page.rows.push_back(std::move(row));
    }
    // A scan may stop early for its size; only an empty one is the end.
    if (rows.empty()) co_return page;
  }
}

Task<std::vector<storage::KeyValue>> read_all_rows(storage::Transaction& transaction, std::string prefix,
                                                   std::size_t limit) {
  storage::ScanOptions options;
  options.limit = limit;
  std::string end = storage::after_prefix(prefix);
  co_return co_await transaction.scan(storage::KeyRange(std::move(prefix), std::move(end)), options);
}

Task<bool> has_rows(storage::Transaction& transaction, std::string prefix) {
  const std::vector<storage::KeyValue> rows = co_await read_all_rows(transaction, std::move(prefix), 1);
  co_return !rows.empty();
}

}  // namespace cumulet::iam
