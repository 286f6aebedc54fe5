#include <algorithm>

#include "services/cloudwatch/alarm_rule.h"
#include "services/cloudwatch/alarms.h"
#include "services/cloudwatch/common.h"
#include "services/cloudwatch/query.h"
#include "wire/arn.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;

constexpr std::size_t kMostActions = 5;
constexpr std::size_t kMostMetrics = 10;
constexpr std::size_t kMostAlarms = 5000;
constexpr std::size_t kMostDeleted = 100;

bool is_any_of(const std::string& text, std::initializer_list<std::string_view> values) {
  return std::find(values.begin(), values.end(), text) != values.end();
}

/// What an action may be here: a topic or a function.
Result<void> check_actions(const std::optional<std::vector<std::string>>& actions) {
  if (!actions) return {};
  if (actions->size() > kMostActions) {
    return validation_error("Member must have length less than or equal to 5");
  }
  for (const std::string& action : *actions) {
    const std::optional<wire::Arn> arn = wire::parse_arn(action);
    if (!arn) return validation_error("Invalid arn syntax: " + action);
    if (arn->service != "sns" && arn->service != "lambda") {
      return validation_error("Actions of " + arn->service + " are not supported by this server: " + action);
    }
  }
  return {};
}

template <typename Input>
Result<void> check_all_actions(const Input& input) {
  for (const auto* actions : {&input.alarm_actions, &input.ok_actions, &input.insufficient_data_actions}) {
    if (Result<void> checked = check_actions(*actions); !checked.ok()) return checked;
  }
  return {};
}

Result<void> check_one_metric(const api::PutMetricAlarmInput& input) {
  if (!input.metric_name || !input.namespace_) {
    return validation_error("MetricName and Namespace are required unless Metrics is given");
  }
  if (!input.period) return validation_error("Period must be specified");
  if (!is_period(*input.period) || *input.period == 1 || *input.period == 5) {
    return validation_error("Period must be 10, 20, 30 or a multiple of 60");
  }
  if (input.statistic.has_value() == input.extended_statistic.has_value()) {
    return validation_error("Exactly one of Statistic and ExtendedStatistic must be specified");
  }
  if (input.extended_statistic) {
    const std::optional<Statistic> statistic = Statistic::parse(*input.extended_statistic);
    if (!statistic || !statistic->needs_spread()) {
      return validation_error("The value " + *input.extended_statistic +
                              " for parameter ExtendedStatistic is not supported.");
    }
  }
  const Result<Series> series = series_of(*input.namespace_, *input.metric_name, input.dimensions);
  if (!series.ok()) return series.error();
  return {};
}

Result<void> check_metrics(const api::PutMetricAlarmInput& input) {
  if (input.metric_name || input.namespace_ || input.period || input.statistic || input.extended_statistic ||
      input.dimensions || input.unit) {
    return validation_error(
        "Metrics must not be given together with MetricName, Namespace, Dimensions, Period, Unit, "
        "Statistic or ExtendedStatistic");
  }
  if (input.metrics->size() > kMostMetrics) return validation_error("Metrics must not have more than 10 members");
  const auto returned = std::count_if(input.metrics->begin(), input.metrics->end(),
                                      [](const auto& query) { return query.return_data.value_or(true); });
  if (returned != 1) return validation_error("Exactly one element of the metrics list should return data.");
  return check_queries(*input.metrics);
}

Result<void> check_not_supported(const api::PutMetricAlarmInput& input) {
  if (input.threshold_metric_id) return validation_error("Anomaly detection alarms are not supported by this server.");
  if (input.evaluation_window || input.warm_up_configuration || input.evaluation_criteria ||
      input.evaluation_interval || input.action_configuration) {
    return validation_error(
        "EvaluationWindow, WarmUpConfiguration, EvaluationCriteria, EvaluationInterval and "
        "ActionConfiguration are not supported by this server.");
  }
  return {};
}

Result<void> check_metric_alarm(const api::PutMetricAlarmInput& input) {
  if (Result<void> checked = check_not_supported(input); !checked.ok()) return checked;
  if (!input.evaluation_periods) return validation_error("EvaluationPeriods must be specified");
  if (!input.comparison_operator) return validation_error("ComparisonOperator must be specified");
  if (!is_any_of(*input.comparison_operator, {"GreaterThanOrEqualToThreshold", "GreaterThanThreshold",
                                              "LessThanThreshold", "LessThanOrEqualToThreshold"})) {
    return validation_error("ComparisonOperator " + *input.comparison_operator + " needs ThresholdMetricId");
  }
  if (!input.threshold) return validation_error("Threshold must be specified");
  if (input.datapoints_to_alarm.value_or(1) > *input.evaluation_periods) {
    return validation_error("DatapointsToAlarm must be less than or equal to EvaluationPeriods");
  }
  if (!is_any_of(input.treat_missing_data.value_or("missing"), {"breaching", "notBreaching", "ignore", "missing"})) {
    return validation_error("Invalid TreatMissingData value: " + *input.treat_missing_data);
  }
  if (!is_any_of(input.evaluate_low_sample_count_percentile.value_or("evaluate"), {"evaluate", "ignore"})) {
    return validation_error("Option " + *input.evaluate_low_sample_count_percentile +
                            " is not supported. Supported "
                            "options for parameter EvaluateLowSampleCountPercentile are evaluate and ignore.");
  }
  if (Result<void> checked = input.metrics ? check_metrics(input) : check_one_metric(input); !checked.ok()) {
    return checked;
  }
  const std::int64_t span = static_cast<std::int64_t>(input.period.value_or(60)) * *input.evaluation_periods;
  if (span > (input.period.value_or(60) >= 3600 ? 7 * kDaySeconds : kDaySeconds)) {
    return validation_error(
        "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be "
        "<= 86400).");
  }
  return check_all_actions(input);
}

api::MetricAlarm metric_alarm_of(const api::PutMetricAlarmInput& input) {
  api::MetricAlarm alarm;
  alarm.alarm_name = input.alarm_name;
  alarm.alarm_description = input.alarm_description;
  alarm.actions_enabled = input.actions_enabled.value_or(true);
  alarm.ok_actions = input.ok_actions.value_or(std::vector<std::string>());
  alarm.alarm_actions = input.alarm_actions.value_or(std::vector<std::string>());
  alarm.insufficient_data_actions = input.insufficient_data_actions.value_or(std::vector<std::string>());
  alarm.metric_name = input.metric_name;
  alarm.namespace_ = input.namespace_;
  alarm.statistic = input.statistic;
  alarm.extended_statistic = input.extended_statistic;
  if (!input.metrics) alarm.dimensions = input.dimensions.value_or(std::vector<api::Dimension>());
  alarm.period = input.period;
  alarm.unit = input.unit;
  alarm.evaluation_periods = input.evaluation_periods;
  alarm.datapoints_to_alarm = input.datapoints_to_alarm;
  alarm.threshold = input.threshold;
  alarm.comparison_operator = input.comparison_operator;
  alarm.treat_missing_data = input.treat_missing_data.value_or("missing");
  alarm.evaluate_low_sample_count_percentile = input.evaluate_low_sample_count_percentile;
  alarm.metrics = input.metrics;
  return alarm;
}

api::CompositeAlarm composite_alarm_of(const api::PutCompositeAlarmInput& input) {
  api::CompositeAlarm alarm;
  alarm.alarm_name = input.alarm_name;
  alarm.alarm_description = input.alarm_description;
  alarm.alarm_rule = input.alarm_rule;
  alarm.actions_enabled = input.actions_enabled.value_or(true);
  alarm.ok_actions = input.ok_actions.value_or(std::vector<std::string>());
  alarm.alarm_actions = input.alarm_actions.value_or(std::vector<std::string>());
  alarm.insufficient_data_actions = input.insufficient_data_actions.value_or(std::vector<std::string>());
  return alarm;
}

Result<std::map<std::string, std::string>> tags_of(const std::optional<std::vector<api::Tag>>& tags) {
  std::map<std::string, std::string> result;
  if (!tags) return result;
  for (const api::Tag& tag : *tags) result[tag.key] = tag.value;
  if (result.size() > kMostTags) return validation_error("An alarm can have at most 50 tags");
  return result;
}

/// What a new version of an alarm takes over from the one before: its state, and its tags.
void take_over(const Alarm& before, Alarm& alarm) {
  alarm.tags = before.tags;
  before.visit([&alarm](const auto& old) {
    alarm.visit([&old](auto& fresh) {
      fresh.state_value = old.state_value;
      fresh.state_reason = old.state_reason;
      fresh.state_reason_data = old.state_reason_data;
      fresh.state_updated_timestamp = old.state_updated_timestamp;
      fresh.state_transitioned_timestamp = old.state_transitioned_timestamp;
    });
  });
}

/// Fails when the alarms of a rule are not there, or lead back to this one.
Task<void> check_rule(storage::Transaction& txn, Store store, std::string name, std::string text) {
  std::vector<std::string> todo{std::move(text)};
  std::map<std::string, bool> seen;
  bool first = true;
  while (!todo.empty()) {
    const AlarmRule rule = co_await AlarmRule::parse(todo.back());
    todo.pop_back();
    for (const std::string& child : rule.alarms()) {
      if (child == name) {
        co_await fail(validation_error("AlarmRule contains a cycle: " + name));
      }
      if (seen[child]) continue;
      seen[child] = true;
      const std::optional<Alarm> found = co_await find_alarm(txn, store, child);
      if (!found && first) {
        co_await fail(
            validation_error("Could not save the composite alarm as alarm rule contains invalid alarms: " + child));
      }
      if (found && found->composite) todo.push_back(found->composite->alarm_rule.value_or("TRUE"));
    }
    first = false;
  }
}

}  // namespace

void Alarms::add_operations(wire::Service& service) {
  service.on<api::PutMetricAlarm>([this](Call& c, const auto& in) { return put_metric_alarm(c, in); });
  service.on<api::PutCompositeAlarm>([this](Call& c, const auto& in) { return put_composite_alarm(c, in); });
  service.on<api::DeleteAlarms>([this](Call& c, const auto& in) { return delete_alarms(c, in); });
  service.on<api::SetAlarmState>([this](Call& c, const auto& in) { return set_alarm_state(c, in); });
  service.on<api::EnableAlarmActions>([this](Call& c, const auto& in) -> Task<api::EnableAlarmActionsOutput> {
    co_await enable_actions(Store(c.account(), c.region), in.alarm_names, true);
    co_return api::EnableAlarmActionsOutput();
  });
  service.on<api::DisableAlarmActions>([this](Call& c, const auto& in) -> Task<api::DisableAlarmActionsOutput> {
    co_await enable_actions(Store(c.account(), c.region), in.alarm_names, false);
    co_return api::DisableAlarmActionsOutput();
  });
  service.on<api::DescribeAlarms>([this](Call& c, const auto& in) { return describe_alarms(c, in); });
  service.on<api::DescribeAlarmsForMetric>(
      [this](Call& c, const auto& in) { return describe_alarms_for_metric(c, in); });
  service.on<api::DescribeAlarmHistory>([this](Call& c, const auto& in) { return describe_alarm_history(c, in); });
}

Task<void> Alarms::keep(storage::Transaction& txn, Store store, Alarm alarm, bool is_new) {
  const Timestamp now = clock_.now();
  alarm.visit([&](auto& a) {
    a.alarm_arn = wire::make_arn("cloudwatch", store.region(), store.account(), "alarm:" + *a.alarm_name);
    a.alarm_configuration_updated_timestamp = now;
    if (!is_new) return;
    a.state_value = "INSUFFICIENT_DATA";
    a.state_reason = "Unchecked: Initial alarm creation";
    a.state_updated_timestamp = now;
    a.state_transitioned_timestamp = now;
  });
  txn.put(alarm_key(store, alarm.name()), alarm_value(alarm));
  api::AlarmHistoryItem item;
  item.alarm_name = alarm.name();
  item.alarm_type = alarm.type();
  item.timestamp = now;
  item.history_item_type = std::string(api::history_item_type::kConfigurationUpdate);
  item.history_summary = "Alarm \"" + alarm.name() + "\" " + (is_new ? "created" : "updated");
  item.history_data = std::string("{\"version\":\"1.0\",\"type\":\"") + (is_new ? "Create" : "Update") + "\"}";
  co_await add_history(txn, store, std::move(item));
}

Task<api::PutMetricAlarmOutput> Alarms::put_metric_alarm(Call& call, const api::PutMetricAlarmInput& input) {
  co_await check_metric_alarm(input);
  const std::map<std::string, std::string> tags = co_await tags_of(input.tags);
  const Store store(call.account(), call.region);
  const auto put = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<Alarm> before = co_await find_alarm(txn, store, input.alarm_name);
    if (before && before->composite) {
      co_await fail(validation_error("A composite alarm with the name " + input.alarm_name + " exists already"));
    }
    Alarm alarm;
    alarm.metric = metric_alarm_of(input);
    alarm.tags = tags;
    if (before) take_over(*before, alarm);
    co_await keep(txn, store, std::move(alarm), !before);
  };
  {
    const std::lock_guard lock(mutex_);
    if (due_.size() >= kMostAlarms && !due_.contains(Id(call.account(), call.region, input.alarm_name))) {
      co_return Error(api::errors::kLimitExceededFault, "The quota of alarms for this account was reached.");
    }
  }
  co_await storage::transact(database_, put);
  schedule(Id(call.account(), call.region, input.alarm_name), clock_.now_seconds());
  co_return api::PutMetricAlarmOutput();
}

Task<api::PutCompositeAlarmOutput> Alarms::put_composite_alarm(Call& call, const api::PutCompositeAlarmInput& input) {
  if (input.actions_suppressor || input.actions_suppressor_wait_period || input.actions_suppressor_extension_period ||
      input.action_configuration) {
    co_return validation_error("ActionsSuppressor and ActionConfiguration are not supported by this server.");
  }
  co_await AlarmRule::parse(input.alarm_rule);
  co_await check_all_actions(input);
  const std::map<std::string, std::string> tags = co_await tags_of(input.tags);
  const Store store(call.account(), call.region);
  const auto put = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<Alarm> before = co_await find_alarm(txn, store, input.alarm_name);
    if (before && before->metric) {
      co_await fail(validation_error("A metric alarm with the name " + input.alarm_name + " exists already"));
    }
    co_await check_rule(txn, store, input.alarm_name, input.alarm_rule);
    Alarm alarm;
    alarm.composite = composite_alarm_of(input);
    alarm.tags = tags;
    if (before) take_over(*before, alarm);
    co_await keep(txn, store, std::move(alarm), !before);
  };
  co_await storage::transact(database_, put);
  schedule(Id(call.account(), call.region, input.alarm_name), clock_.now_seconds());
  co_return api::PutCompositeAlarmOutput();
}

Task<api::DeleteAlarmsOutput> Alarms::delete_alarms(Call& call, const api::DeleteAlarmsInput& input) {
  if (input.alarm_names.size() > kMostDeleted) {
    co_return validation_error("At most 100 alarms can be deleted in one call");
  }
  const Store store(call.account(), call.region);
  const std::vector<Alarm> all = co_await all_alarms(store);
  for (const Alarm& alarm : all) {
    const auto& names = input.alarm_names;
    if (!alarm.composite || std::find(names.begin(), names.end(), alarm.name()) != names.end()) continue;
    const AlarmRule rule = co_await AlarmRule::parse(alarm.composite->alarm_rule.value_or("TRUE"));
    for (const std::string& child : rule.alarms()) {
      if (std::find(names.begin(), names.end(), child) != names.end()) {
        co_return validation_error("The alarm " + child + " cannot be deleted: the composite alarm " + alarm.name() +
                                   " depends on it");
      }
    }
  }
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    for (const std::string& name : input.alarm_names) {
      const std::optional<Alarm> alarm = co_await find_alarm(txn, store, name);
      if (!alarm) co_await fail(Error(api::errors::kResourceNotFound, "Some alarms cannot be found: " + name));
      txn.erase(alarm_key(store, name));
    }
  };
  co_await storage::transact(database_, erase);
  for (const std::string& name : input.alarm_names) forget(Id(call.account(), call.region, name));
  co_return api::DeleteAlarmsOutput();
}

Task<api::SetAlarmStateOutput> Alarms::set_alarm_state(Call& call, const api::SetAlarmStateInput& input) {
  const Store store(call.account(), call.region);
  const bool changed = co_await change_state(store, input.alarm_name, input.state_value, input.state_reason,
                                             input.state_reason_data.value_or(""));
  if (changed) co_await evaluate_composites(store);
  co_return api::SetAlarmStateOutput();
}

Task<void> Alarms::enable_actions(Store store, std::vector<std::string> names, bool enabled) {
  const auto change = [&](storage::Transaction& txn) -> Task<void> {
    for (const std::string& name : names) {
      std::optional<Alarm> alarm = co_await find_alarm(txn, store, name);
      if (!alarm) continue;
      alarm->visit([enabled](auto& a) { a.actions_enabled = enabled; });
      co_await keep(txn, store, std::move(*alarm), false);
    }
  };
  co_await storage::transact(database_, change);
}

}  // namespace cumulet::cloudwatch
