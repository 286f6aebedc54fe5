#include <algorithm>

#include "services/eventbridge/eventbridge.h"
#include "services/eventbridge/input.h"
#include "wire/arn.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;

constexpr std::size_t kTargetLimit = 5;
constexpr std::size_t kListedRules = 2000;

Result<void> check_target(const api::Target& target) {
  const std::optional<wire::Arn> arn = wire::parse_arn(target.arn);
  if (!arn) return invalid("Parameter " + target.arn + " is not valid. Reason: Provided Arn is not in correct format.");
  if (arn->service == "sqs" && arn->resource.ends_with(".fifo") &&
      (!target.sqs_parameters || !target.sqs_parameters->message_group_id)) {
    return invalid("Parameter(s) SqsParameters must be specified for target: " + target.id + ".");
  }
  if (target.dead_letter_config && target.dead_letter_config->arn) {
    const std::optional<wire::Arn> queue = wire::parse_arn(*target.dead_letter_config->arn);
    if (!queue || queue->service != "sqs" || queue->resource.ends_with(".fifo")) {
      return invalid("Parameter DeadLetterConfig.Arn is not valid. Reason: Only standard SQS queues are supported.");
    }
  }
  if (arn->service == "events" && arn->resource.starts_with("event-bus/") &&
      (target.input || target.input_path || target.input_transformer)) {
    return invalid("Input, InputPath and InputTransformer are not supported for event bus targets.");
  }
  return check_input(target);
}

}  // namespace

void EventBridge::register_targets() {
  service_.on<api::PutTargets>([this](Call& c, const auto& in) { return put_targets_of_rule(c, in); });
  service_.on<api::RemoveTargets>([this](Call& c, const auto& in) { return remove_targets(c, in); });
  service_.on<api::ListTargetsByRule>([this](Call& c, const auto& in) { return list_targets(c, in); });
  service_.on<api::ListRuleNamesByTarget>([this](Call& c, const auto& in) { return list_rule_names(c, in); });
}

Task<api::PutTargetsResponse> EventBridge::put_targets_of_rule(Call& call, const api::PutTargetsRequest& input) {
  for (const api::Target& target : input.targets) {
    const Result<void> checked = check_target(target);
    if (!checked.ok()) co_return checked.error();
  }
  const Store store = store_of(call);
  const std::string bus = bus_of(input.event_bus_name);
  const auto put = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_rule(store, txn, bus, input.rule);
    std::vector<api::Target> targets = co_await targets_of(store, txn, bus, input.rule);
    for (const api::Target& target : input.targets) {
      const auto same = std::find_if(targets.begin(), targets.end(),
                                     [&target](const api::Target& there) { return there.id == target.id; });
      if (same == targets.end()) {
        targets.push_back(target);
      } else {
        *same = target;
      }
    }
    if (targets.size() > kTargetLimit) co_await fail(too_many());
    put_targets(store, txn, bus, input.rule, std::move(targets));
    co_await store.bump_revision(txn, bus);
  };
  co_await storage::transact(database_, put);
  api::PutTargetsResponse output;
  output.failed_entry_count = 0;
  output.failed_entries.emplace();
  co_return output;
}

Task<api::RemoveTargetsResponse> EventBridge::remove_targets(Call& call, const api::RemoveTargetsRequest& input) {
  const Store store = store_of(call);
  const std::string bus = bus_of(input.event_bus_name);
  const auto remove = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_rule(store, txn, bus, input.rule);
    std::vector<api::Target> targets = co_await targets_of(store, txn, bus, input.rule);
    std::erase_if(targets, [&input](const api::Target& target) {
      return std::find(input.ids.begin(), input.ids.end(), target.id) != input.ids.end();
    });
    put_targets(store, txn, bus, input.rule, std::move(targets));
    co_await store.bump_revision(txn, bus);
  };
  co_await storage::transact(database_, remove);
  api::RemoveTargetsResponse output;
  output.failed_entry_count = 0;
  output.failed_entries.emplace();
  co_return output;
}

Task<api::ListTargetsByRuleResponse> EventBridge::list_targets(Call& call, const api::ListTargetsByRuleRequest& input) {
  const Store store = store_of(call);
  const std::string bus = bus_of(input.event_bus_name);
  const std::string after = co_await page_start(input.next_token);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<api::Target>> {
    co_await require_rule(store, txn, bus, input.rule);
    co_return co_await targets_of(store, txn, bus, input.rule);
  };
  std::vector<api::Target> targets = co_await storage::transact(database_, read);
  std::sort(targets.begin(), targets.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  std::erase_if(targets, [&after](const api::Target& target) { return !after.empty() && target.id <= after; });
  api::ListTargetsByRuleResponse output;
  const auto limit = static_cast<std::size_t>(input.limit.value_or(static_cast<std::int32_t>(kPageLimit)));
  if (targets.size() > limit) {
    targets.erase(targets.begin() + static_cast<std::ptrdiff_t>(limit), targets.end());
    output.next_token = page_token(targets.back().id);
  }
  output.targets = std::move(targets);
  co_return output;
}

Task<api::ListRuleNamesByTargetResponse> EventBridge::list_rule_names(Call& call,
                                                                      const api::ListRuleNamesByTargetRequest& input) {
  const Store store = store_of(call);
  const std::string bus = bus_of(input.event_bus_name);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    co_await require_bus(store, txn, bus);
    std::vector<std::string> names;
    const std::vector<Named> rows = co_await store.list(txn, Part::kTargets, bus, "", "", kListedRules);
    for (const Named& row : rows) {
      const std::vector<api::Target> targets = co_await targets_of(store, txn, bus, row.name);
      const bool named = std::any_of(targets.begin(), targets.end(),
                                     [&input](const api::Target& target) { return target.arn == input.target_arn; });
      if (named) names.push_back(row.name);
    }
    co_return names;
  };
  std::vector<std::string> names = co_await storage::transact(database_, read);
  const std::string after = co_await page_start(input.next_token);
  std::erase_if(names, [&after](const std::string& name) { return !after.empty() && name <= after; });
  api::ListRuleNamesByTargetResponse output;
  const auto limit = static_cast<std::size_t>(input.limit.value_or(static_cast<std::int32_t>(kPageLimit)));
  if (names.size() > limit) {
    names.resize(limit);
    output.next_token = page_token(names.back());
  }
  output.rule_names = std::move(names);
  co_return output;
}

}  // namespace cumulet::eventbridge
