#include <utility>

#include "access/principals.h"
#include "services/iam/common.h"
#include "services/iam/iam.h"

namespace cumulet::iam {
namespace {

constexpr std::size_t kCountedAtMost = 100'000;

Task<std::int32_t> count_rows(storage::Transaction& txn, std::string prefix) {
  const std::vector<storage::KeyValue> rows = co_await read_all_rows(txn, std::move(prefix), kCountedAtMost);
  co_return static_cast<std::int32_t>(rows.size());
}

std::map<std::string, std::int32_t> quotas() {
  return {{"AccessKeysPerUserQuota", 2},        {"AttachedPoliciesPerRoleQuota", 10},
          {"AttachedPoliciesPerUserQuota", 10}, {"PolicySizeQuota", 6144},
          {"VersionsPerPolicyQuota", 5},        {"UserPolicySizeQuota", 2048},
          {"AssumeRolePolicySizeQuota", 2048},  {"Groups", 0},
          {"AccountAccessKeysPresent", 1}};
}

}  // namespace

void Iam::register_account() {
  on<api::ListAccountAliases>(&Iam::list_account_aliases);
  on<api::GetAccountSummary>(&Iam::get_account_summary);
}

/// Aliases are names of the console's sign-in page; none can be made here.
Iam::Out<api::ListAccountAliases> Iam::list_account_aliases(Transaction&, Call&,
                                                            const api::ListAccountAliasesRequest&) {
  api::ListAccountAliasesResponse output;
  output.is_truncated = false;
  co_return output;
}

Iam::Out<api::GetAccountSummary> Iam::get_account_summary(Transaction& txn, Call& call,
                                                          const api::GetAccountSummary::Input&) {
  std::map<std::string, std::int32_t> summary = quotas();
  summary["Users"] = co_await count_rows(txn, access::users_prefix(call.account()));
  summary["Roles"] = co_await count_rows(txn, access::roles_prefix(call.account()));
  summary["Policies"] = co_await count_rows(txn, policies_prefix(call.account()));
  api::GetAccountSummaryResponse output;
  output.summary_map = std::move(summary);
  co_return output;
}

}  // namespace cumulet::iam
