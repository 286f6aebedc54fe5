#include <algorithm>

#include "services/cloudwatch/alarm_rule.h"
#include "services/cloudwatch/alarms.h"
#include "services/cloudwatch/common.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;

constexpr std::size_t kAlarmsAtOnce = 200;
constexpr std::int32_t kMostRecords = 100;
constexpr std::size_t kSearchedHistory = 5000;

bool contains(const std::vector<std::string>& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

bool has_action(const Alarm& alarm, const std::string& prefix) {
  return alarm.visit([&prefix](const auto& a) {
    for (const auto* actions : {&a.alarm_actions, &a.ok_actions, &a.insufficient_data_actions}) {
      if (!*actions) continue;
      for (const std::string& action : **actions) {
        if (action.starts_with(prefix)) return true;
      }
    }
    return false;
  });
}

std::vector<std::string> children_of(const Alarm& alarm) {
  if (!alarm.composite) return {};
  const Result<AlarmRule> rule = AlarmRule::parse(alarm.composite->alarm_rule.value_or(""));
  return rule.ok() ? rule->alarms() : std::vector<std::string>();
}

bool is_wanted(const Alarm& alarm, const api::DescribeAlarmsInput& input) {
  if (input.alarm_names && !contains(*input.alarm_names, alarm.name())) return false;
  const std::vector<std::string> types = input.alarm_types.value_or(std::vector<std::string>{"MetricAlarm"});
  const bool typed = input.alarm_types || (!input.children_of_alarm_name && !input.parents_of_alarm_name);
  if (typed && !contains(types, alarm.type())) return false;
  if (input.state_value && alarm.state() != *input.state_value) return false;
  if (input.parents_of_alarm_name && !contains(children_of(alarm), *input.parents_of_alarm_name)) return false;
  return !input.action_prefix || has_action(alarm, *input.action_prefix);
}

std::string comparable(const std::optional<std::vector<api::Dimension>>& dimensions) {
  std::vector<std::string> parts;
  if (dimensions) {
    for (const api::Dimension& dimension : *dimensions) parts.push_back(dimension.name + '\0' + dimension.value);
  }
  std::sort(parts.begin(), parts.end());
  std::string text;
  for (const std::string& part : parts) text += part + '\1';
  return text;
}

Result<std::size_t> records_of(const std::optional<std::int32_t>& given, std::int32_t otherwise) {
  const std::int32_t records = given.value_or(otherwise);
  if (records < 1 || records > kMostRecords) return validation_error("MaxRecords must be between 1 and 100");
  return static_cast<std::size_t>(records);
}

}  // namespace

Task<std::vector<Alarm>> Alarms::all_alarms(Store store) {
  std::vector<Alarm> result;
  std::string after;
  while (true) {
    const auto page = [&](storage::Transaction& txn) { return list_alarms(txn, store, "", after, kAlarmsAtOnce); };
    std::vector<Alarm> alarms = co_await storage::transact(database_, page);
    if (alarms.empty()) co_return result;
    after = alarms.back().name();
    std::move(alarms.begin(), alarms.end(), std::back_inserter(result));
  }
}

Task<api::DescribeAlarmsOutput> Alarms::describe_alarms(Call& call, const api::DescribeAlarmsInput& input) {
  if (input.alarm_names && input.alarm_name_prefix) {
    co_return validation_error("AlarmNamePrefix and AlarmNames cannot be both specified");
  }
  const std::size_t room = co_await records_of(input.max_records, 50);
  std::string after = co_await page_position(input.next_token);
  const std::string prefix = input.alarm_name_prefix.value_or("");
  const Store store(call.account(), call.region);
  std::vector<std::string> children;
  if (input.children_of_alarm_name) {
    const auto read = [&](storage::Transaction& txn) { return find_alarm(txn, store, *input.children_of_alarm_name); };
    const std::optional<Alarm> parent = co_await storage::transact(database_, read);
    if (!parent)
      co_return Error(api::errors::kResourceNotFound, "Alarm " + *input.children_of_alarm_name + " does not exist");
    children = children_of(*parent);
  }
  api::DescribeAlarmsOutput output;
  output.metric_alarms.emplace();
  output.composite_alarms.emplace();
  std::size_t shown = 0;
  while (true) {
    const auto page = [&](storage::Transaction& txn) { return list_alarms(txn, store, prefix, after, kAlarmsAtOnce); };
    const std::vector<Alarm> alarms = co_await storage::transact(database_, page);
    if (alarms.empty()) co_return output;
    for (const Alarm& alarm : alarms) {
      const bool child = !input.children_of_alarm_name || contains(children, alarm.name());
      if (child && is_wanted(alarm, input)) {
        if (shown++ == room) {
          output.next_token = page_token(after);
          co_return output;
        }
        if (alarm.metric) output.metric_alarms->push_back(*alarm.metric);
        if (alarm.composite) output.composite_alarms->push_back(*alarm.composite);
      }
      after = alarm.name();
    }
  }
}

Task<api::DescribeAlarmsForMetricOutput> Alarms::describe_alarms_for_metric(
    Call& call, const api::DescribeAlarmsForMetricInput& input) {
  const std::vector<Alarm> alarms = co_await all_alarms(Store(call.account(), call.region));
  api::DescribeAlarmsForMetricOutput output;
  output.metric_alarms.emplace();
  for (const Alarm& alarm : alarms) {
    if (!alarm.metric) continue;
    const api::MetricAlarm& metric = *alarm.metric;
    const bool same = metric.metric_name == input.metric_name && metric.namespace_ == input.namespace_ &&
                      comparable(metric.dimensions) == comparable(input.dimensions) &&
                      (!input.statistic || metric.statistic == input.statistic) &&
                      (!input.extended_statistic || metric.extended_statistic == input.extended_statistic) &&
                      (!input.period || metric.period == input.period) && (!input.unit || metric.unit == input.unit);
    if (same) output.metric_alarms->push_back(metric);
  }
  co_return output;
}

Task<api::DescribeAlarmHistoryOutput> Alarms::describe_alarm_history(Call& call,
                                                                     const api::DescribeAlarmHistoryInput& input) {
  const std::size_t room = co_await records_of(input.max_records, kMostRecords);
  std::string after = co_await page_position(input.next_token);
  const bool ascending = input.scan_by == api::scan_by::kTimestampAscending;
  const Store store(call.account(), call.region);
  api::DescribeAlarmHistoryOutput output;
  output.alarm_history_items.emplace();
  std::size_t searched = 0;
  while (searched < kSearchedHistory) {
    std::string reached;
    // One row at a time would be slow; the token must name the last row that was shown.
    const std::size_t limit = std::min<std::size_t>(room - output.alarm_history_items->size(), kAlarmsAtOnce);
    const auto page = [&](storage::Transaction& txn) -> Task<std::vector<api::AlarmHistoryItem>> {
      reached = after;
      co_return co_await list_history(txn, store, reached, ascending, limit);
    };
    const std::vector<api::AlarmHistoryItem> items = co_await storage::transact(database_, page);
    if (items.empty()) co_return output;
    after = reached;
    searched += items.size();
    for (const api::AlarmHistoryItem& item : items) {
      if (!item.timestamp || (input.alarm_name && item.alarm_name != input.alarm_name)) continue;
      if (input.history_item_type && item.history_item_type != input.history_item_type) continue;
      if (input.start_date && *item.timestamp < *input.start_date) continue;
      if (input.end_date && *item.timestamp > *input.end_date) continue;
      if (input.alarm_types && !contains(*input.alarm_types, item.alarm_type.value_or(""))) continue;
      output.alarm_history_items->push_back(item);
    }
    if (output.alarm_history_items->size() >= room) break;
  }
  output.next_token = page_token(after);
  co_return output;
}

}  // namespace cumulet::cloudwatch
