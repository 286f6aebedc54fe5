#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "services/lambda/lambda.h"
#include "services/lambda/provisioned_store.h"
#include "services/lambda/route.h"
#include "services/lambda/tenancy.h"

/// Provisioned concurrency: environments of a version or an alias that are initialised before they are called.
/// https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::int64_t kAccountConcurrency = 1000;
constexpr std::int64_t kUnreservedLeast = 100;

Error conflict(std::string message) { return user_error(api::errors::kResourceConflictException, std::move(message)); }

Error unpublished() {
  return invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.");
}

/// Status and counts, as far as the engine has come.
template <typename Shown>
void show(Shown& shown, const ProvisionedRow& row, const compute::ProvisionState& state) {
  const auto requested = static_cast<std::int32_t>(row.requested);
  const std::int32_t ready = std::min(requested, static_cast<std::int32_t>(state.ready));
  shown.requested_provisioned_concurrent_executions = requested;
  shown.available_provisioned_concurrent_executions = ready;
  shown.allocated_provisioned_concurrent_executions = ready;
  shown.status = ready == requested ? "READY" : state.failed ? "FAILED" : "IN_PROGRESS";
  if (ready < requested && state.failed) shown.status_reason = "FUNCTION_ERROR_INIT_FAILURE";
  shown.last_modified = iso8601(row.last_modified, false);
  shown.last_modified->pop_back();
  *shown.last_modified += "+0000";
}

/// A version and the aliases that lead to it cannot both have some.
Task<void> check_overlap(Transaction& txn, const Store& store, FunctionName name) {
  const std::string& qualifier = *name.qualifier;
  if (!version_number(qualifier)) {
    const std::optional<api::AliasConfiguration> alias = co_await store.find_alias(txn, name.name, qualifier);
    if (!alias) co_await fail(function_not_found(name.qualified_arn()));
    FunctionName version = name;
    version.qualifier = alias->function_version;
    if (version.qualifier == "$LATEST") co_await fail(unpublished());
    if (co_await find_provisioned(txn, version)) {
      co_await fail(
          conflict("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"));
    }
    co_return;
  }
  const std::vector<api::AliasConfiguration> aliases = co_await store.list_aliases(txn, name.name, "", 10'000);
  for (const api::AliasConfiguration& alias : aliases) {
    if (alias.function_version != qualifier) continue;
    FunctionName other = name;
    other.qualifier = alias.name;
    if (co_await find_provisioned(txn, other)) {
      co_await fail(conflict("Version is pointed by a Provisioned Concurrency alias"));
    }
  }
}

/// It comes out of the function's reserved concurrency, or else out of what the account has left.
Task<void> check_room(Transaction& txn, const Store& store, FunctionName name, std::int64_t requested) {
  const std::optional<FunctionRow> function = co_await store.find_function(txn, name.name);
  if (!function) co_await fail(function_not_found(name.qualified_arn()));
  const std::optional<ProvisionedRow> before = co_await find_provisioned(txn, name);
  std::map<std::string, std::int64_t> sums = co_await sum_provisioned(txn, name.account, name.region);
  std::int64_t& of_function = sums[name.name];
  of_function += requested - (before ? before->requested : 0);
  if (function->reserved >= 0) {
    if (of_function <= function->reserved) co_return;
    co_await fail(
        invalid("Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for "
                "function"));
  }
  const std::int64_t others = (co_await taken_concurrency(txn, store)) - (before ? before->requested : 0);
  const std::int64_t left = kAccountConcurrency - others;
  if (requested > left) {
    co_await fail(
        invalid("Specified ConcurrentExecutions for function is greater than account's unreserved "
                "concurrency [" +
                std::to_string(left) + "]."));
  }
  if (requested > left - kUnreservedLeast) {
    co_await fail(
        invalid("Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution "
                "below its minimum value of [" +
                std::to_string(kUnreservedLeast) + "]."));
  }
}

}  // namespace

void Lambda::register_provisioned() {
  service_.on<api::PutProvisionedConcurrencyConfig>(
      [this](Call& c, const auto& in) { return put_provisioned_config(c, in); });
  service_.on<api::GetProvisionedConcurrencyConfig>(
      [this](Call& c, const auto& in) { return get_provisioned_config(c, in); });
  service_.on<api::DeleteProvisionedConcurrencyConfig>(
      [this](Call& c, const auto& in) { return delete_provisioned_config(c, in); });
  service_.on<api::ListProvisionedConcurrencyConfigs>(
      [this](Call& c, const auto& in) { return list_provisioned_configs(c, in); });
}

Task<api::PutProvisionedConcurrencyConfigResponse> Lambda::put_provisioned_config(
    Call& call, const api::PutProvisionedConcurrencyConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  if (!name.qualifier || *name.qualifier == "$LATEST") co_await fail(unpublished());
  const Store store(name.account, name.region);
  ProvisionedRow row;
  row.name = name;
  row.requested = input.provisioned_concurrent_executions;
  row.last_modified = clock_.now();
  const auto put = [&](Transaction& txn) -> Task<void> {
    const VersionRow version = co_await require_version(txn, name);
    co_await not_with_tenants(version.configuration, "Provisioned concurrency");
    if (starts_from_snapshot(version.configuration)) {
      co_await fail(invalid("Provisioned Concurrency is not supported for SnapStart enabled functions."));
    }
    co_await check_overlap(txn, store, name);
    co_await check_room(txn, store, name, row.requested);
    put_provisioned(txn, row);
  };
  co_await storage::transact(database_, put);
  co_await follow_provisioning();
  const compute::ProvisionState state = co_await provision_state(name);
  api::PutProvisionedConcurrencyConfigResponse output;
  show(output, row, state);
  co_return output;
}

Task<api::GetProvisionedConcurrencyConfigResponse> Lambda::get_provisioned_config(
    Call& call, const api::GetProvisionedConcurrencyConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  if (!name.qualifier || *name.qualifier == "$LATEST") {
    co_await fail(invalid("The function resource provided must be an alias or a published version."));
  }
  const auto read = [&](Transaction& txn) -> Task<ProvisionedRow> {
    co_await require_version(txn, name);
    std::optional<ProvisionedRow> found = co_await find_provisioned(txn, name);
    if (!found) {
      co_await fail(user_error(api::errors::kProvisionedConcurrencyConfigNotFoundException,
                               "No Provisioned Concurrency Config found for this function"));
    }
    co_return std::move(*found);
  };
  const ProvisionedRow row = co_await storage::transact(database_, read);
  const compute::ProvisionState state = co_await provision_state(name);
  api::GetProvisionedConcurrencyConfigResponse output;
  show(output, row, state);
  co_return output;
}

Task<api::DeleteProvisionedConcurrencyConfigOutput> Lambda::delete_provisioned_config(
    Call& call, const api::DeleteProvisionedConcurrencyConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  if (!name.qualifier || *name.qualifier == "$LATEST") {
    co_await fail(invalid("The function resource provided must be an alias or a published version."));
  }
  const auto erase = [&](Transaction& txn) -> Task<void> {
    co_await require_version(txn, name);
    erase_provisioned(txn, name);
  };
  co_await storage::transact(database_, erase);
  co_await follow_provisioning();
  co_return api::DeleteProvisionedConcurrencyConfigOutput();
}

Task<api::ListProvisionedConcurrencyConfigsResponse> Lambda::list_provisioned_configs(
    Call& call, const api::ListProvisionedConcurrencyConfigsRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<std::vector<ProvisionedRow>> {
    const std::optional<FunctionRow> function = co_await store.find_function(txn, name.name);
    if (!function) co_await fail(function_not_found(name.arn()));
    co_return co_await list_provisioned(txn, name);
  };
  const std::vector<ProvisionedRow> rows = co_await storage::transact(database_, read);
  const auto limit = static_cast<std::size_t>(input.max_items.value_or(50));
  api::ListProvisionedConcurrencyConfigsResponse output;
  std::vector<api::ProvisionedConcurrencyConfigListItem>& items = output.provisioned_concurrency_configs.emplace();
  for (const ProvisionedRow& row : rows) {
    // The marker is the qualifier of the last one shown.
    if (input.marker && *row.name.qualifier <= *input.marker) continue;
    if (items.size() == limit) {
      const std::string& last = *items.back().function_arn;
      output.next_marker = last.substr(last.rfind(':') + 1);
      break;
    }
    api::ProvisionedConcurrencyConfigListItem& item = items.emplace_back();
    item.function_arn = row.name.qualified_arn();
    const compute::ProvisionState state = co_await provision_state(row.name);
    show(item, row, state);
  }
  co_return output;
}

Task<compute::ProvisionState> Lambda::provision_state(FunctionName name) {
  const Result<std::shared_ptr<const Route>> route = co_await attempt(load_route(name));
  if (!route) co_return compute::ProvisionState();
  co_return engine_.provisioned((*route)->version->key);
}

/// Tells the engine what the store says is to be held ready. Whoever began last has read the latest, and counts.
Task<void> Lambda::follow_provisioning() {
  const std::uint64_t turn = ++provisioning_turn_;
  const auto read = [](Transaction& txn) -> Task<std::vector<ProvisionedRow>> { return list_all_provisioned(txn); };
  const std::vector<ProvisionedRow> rows = co_await storage::transact(database_, read);
  std::map<std::string, std::pair<std::shared_ptr<const compute::FunctionVersion>, std::uint32_t>> wanted;
  for (const ProvisionedRow& row : rows) {
    const Result<std::shared_ptr<const Route>> route = co_await attempt(load_route(row.name));
    if (!route) {
      log::warning("cannot provision", {{"function", row.name.qualified_arn()}, {"why", route.error().message()}});
      continue;
    }
    wanted[(*route)->version->key] = {(*route)->version, static_cast<std::uint32_t>(row.requested)};
  }
  const std::lock_guard lock(mutex_);
  if (turn < provisioning_done_) co_return;
  provisioning_done_ = turn;
  // First what goes: its key may be the beginning of one that comes.
  for (const std::string& key : provisioned_keys_) {
    if (!wanted.contains(key)) engine_.retire(key);
  }
  for (const auto& [key, what] : wanted) engine_.provision(what.first, what.second);
  provisioned_keys_.clear();
  for (const auto& [key, what] : wanted) provisioned_keys_.insert(key);
}

}  // namespace cumulet::lambda
