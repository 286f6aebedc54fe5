#include <utility>

#include "access/principals.h"
#include "base/text.h"
#include "services/iam/common.h"
#include "services/iam/iam.h"
#include "services/iam/managed_policy.h"

namespace cumulet::iam {
namespace {

/// The marker of a listing that has come to AWS's policies: which one is next.
constexpr std::string_view kAwsMarker = "aws.";

}  // namespace

void Iam::register_policies() {
  on<api::CreatePolicy>(&Iam::create_policy);
  on<api::GetPolicy>(&Iam::get_policy);
  on<api::ListPolicies>(&Iam::list_policies);
  on<api::DeletePolicy>(&Iam::delete_policy);
  on<api::TagPolicy>(&Iam::tag_policy);
  on<api::UntagPolicy>(&Iam::untag_policy);
  on<api::ListPolicyTags>(&Iam::list_policy_tags);
}

Iam::Out<api::CreatePolicy> Iam::create_policy(Transaction& txn, Call& call, const api::CreatePolicyRequest& input) {
  co_await check_policy_document(input.policy_document);
  const std::optional<std::string> existing = co_await txn.get(policy_key(call.account(), input.policy_name));
  if (existing)
    co_return Error(api::errors::kEntityAlreadyExists,
                    "A policy called " + input.policy_name + " already exists. Duplicate names are not allowed.");
  PolicyRow row;
  row.name = input.policy_name;
  row.id = access::unique_id("ANPA");
  row.path = input.path.value_or("/");
  row.description = input.description;
  row.created = row.updated = clock_.now_millis();
  if (input.tags) row.tags = co_await tags_from(*input.tags);
  put_policy(txn, call.account(), row);
  PolicyVersionRow version;
  version.document = input.policy_document;
  version.created = row.created;
  txn.put(policy_version_key(call.account(), row.name, version.number), encode(version));

  api::CreatePolicyResponse output;
  output.policy = co_await describe_policy(txn, call.account(), row, true);
  output.policy->description.reset();
  co_return output;
}

Iam::Out<api::GetPolicy> Iam::get_policy(Transaction& txn, Call& call, const api::GetPolicyRequest& input) {
  api::GetPolicyResponse output;
  if (const AwsPolicy* known = find_aws_policy(input.policy_arn)) {
    output.policy = co_await describe_aws_policy(txn, call.account(), *known);
    co_return output;
  }
  const PolicyRow row = co_await require_policy(txn, call.account(), input.policy_arn);
  output.policy = co_await describe_policy(txn, call.account(), row, true);
  co_return output;
}

/// First the account's own, then AWS's, as the scope asks for them.
Iam::Out<api::ListPolicies> Iam::list_policies(Transaction& txn, Call& call, const api::ListPoliciesRequest& input) {
  const std::string scope = input.scope.value_or("All");
  const std::string path_prefix = input.path_prefix.value_or("/");
  const std::size_t limit = static_cast<std::size_t>(input.max_items.value_or(100));
  const bool only_attached = input.only_attached.value_or(false);
  const bool in_aws = input.marker && input.marker->starts_with(kAwsMarker);
  std::vector<api::Policy> policies;
  api::ListPoliciesResponse output;
  output.is_truncated = false;

  if (scope != "AWS" && !in_aws) {
    auto wanted = [&path_prefix](const storage::KeyValue& row) {
      const Result<PolicyRow> policy = decode_policy(row.value);
      return policy && policy->path.starts_with(path_prefix);
    };
    const Page page =
        co_await read_page(txn, policies_prefix(call.account()), input.marker, input.max_items, std::move(wanted));
    for (const storage::KeyValue& row : page.rows) {
      const PolicyRow policy = co_await decode_policy(row.value);
      api::Policy described = co_await describe_policy(txn, call.account(), policy, false);
      if (!only_attached || *described.attachment_count > 0) policies.push_back(std::move(described));
    }
    output.marker = page.marker;
  }
  if (scope != "Local" && !output.marker) {
    std::size_t index = 0;
    if (in_aws) {
      const std::optional<std::int64_t> start = parse_int(std::string_view(*input.marker).substr(kAwsMarker.size()));
      if (!start || *start < 0) co_return Error(api::errors::kInvalidInput, "Invalid Marker.");
      index = static_cast<std::size_t>(*start);
    }
    for (const AwsPolicy* known = aws_policy_at(index); known != nullptr; known = aws_policy_at(++index)) {
      if (!known->path.starts_with(path_prefix)) continue;
      if (policies.size() >= limit) {
        output.marker = std::string(kAwsMarker) + std::to_string(index);
        break;
      }
      api::Policy described = co_await describe_aws_policy(txn, call.account(), *known);
      if (!only_attached || *described.attachment_count > 0) policies.push_back(std::move(described));
    }
  }
  output.is_truncated = output.marker.has_value();
  output.policies = std::move(policies);
  co_return output;
}

Iam::Out<api::DeletePolicy> Iam::delete_policy(Transaction& txn, Call& call, const api::DeletePolicyRequest& input) {
  const PolicyRow row = co_await require_policy(txn, call.account(), input.policy_arn);
  const bool attached = co_await has_rows(txn, attached_entities_prefix(call.account(), input.policy_arn));
  if (attached) co_return Error(api::errors::kDeleteConflict, "Cannot delete a policy attached to entities.");
  const std::vector<storage::KeyValue> versions =
      co_await read_all_rows(txn, policy_versions_prefix(call.account(), row.name));
  if (versions.size() > 1) {
    co_return Error(api::errors::kDeleteConflict,
                    "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                    "versions. The default version is deleted with the policy.");
  }
  for (const storage::KeyValue& version : versions) txn.erase(version.key);
  txn.erase(policy_key(call.account(), row.name));
  co_return api::DeletePolicy::Output();
}

Iam::Out<api::TagPolicy> Iam::tag_policy(Transaction& txn, Call& call, const api::TagPolicyRequest& input) {
  PolicyRow row = co_await require_policy(txn, call.account(), input.policy_arn);
  co_await merge_tags(row.tags, input.tags);
  put_policy(txn, call.account(), row);
  co_return api::TagPolicy::Output();
}

Iam::Out<api::UntagPolicy> Iam::untag_policy(Transaction& txn, Call& call, const api::UntagPolicyRequest& input) {
  PolicyRow row = co_await require_policy(txn, call.account(), input.policy_arn);
  remove_tags(row.tags, input.tag_keys);
  put_policy(txn, call.account(), row);
  co_return api::UntagPolicy::Output();
}

Iam::Out<api::ListPolicyTags> Iam::list_policy_tags(Transaction& txn, Call& call,
                                                    const api::ListPolicyTagsRequest& input) {
  const PolicyRow row = co_await require_policy(txn, call.account(), input.policy_arn);
  api::ListPolicyTagsResponse output;
  output.tags = tags_to(row.tags);
  output.is_truncated = false;
  co_return output;
}

}  // namespace cumulet::iam
