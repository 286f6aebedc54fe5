#include <utility>

#include "base/text.h"
#include "services/iam/common.h"
#include "services/iam/iam.h"
#include "services/iam/managed_policy.h"

namespace cumulet::iam {
namespace {

constexpr std::size_t kVersionsPerPolicy = 5;

api::PolicyVersion version_to(const PolicyVersionRow& row, const PolicyRow& policy, bool with_document) {
  api::PolicyVersion version;
  if (with_document) version.document = uri_encode(row.document);
  version.version_id = version_id(row.number);
  version.is_default_version = row.number == policy.default_version;
  version.create_date = from_millis(row.created);
  return version;
}

api::PolicyVersion version_to(const AwsPolicy& policy, bool with_document) {
  api::PolicyVersion version;
  if (with_document) version.document = uri_encode(policy.document());
  version.version_id = "v1";
  version.is_default_version = true;
  version.create_date = from_millis(1'423'180'800'000);
  return version;
}

}  // namespace

void Iam::register_policy_versions() {
  on<api::CreatePolicyVersion>(&Iam::create_policy_version);
  on<api::GetPolicyVersion>(&Iam::get_policy_version);
  on<api::ListPolicyVersions>(&Iam::list_policy_versions);
  on<api::DeletePolicyVersion>(&Iam::delete_policy_version);
  on<api::SetDefaultPolicyVersion>(&Iam::set_default_policy_version);
}

Iam::Out<api::CreatePolicyVersion> Iam::create_policy_version(Transaction& txn, Call& call,
                                                              const api::CreatePolicyVersionRequest& input) {
  co_await check_policy_document(input.policy_document);
  PolicyRow policy = co_await require_policy(txn, call.account(), input.policy_arn);
  const std::vector<storage::KeyValue> versions =
      co_await read_all_rows(txn, policy_versions_prefix(call.account(), policy.name));
  if (versions.size() >= kVersionsPerPolicy) {
    co_return Error(api::errors::kLimitExceeded,
                    "A managed policy can have up to 5 versions. Before you create a new version, you must delete an "
                    "existing version.");
  }
  PolicyVersionRow version;
  version.number = ++policy.last_version;
  version.document = input.policy_document;
  version.created = policy.updated = clock_.now_millis();
  if (input.set_as_default.value_or(false)) policy.default_version = version.number;
  txn.put(policy_version_key(call.account(), policy.name, version.number), encode(version));
  put_policy(txn, call.account(), policy);
  api::CreatePolicyVersionResponse output;
  output.policy_version = version_to(version, policy, false);
  co_return output;
}

Iam::Out<api::GetPolicyVersion> Iam::get_policy_version(Transaction& txn, Call& call,
                                                        const api::GetPolicyVersionRequest& input) {
  api::GetPolicyVersionResponse output;
  if (const AwsPolicy* known = find_aws_policy(input.policy_arn); known != nullptr && input.version_id == "v1") {
    output.policy_version = version_to(*known, true);
    co_return output;
  }
  const PolicyRow policy = co_await require_policy(txn, call.account(), input.policy_arn);
  const PolicyVersionRow version = co_await require_policy_version(txn, call.account(), policy, input.version_id);
  output.policy_version = version_to(version, policy, true);
  co_return output;
}

Iam::Out<api::ListPolicyVersions> Iam::list_policy_versions(Transaction& txn, Call& call,
                                                            const api::ListPolicyVersionsRequest& input) {
  api::ListPolicyVersionsResponse output;
  output.is_truncated = false;
  output.versions.emplace();
  if (const AwsPolicy* known = find_aws_policy(input.policy_arn)) {
    output.versions->push_back(version_to(*known, false));
    co_return output;
  }
  const PolicyRow policy = co_await require_policy(txn, call.account(), input.policy_arn);
  const std::vector<storage::KeyValue> rows =
      co_await read_all_rows(txn, policy_versions_prefix(call.account(), policy.name));
  // Five at most, so there is one page; the newest comes first.
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    const PolicyVersionRow version = co_await decode_policy_version(row->value);
    output.versions->push_back(version_to(version, policy, false));
  }
  co_return output;
}

Iam::Out<api::DeletePolicyVersion> Iam::delete_policy_version(Transaction& txn, Call& call,
                                                              const api::DeletePolicyVersionRequest& input) {
  const PolicyRow policy = co_await require_policy(txn, call.account(), input.policy_arn);
  const PolicyVersionRow version = co_await require_policy_version(txn, call.account(), policy, input.version_id);
  if (version.number == policy.default_version)
    co_return Error(api::errors::kDeleteConflict, "Cannot delete the default version of a policy.");
  txn.erase(policy_version_key(call.account(), policy.name, version.number));
  co_return api::DeletePolicyVersion::Output();
}

Iam::Out<api::SetDefaultPolicyVersion> Iam::set_default_policy_version(
    Transaction& txn, Call& call, const api::SetDefaultPolicyVersionRequest& input) {
  PolicyRow policy = co_await require_policy(txn, call.account(), input.policy_arn);
  const PolicyVersionRow version = co_await require_policy_version(txn, call.account(), policy, input.version_id);
  policy.default_version = version.number;
  policy.updated = clock_.now_millis();
  put_policy(txn, call.account(), policy);
  co_return api::SetDefaultPolicyVersion::Output();
}

}  // namespace cumulet::iam
