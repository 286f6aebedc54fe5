#include "services/eventbridge/names.h"

#include "base/text.h"
#include "wire/arn.h"
#include "wire/document.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;

constexpr std::size_t kTagLimit = 50;

}  // namespace

std::string make_arn(const Store& store, std::string_view resource) {
  return wire::make_arn("events", store.region(), store.account(), resource);
}

std::string rule_arn(const Store& store, const std::string& bus, const std::string& rule) {
  return make_arn(store, bus == kDefaultBus ? "rule/" + rule : "rule/" + bus + "/" + rule);
}

std::string bus_of(const std::optional<std::string>& name_or_arn) {
  if (!name_or_arn) return std::string(kDefaultBus);
  constexpr std::string_view kKind = ":event-bus/";
  const std::size_t at = name_or_arn->find(kKind);
  if (!name_or_arn->starts_with("arn:") || at == std::string::npos) return *name_or_arn;
  return name_or_arn->substr(at + kKind.size());
}

Error invalid(std::string message) { return Error(errors::kValidation, std::move(message)); }
Error not_found(std::string message) { return Error(api::errors::kResourceNotFoundException, std::move(message)); }
Error exists(std::string message) { return Error(api::errors::kResourceAlreadyExistsException, std::move(message)); }
Error too_many() {
  return Error(api::errors::kLimitExceededException, "The requested resource exceeds the maximum number allowed.");
}

bool is_enabled(const api::DescribeRuleResponse& rule) { return rule.state.value_or("ENABLED") != "DISABLED"; }

Task<void> require_bus(Store store, storage::Transaction& txn, std::string bus) {
  if (bus == kDefaultBus) co_return;
  if (co_await store.find(txn, Part::kBus, "", bus)) co_return;
  co_await fail(api::errors::kResourceNotFoundException, "Event bus " + bus + " does not exist.");
}

Task<api::DescribeRuleResponse> require_rule(Store store, storage::Transaction& txn, std::string bus,
                                             std::string rule) {
  co_await require_bus(store, txn, bus);
  const std::optional<std::string> row = co_await store.find(txn, Part::kRule, bus, rule);
  if (!row) co_return not_found("Rule " + rule + " does not exist on EventBus " + bus + ".");
  co_return co_await wire::read_output<api::DescribeRule>(*row);
}

Task<std::vector<api::Target>> targets_of(Store store, storage::Transaction& txn, std::string bus, std::string rule) {
  const std::optional<std::string> row = co_await store.find(txn, Part::kTargets, bus, rule);
  if (!row) co_return std::vector<api::Target>();
  api::ListTargetsByRuleResponse stored = co_await wire::read_output<api::ListTargetsByRule>(*row);
  std::vector<api::Target> targets;
  if (stored.targets) targets = std::move(*stored.targets);
  co_return targets;
}

void put_targets(const Store& store, storage::Transaction& txn, const std::string& bus, const std::string& rule,
                 std::vector<api::Target> targets) {
  if (targets.empty()) {
    store.erase(txn, Part::kTargets, bus, rule);
    return;
  }
  api::ListTargetsByRuleResponse stored;
  stored.targets = std::move(targets);
  store.put(txn, Part::kTargets, bus, rule, wire::output_document<api::ListTargetsByRule>(stored));
}

Task<void> add_tags(Store store, storage::Transaction& txn, std::string arn,
                    std::optional<std::vector<api::Tag>> tags) {
  if (!tags || tags->empty()) co_return;
  std::map<std::string, std::string> all = co_await store.tags(txn, arn);
  for (const api::Tag& tag : *tags) all[tag.key] = tag.value;
  if (all.size() > kTagLimit) co_await fail(errors::kValidation, "A resource has at most 50 tags.");
  store.put_tags(txn, arn, all);
}

Task<std::string> page_start(std::optional<std::string> token) {
  if (!token || token->empty()) co_return std::string();
  std::optional<std::string> name = base64_decode(*token);
  if (!name) co_return invalid("Parameter NextToken is not valid.");
  co_return std::move(*name);
}

std::string page_token(const std::string& last_name) { return base64_encode(last_name); }

}  // namespace cumulet::eventbridge
