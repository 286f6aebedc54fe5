#include <algorithm>
#include <cmath>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "services/cloudwatch/alarm_rule.h"
#include "services/cloudwatch/alarms.h"
#include "services/cloudwatch/common.h"
#include "services/cloudwatch/label.h"
#include "services/cloudwatch/query.h"
#include "wire/arn.h"
#include "wire/json_writer.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;

constexpr std::chrono::seconds kTick{1};
/// After the end of a period until it is looked at: what the platform gathers is written by then.
constexpr std::int64_t kSettled = 5;
/// Periods that are looked at besides those of the evaluation.
constexpr std::int64_t kMorePeriods = 2;
constexpr int kMostRounds = 10;

/// Percentiles of fewer values say little:
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/percentiles-with-low-samples.html
bool has_few_samples(double count, double percent) {
  const double part = percent / 100;
  return part >= 0.5 ? count < 10 / std::max(1 - part, 1e-9) : count < 10 / std::max(part, 1e-9);
}

AlarmTest test_of(const api::MetricAlarm& alarm) {
  AlarmTest test;
  test.comparison = alarm.comparison_operator.value_or("");
  test.threshold = alarm.threshold.value_or(0);
  test.periods = static_cast<std::size_t>(std::max(1, alarm.evaluation_periods.value_or(1)));
  test.to_alarm = static_cast<std::size_t>(alarm.datapoints_to_alarm.value_or(static_cast<std::int32_t>(test.periods)));
  test.missing = alarm.treat_missing_data.value_or("missing");
  return test;
}

std::int64_t period_of(const api::MetricAlarm& alarm) {
  if (alarm.period) return *alarm.period;
  std::int64_t period = 60;
  if (!alarm.metrics) return period;
  bool first = true;
  for (const api::MetricDataQuery& query : *alarm.metrics) {
    const std::optional<std::int32_t> own = query.metric_stat ? query.metric_stat->period : query.period;
    if (own) period = std::exchange(first, false) ? *own : std::max<std::int64_t>(period, *own);
  }
  return period;
}

std::string reason_data_of(const api::MetricAlarm& alarm, const std::vector<AlarmPoint>& points, const AlarmTest& test,
                           std::int64_t period, Timestamp now) {
  std::vector<const AlarmPoint*> known;
  for (const AlarmPoint& point : points) {
    if (point.value) known.push_back(&point);
  }
  if (known.size() > test.periods) known.erase(known.begin(), known.end() - static_cast<std::ptrdiff_t>(test.periods));
  wire::JsonWriter json;
  json.begin_object().key("version").string("1.0").key("queryDate").string(message_time(now));
  if (!known.empty()) json.key("startDate").string(message_time(time_of(known.front()->time)));
  if (alarm.statistic) json.key("statistic").string(*alarm.statistic);
  if (alarm.extended_statistic) json.key("statistic").string(*alarm.extended_statistic);
  json.key("period").integer(period).key("recentDatapoints").begin_array();
  for (const AlarmPoint* point : known) json.raw(decimal_text(*point->value));
  json.end_array().key("threshold").raw(decimal_text(test.threshold)).key("evaluatedDatapoints").begin_array();
  for (auto point = known.rbegin(); point != known.rend(); ++point) {
    json.begin_object().key("timestamp").string(message_time(time_of((*point)->time)));
    json.key("value").raw(decimal_text(*(*point)->value)).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

events::Event event_to(const Store& store, std::string target, const Alarm& alarm, std::string payload) {
  events::Event event;
  event.account = store.account();
  event.region = store.region();
  event.target_arn = std::move(target);
  event.source_arn = alarm.arn();
  event.payload = std::move(payload);
  return event;
}

api::AlarmHistoryItem history_item(const Alarm& alarm, std::string_view type, std::string summary, std::string data,
                                   Timestamp time) {
  api::AlarmHistoryItem item;
  item.alarm_name = alarm.name();
  item.alarm_type = alarm.type();
  item.timestamp = time;
  item.history_item_type = std::string(type);
  item.history_summary = std::move(summary);
  item.history_data = std::move(data);
  return item;
}

}  // namespace

Alarms::Alarms(storage::Database& database, const Clock& clock, events::Outbox& outbox)
    : database_(database), clock_(clock), outbox_(outbox) {}

std::int64_t Alarms::next_due(const Alarm& alarm) const {
  const std::int64_t step = alarm.metric && period_of(*alarm.metric) < 60 ? 10 : 60;
  return floor_to(clock_.now_seconds() - kSettled, step) + step + kSettled;
}

void Alarms::schedule(const Id& id, std::int64_t due) {
  const std::lock_guard lock(mutex_);
  due_[id] = due;
  if (loop_ != nullptr && !timer_set_) {
    timer_set_ = true;
    loop_->post([this] { set_timer(); });
  }
}

void Alarms::forget(const Id& id) {
  const std::lock_guard lock(mutex_);
  due_.erase(id);
}

void Alarms::start(Loop& loop) {
  const std::lock_guard lock(mutex_);
  loop_ = &loop;
  timer_set_ = true;
  loop.post([this] {
    cumulet::start(find_alarms(), [this](const Result<void>& found) {
      if (!found.ok()) log::error("cannot read the alarms", {{"reason", found.error().message()}});
      set_timer();
    });
  });
}

void Alarms::drain(SteadyTime deadline) {
  while (std::chrono::steady_clock::now() < deadline) {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      if (!evaluating_) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

void Alarms::set_timer() {
  {
    const std::lock_guard lock(mutex_);
    if (due_.empty() || stopping_) {
      timer_set_ = false;
      return;
    }
  }
  loop_->at(std::chrono::steady_clock::now() + kTick, [this] {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
      evaluating_ = true;
    }
    cumulet::start(evaluate_due(), [this](const Result<void>& done) {
      if (!done.ok()) log::error("cannot evaluate alarms", {{"reason", done.error().message()}});
      {
        const std::lock_guard lock(mutex_);
        evaluating_ = false;
      }
      set_timer();
    });
  });
}

Task<void> Alarms::find_alarms() {
  const auto read = [](storage::Transaction& txn) { return list_stores(txn); };
  const std::vector<Store> stores = co_await storage::transact(database_, read);
  for (const Store& store : stores) {
    const std::vector<Alarm> alarms = co_await all_alarms(store);
    const std::lock_guard lock(mutex_);
    for (const Alarm& alarm : alarms) {
      if (alarm.metric) due_.try_emplace(Id(store.account(), store.region(), alarm.name()), next_due(alarm));
    }
  }
}

Task<void> Alarms::evaluate_due() {
  std::vector<Id> ids;
  {
    const std::int64_t now = clock_.now_seconds();
    const std::lock_guard lock(mutex_);
    for (const auto& [id, due] : due_) {
      if (due <= now) ids.push_back(id);
    }
  }
  for (const Id& id : ids) {
    const Result<void> evaluated = co_await attempt(evaluate(id));
    if (evaluated.ok()) continue;
    log::warning("cannot evaluate an alarm", {{"name", std::get<2>(id)}, {"reason", evaluated.error().message()}});
    const std::lock_guard lock(mutex_);
    const auto found = due_.find(id);
    if (found != due_.end()) found->second = clock_.now_seconds() + 10;
  }
}

Task<void> Alarms::evaluate(Id id) {
  const auto& [account, region, name] = id;
  const Store store(account, region);
  const auto read = [&store, &name = name](storage::Transaction& txn) { return find_alarm(txn, store, name); };
  std::optional<Alarm> alarm = co_await storage::transact(database_, read);
  if (!alarm || !alarm->metric) {
    forget(id);
    // A composite alarm is worked out once when it was put.
    if (alarm) co_await evaluate_composites(store);
    co_return;
  }
  const std::int64_t due = next_due(*alarm);
  co_await evaluate_metric(store, std::move(*alarm));
  const std::lock_guard lock(mutex_);
  const auto found = due_.find(id);
  if (found != due_.end()) found->second = due;
}

Task<std::vector<AlarmPoint>> Alarms::read_alarm_points(Store store, api::MetricAlarm alarm, Range range,
                                                        bool& too_few_samples) {
  std::map<std::int64_t, double> values;
  const std::int64_t now = clock_.now_seconds();
  if (alarm.metrics) {
    const QueryWindow window(range.from, range.to, now);
    const std::vector<QueryResult> results = co_await run_queries(database_, store, *alarm.metrics, window);
    for (const QueryResult& result : results) {
      if (result.returned) values.insert(result.points.begin(), result.points.end());
    }
  } else {
    const Series series = co_await series_of(*alarm.namespace_, *alarm.metric_name, alarm.dimensions);
    const Statistic statistic =
        *Statistic::parse(alarm.statistic ? *alarm.statistic : alarm.extended_statistic.value_or("Average"));
    const bool ignores = alarm.evaluate_low_sample_count_percentile == "ignore" && statistic.is_percentile();
    std::optional<std::uint8_t> unit;
    if (alarm.unit) unit = unit_number(*alarm.unit);
    const EachPeriod each = [&](std::int64_t time, const Summary& summary) {
      if (ignores && has_few_samples(summary.count, statistic.percent())) too_few_samples = true;
      if (const std::optional<double> value = statistic.of(summary)) values.emplace(time, *value);
    };
    co_await read_periods(database_, store, series, unit, range, now, each);
  }
  std::vector<AlarmPoint> points;
  for (std::int64_t time = range.from; time < range.to; time += range.period) {
    const auto found = values.find(time);
    points.emplace_back(time, found == values.end() ? std::nullopt : std::optional(found->second));
  }
  co_return points;
}

Task<void> Alarms::evaluate_metric(Store store, Alarm alarm) {
  const AlarmTest test = test_of(*alarm.metric);
  const std::int64_t period = period_of(*alarm.metric);
  const Timestamp now = clock_.now();
  const std::int64_t end = floor_to(seconds_of(now), period);
  const std::int64_t begin = end - (static_cast<std::int64_t>(test.periods) + kMorePeriods) * period;
  bool too_few_samples = false;
  const std::vector<AlarmPoint> points =
      co_await read_alarm_points(store, *alarm.metric, Range(begin, end, period), too_few_samples);
  if (too_few_samples) co_return;
  AlarmDecision decision = decide(points, test);
  if (decision.state.empty() || decision.state == alarm.state()) co_return;
  std::string data = reason_data_of(*alarm.metric, points, test, period, now);
  const bool changed = co_await change_state(store, alarm.name(), std::move(decision.state), std::move(decision.reason),
                                             std::move(data));
  if (changed) co_await evaluate_composites(store);
}

Task<void> Alarms::evaluate_composites(Store store) {
  // A composite alarm may stand in the rule of another one: on until nothing changes.
  for (int round = 0; round < kMostRounds; ++round) {
    const std::vector<Alarm> alarms = co_await all_alarms(store);
    bool changed = false;
    for (const Alarm& alarm : alarms) {
      if (alarm.composite && co_await evaluate_composite(store, alarm)) changed = true;
    }
    if (!changed) co_return;
  }
}

Task<bool> Alarms::evaluate_composite(Store store, Alarm alarm) {
  const Result<AlarmRule> rule = AlarmRule::parse(alarm.composite->alarm_rule.value_or(""));
  if (!rule.ok()) co_return false;
  std::map<std::string, std::string> states;
  const auto read = [&](storage::Transaction& txn) -> Task<void> {
    states.clear();
    for (const std::string& name : rule->alarms()) {
      const std::optional<Alarm> child = co_await find_alarm(txn, store, name);
      if (child) states[name] = child->state();
    }
  };
  co_await storage::transact(database_, read);
  const bool holds = rule->holds([&states](const std::string& name) { return states[name]; });
  const std::string state = holds ? "ALARM" : "OK";
  if (alarm.state() == state) co_return false;
  std::string reason = "AlarmRule evaluated to " + state + " at " + iso8601(clock_.now()) + ":";
  for (const auto& [name, value] : states) reason += " " + name + " is in " + value + ";";
  reason.back() = '.';
  co_return co_await change_state(store, alarm.name(), state, reason.substr(0, 1023), "");
}

Task<bool> Alarms::change_state(Store store, std::string name, std::string state, std::string reason,
                                std::string reason_data) {
  const auto change = [&](storage::Transaction& txn) -> Task<bool> {
    std::optional<Alarm> alarm = co_await find_alarm(txn, store, name);
    if (!alarm) co_return Error(api::errors::kResourceNotFound, "Alarm " + name + " does not exist");
    const Timestamp now = clock_.now();
    FormerState former;
    alarm->visit([&](auto& a) {
      former.value = a.state_value.value_or("");
      former.reason = a.state_reason.value_or("");
      former.reason_data = a.state_reason_data.value_or("");
      former.since = a.state_updated_timestamp.value_or(now);
      a.state_value = state;
      a.state_reason = reason;
      a.state_reason_data = reason_data.empty() ? std::nullopt : std::optional(reason_data);
      a.state_updated_timestamp = now;
      if (former.value != state) a.state_transitioned_timestamp = now;
    });
    txn.put(alarm_key(store, name), alarm_value(*alarm));
    if (former.value == state) co_return false;
    api::AlarmHistoryItem item =
        history_item(*alarm, api::history_item_type::kStateUpdate,
                     "Alarm updated from " + former.value + " to " + state, history_data(*alarm, former), now);
    co_await add_history(txn, store, std::move(item));
    co_await notify(txn, store, *alarm, former);
    co_return true;
  };
  co_return co_await storage::transact(database_, change);
}

Task<void> Alarms::notify(storage::Transaction& txn, Store store, const Alarm& alarm, const FormerState& former) {
  events::Event change = event_to(store, wire::make_arn("events", store.region(), store.account(), "event-bus/default"),
                                  alarm, state_change_detail(alarm, former));
  change.attributes = {{"@Source", "aws.cloudwatch"},
                       {"@DetailType", "CloudWatch Alarm State Change"},
                       {"@Resources", "[\"" + json_escape(alarm.arn()) + "\"]"}};
  outbox_.record(txn, std::move(change));
  const std::string state = alarm.state();
  const std::optional<std::vector<std::string>> actions =
      alarm.visit([&state](const auto& a) -> std::optional<std::vector<std::string>> {
        if (!a.actions_enabled.value_or(true)) return std::nullopt;
        return state == "ALARM" ? a.alarm_actions : state == "OK" ? a.ok_actions : a.insufficient_data_actions;
      });
  if (!actions) co_return;
  std::vector<Alarm> children;
  const Result<AlarmRule> rule = AlarmRule::parse(alarm.composite ? alarm.composite->alarm_rule.value_or("") : "TRUE");
  if (rule.ok()) {
    for (const std::string& name : rule->alarms()) {
      std::optional<Alarm> child = co_await find_alarm(txn, store, name);
      if (child && child->state() == "ALARM") children.push_back(std::move(*child));
    }
  }
  for (const std::string& action : *actions) {
    const std::optional<wire::Arn> arn = wire::parse_arn(action);
    const bool is_topic = arn && arn->service == "sns";
    std::string payload = is_topic ? notification_message(alarm, former, store.account(), store.region(), children)
                                   : function_event(alarm, former, store.account(), store.region());
    events::Event event = event_to(store, action, alarm, std::move(payload));
    if (is_topic) event.attributes = {{"@Subject", notification_subject(alarm, store.region())}};
    outbox_.record(txn, std::move(event));
    api::AlarmHistoryItem item =
        history_item(alarm, api::history_item_type::kAction, "Successfully executed action " + action,
                     "{\"actionState\":\"Succeeded\",\"notificationResource\":\"" + json_escape(action) +
                         "\",\"stateUpdateTimestamp\":" + std::to_string(clock_.now_millis()) + "}",
                     clock_.now());
    co_await add_history(txn, store, std::move(item));
  }
}

}  // namespace cumulet::cloudwatch
