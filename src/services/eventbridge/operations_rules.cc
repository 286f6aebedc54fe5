#include "base/ids.h"
#include "base/text.h"
#include "events/event_pattern.h"
#include "events/schedule_expression.h"
#include "services/eventbridge/eventbridge.h"
#include "storage/row.h"
#include "wire/json_writer.h"

namespace cumulet::eventbridge {
namespace {

namespace api = wire::events;
using Rule = api::DescribeRuleResponse;

/// Of one bus. AWS raises its 300 for whoever asks.
constexpr std::size_t kRuleLimit = 2000;
constexpr std::size_t kPatternLimit = 4096;

Task<std::optional<Timestamp>> find_due(Store store, storage::Transaction& txn, std::string rule) {
  const std::optional<std::string> row = co_await store.find(txn, Part::kDue, "", rule);
  if (!row) co_return std::optional<Timestamp>();
  co_return std::optional(Timestamp(std::chrono::microseconds(parse_int(*row).value_or(0))));
}

std::string scheduled_event(const Store& store, const std::string& rule, const std::string& id, Timestamp due) {
  wire::JsonWriter json;
  json.begin_object().key("version").string("0").key("id").string(id).key("detail-type").string("Scheduled Event");
  json.key("source").string("aws.events").key("account").string(store.account());
  json.key("time").string(iso8601(due)).key("region").string(store.region());
  json.key("resources").begin_array().string(rule_arn(store, std::string(kDefaultBus), rule)).end_array();
  return json.key("detail").begin_object().end_object().end_object().take();
}

}  // namespace

std::string timetable_id(const Store& store, const std::string& name) {
  storage::RowWriter row;
  row.text(store.account()).text(store.region()).text(name);
  return std::move(row).bytes();
}

TimetableId parse_timetable_id(const std::string& id) {
  storage::RowReader row(id);
  std::string account = row.text();
  std::string region = row.text();
  return TimetableId(Store(std::move(account), std::move(region)), row.text());
}

void EventBridge::register_rules() {
  service_.on<api::PutRule>([this](Call& c, const auto& in) { return put_rule(c, in); });
  service_.on<api::DeleteRule>([this](Call& c, const auto& in) { return delete_rule(c, in); });
  service_.on<api::DescribeRule>([this](Call& c, const auto& in) { return describe_rule(c, in); });
  service_.on<api::ListRules>([this](Call& c, const auto& in) { return list_rules(c, in); });
  service_.on<api::EnableRule>([this](Call& c, const api::EnableRuleRequest& in) -> Out<api::EnableRule> {
    co_await set_state(c, bus_of(in.event_bus_name), in.name, "ENABLED");
    co_return api::EnableRule::Output();
  });
  service_.on<api::DisableRule>([this](Call& c, const api::DisableRuleRequest& in) -> Out<api::DisableRule> {
    co_await set_state(c, bus_of(in.event_bus_name), in.name, "DISABLED");
    co_return api::DisableRule::Output();
  });
}

Task<api::PutRuleResponse> EventBridge::put_rule(Call& call, const api::PutRuleRequest& input) {
  const std::string bus = bus_of(input.event_bus_name);
  const std::string schedule = input.schedule_expression.value_or("");
  const std::string pattern = input.event_pattern.value_or("");
  if (schedule.empty() && pattern.empty()) {
    co_return invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.");
  }
  if (!schedule.empty()) {
    if (bus != kDefaultBus) co_return invalid("ScheduleExpression is supported only on the default event bus.");
    const auto parsed = events::ScheduleExpression::parse(schedule);
    if (!parsed || parsed->is_once()) co_return invalid("Parameter ScheduleExpression is not valid.");
  }
  if (!pattern.empty()) {
    if (pattern.size() > kPatternLimit) co_return invalid("Event pattern is longer than 4096 characters.");
    const Result<events::EventPattern> parsed = events::EventPattern::parse(pattern);
    if (!parsed.ok()) co_return parsed.error();
  }
  const Store store = store_of(call);
  Rule rule;
  rule.name = input.name;
  rule.arn = rule_arn(store, bus, input.name);
  if (!pattern.empty()) rule.event_pattern = pattern;
  if (!schedule.empty()) rule.schedule_expression = schedule;
  rule.state = input.state.value_or("ENABLED");
  rule.description = input.description;
  rule.role_arn = input.role_arn;
  rule.event_bus_name = bus;
  rule.created_by = call.account();
  const auto put = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_bus(store, txn, bus);
    if (!co_await store.find(txn, Part::kRule, bus, input.name)) {
      const std::vector<Named> all = co_await store.list(txn, Part::kRule, bus, "", "", kRuleLimit);
      if (all.size() == kRuleLimit) co_await fail(too_many());
      co_await add_tags(store, txn, *rule.arn, input.tags);
    }
    store.put(txn, Part::kRule, bus, input.name, wire::output_document<api::DescribeRule>(rule));
    co_await schedule_rule(txn, store, input.name, bus == kDefaultBus ? schedule : "", is_enabled(rule));
    co_await store.bump_revision(txn, bus);
  };
  co_await storage::transact(database_, put);
  api::PutRuleResponse output;
  output.rule_arn = rule.arn;
  co_return output;
}

Task<wire::events::DeleteRule::Output> EventBridge::delete_rule(Call& call, const api::DeleteRuleRequest& input) {
  const std::string bus = bus_of(input.event_bus_name);
  const Store store = store_of(call);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_bus(store, txn, bus);
    if (!co_await store.find(txn, Part::kRule, bus, input.name)) co_return;
    const std::vector<api::Target> targets = co_await targets_of(store, txn, bus, input.name);
    if (!targets.empty()) co_await fail(invalid("Rule can't be deleted since it has targets."));
    store.erase(txn, Part::kRule, bus, input.name);
    store.put_tags(txn, rule_arn(store, bus, input.name), {});
    if (bus == kDefaultBus) co_await schedule_rule(txn, store, input.name, "", false);
    co_await store.bump_revision(txn, bus);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteRule::Output();
}

Task<Rule> EventBridge::describe_rule(Call& call, const api::DescribeRuleRequest& input) {
  const Store store = store_of(call);
  const std::string bus = bus_of(input.event_bus_name);
  const auto read = [&](storage::Transaction& txn) -> Task<Rule> {
    co_return co_await require_rule(store, txn, bus, input.name);
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::ListRulesResponse> EventBridge::list_rules(Call& call, const api::ListRulesRequest& input) {
  const Store store = store_of(call);
  co_return co_await list_parts<api::ListRules>(store, Part::kRule, bus_of(input.event_bus_name), input.name_prefix,
                                                input.next_token, input.limit, "Rules");
}

Task<void> EventBridge::set_state(Call& call, std::string bus, std::string name, std::string state) {
  const Store store = store_of(call);
  const auto change = [&](storage::Transaction& txn) -> Task<void> {
    Rule rule = co_await require_rule(store, txn, bus, name);
    rule.state = state;
    store.put(txn, Part::kRule, bus, name, wire::output_document<api::DescribeRule>(rule));
    if (bus == kDefaultBus) {
      co_await schedule_rule(txn, store, name, rule.schedule_expression.value_or(""), is_enabled(rule));
    }
    co_await store.bump_revision(txn, bus);
  };
  co_await storage::transact(database_, change);
}

/// Puts the rule's next due time into the timetable, instead of the one that is there.
Task<void> EventBridge::schedule_rule(storage::Transaction& txn, Store store, std::string rule, std::string expression,
                                      bool enabled) {
  const std::string id = timetable_id(store, rule);
  const std::optional<Timestamp> before = co_await find_due(store, txn, rule);
  if (before) schedules_.erase(txn, *before, id);
  const auto parsed = events::ScheduleExpression::parse(expression);
  const std::shared_ptr<const events::TimeZone> utc = events::TimeZone::find("UTC");
  std::optional<Timestamp> due;
  const Timestamp now = clock_.now();
  // A rate counts from now: its first event comes one period later.
  if (enabled && parsed) due = parsed->next(now, now, *utc);
  if (!due) {
    store.erase(txn, Part::kDue, "", rule);
    co_return;
  }
  schedules_.put(txn, *due, id);
  store.put(txn, Part::kDue, "", rule, std::to_string(due->time_since_epoch().count()));
}

/// What fell due while the server was down, or the clock jumped over it, happens once.
Task<void> EventBridge::rule_due(storage::Transaction& txn, Timestamp due, std::string id) {
  const TimetableId which = parse_timetable_id(id);
  const Store& store = which.store;
  const std::string bus(kDefaultBus);
  const std::optional<std::string> row = co_await store.find(txn, Part::kRule, bus, which.name);
  if (!row) co_return;
  const Rule rule = co_await wire::read_output<api::DescribeRule>(*row);
  const auto schedule = events::ScheduleExpression::parse(rule.schedule_expression.value_or(""));
  if (!schedule || !is_enabled(rule)) co_return;
  const std::shared_ptr<const events::TimeZone> utc = events::TimeZone::find("UTC");
  const std::optional<Timestamp> next = schedule->next(clock_.now(), due, *utc);
  if (next) {
    schedules_.put(txn, *next, id);
    store.put(txn, Part::kDue, "", which.name, std::to_string(next->time_since_epoch().count()));
  }
  BusEvent event;
  event.id = uuid();
  event.ingested = clock_.now();
  event.envelope = scheduled_event(store, which.name, event.id, due);
  CompiledBus::Rule compiled;
  compiled.name = which.name;
  compiled.arn = rule_arn(store, bus, which.name);
  compiled.targets = co_await targets_of(store, txn, bus, which.name);
  count(store, bus, which.name, "TriggeredRules");
  for (const api::Target& target : compiled.targets) record_target(txn, store, bus, compiled, target, event);
}

}  // namespace cumulet::eventbridge
