#include "services/iam/managed_policy.h"

#include <utility>

#include "access/policy.h"
#include "base/text.h"

namespace cumulet::iam {
namespace {

constexpr std::size_t kPolicySize = 6144;

Task<std::int32_t> attachment_count(storage::Transaction& txn, std::string account, std::string arn) {
  const std::vector<storage::KeyValue> rows =
      co_await read_all_rows(txn, attached_entities_prefix(account, arn), 10'000);
  co_return static_cast<std::int32_t>(rows.size());
}

}  // namespace

std::string version_id(std::uint64_t number) { return "v" + std::to_string(number); }

std::optional<std::uint64_t> version_number(std::string_view id) {
  if (!id.starts_with('v')) return std::nullopt;
  const std::optional<std::int64_t> number = parse_int(id.substr(1));
  if (!number || *number < 1) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

Task<wire::iam::Policy> describe_policy(storage::Transaction& txn, std::string account, PolicyRow row, bool details) {
  wire::iam::Policy policy;
  policy.policy_name = row.name;
  policy.policy_id = row.id;
  policy.arn = row.arn(account);
  policy.path = row.path;
  policy.default_version_id = version_id(row.default_version);
  policy.attachment_count = co_await attachment_count(txn, account, row.arn(account));
  policy.permissions_boundary_usage_count = 0;
  policy.is_attachable = true;
  policy.create_date = from_millis(row.created);
  policy.update_date = from_millis(row.updated);
  if (details) {
    policy.description = row.description;
    policy.tags = tags_to(row.tags);
  }
  co_return policy;
}

Task<wire::iam::Policy> describe_aws_policy(storage::Transaction& txn, std::string account, const AwsPolicy& known) {
  wire::iam::Policy policy;
  policy.policy_name = std::string(known.name);
  policy.policy_id = known.id();
  policy.arn = known.arn();
  policy.path = std::string(known.path);
  policy.default_version_id = "v1";
  policy.attachment_count = co_await attachment_count(txn, std::move(account), known.arn());
  policy.permissions_boundary_usage_count = 0;
  policy.is_attachable = true;
  policy.create_date = from_millis(1'423'180'800'000);  // 2015-02-06, when most of them began
  policy.update_date = policy.create_date;
  co_return policy;
}

Task<PolicyVersionRow> require_policy_version(storage::Transaction& txn, std::string account, PolicyRow policy,
                                              std::string id) {
  const std::optional<std::uint64_t> number = version_number(id);
  std::optional<std::string> bytes;
  if (number) bytes = co_await txn.get(policy_version_key(account, policy.name, *number));
  if (!bytes) {
    co_return Error(wire::iam::errors::kNoSuchEntity,
                    "Policy " + policy.arn(account) + " version " + id + " does not exist or is not attachable.");
  }
  PolicyVersionRow row = co_await decode_policy_version(*bytes);
  co_return row;
}

Result<void> check_policy_document(const std::string& document) {
  const Result<access::Policy> policy = access::parse_policy(document, access::PolicyKind::kIdentity);
  if (!policy) return policy.error();
  if (counted_size(document) > kPolicySize)
    return Error(wire::iam::errors::kLimitExceeded, "Cannot exceed quota for PolicySize: 6144");
  return {};
}

}  // namespace cumulet::iam
