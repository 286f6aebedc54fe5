#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/cloudwatch/store.h"
#include "wire/generated/cloudwatch.h"

namespace cumulet::cloudwatch {

/// An alarm as it is stored: one on a metric or an expression, or a composite one.
struct Alarm {
  std::optional<wire::cloudwatch::MetricAlarm> metric;
  std::optional<wire::cloudwatch::CompositeAlarm> composite;
  std::map<std::string, std::string> tags;

  /// Calls `f` with whichever it is; both have the same names for what they share.
  template <typename F>
  decltype(auto) visit(F f) {
    return metric ? f(*metric) : f(*composite);
  }
  template <typename F>
  decltype(auto) visit(F f) const {
    return metric ? f(*metric) : f(*composite);
  }

  std::string name() const {
    return visit([](const auto& alarm) { return alarm.alarm_name.value_or(""); });
  }
  std::string arn() const {
    return visit([](const auto& alarm) { return alarm.alarm_arn.value_or(""); });
  }
  std::string state() const {
    return visit([](const auto& alarm) { return alarm.state_value.value_or(""); });
  }
  std::string type() const { return metric ? "MetricAlarm" : "CompositeAlarm"; }
};

std::string alarm_key(const Store& store, const std::string& name);
std::string alarm_value(const Alarm& alarm);
std::optional<Alarm> parse_alarm(const std::string& value);

Task<std::optional<Alarm>> find_alarm(storage::Transaction& txn, Store store, std::string name);
/// Alarms after a name (excluded) whose names start with the prefix.
Task<std::vector<Alarm>> list_alarms(storage::Transaction& txn, Store store, std::string prefix, std::string after,
                                     std::size_t limit);

/// Adds to an alarm's history, and removes some of what is older than 30 days.
Task<void> add_history(storage::Transaction& txn, Store store, wire::cloudwatch::AlarmHistoryItem item);
/// History between two times of one alarm or of all, newest first unless `ascending`; `after` is the key to go on
/// after, and becomes the last one's.
Task<std::vector<wire::cloudwatch::AlarmHistoryItem>> list_history(storage::Transaction& txn, Store store,
                                                                   std::string& after, bool ascending,
                                                                   std::size_t limit);

}  // namespace cumulet::cloudwatch
