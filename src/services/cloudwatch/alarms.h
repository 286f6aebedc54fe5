#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "events/outbox.h"
#include "services/cloudwatch/alarm.h"
#include "services/cloudwatch/alarm_decision.h"
#include "services/cloudwatch/alarm_messages.h"
#include "services/cloudwatch/read.h"
#include "storage/database.h"
#include "wire/generated/cloudwatch.h"
#include "wire/service.h"

namespace cumulet::cloudwatch {

/// Alarms: their operations, and their evaluation by the clock. Each alarm is due some seconds after every minute
/// (after every ten seconds when its period is shorter); composite alarms are worked out when an alarm of their region
/// changes.
class Alarms {
 public:
  using Call = wire::Call;

  Alarms(storage::Database& database, const Clock& clock, events::Outbox& outbox);

  void add_operations(wire::Service& service);
  /// Evaluates on that loop from now on. Any thread.
  void start(Loop& loop);
  /// Waits until the evaluation under way has ended; begins no other. Not on a loop.
  void drain(SteadyTime deadline);

 private:
  /// Account, region, name.
  using Id = std::tuple<std::string, std::string, std::string>;

  // operations_alarms.cc
  Task<wire::cloudwatch::PutMetricAlarmOutput> put_metric_alarm(Call& call,
                                                                const wire::cloudwatch::PutMetricAlarmInput& input);
  Task<wire::cloudwatch::PutCompositeAlarmOutput> put_composite_alarm(
      Call& call, const wire::cloudwatch::PutCompositeAlarmInput& input);
  Task<wire::cloudwatch::DeleteAlarmsOutput> delete_alarms(Call& call,
                                                           const wire::cloudwatch::DeleteAlarmsInput& input);
  Task<wire::cloudwatch::SetAlarmStateOutput> set_alarm_state(Call& call,
                                                              const wire::cloudwatch::SetAlarmStateInput& input);
  Task<void> enable_actions(Store store, std::vector<std::string> names, bool enabled);
  Task<void> keep(storage::Transaction& txn, Store store, Alarm alarm, bool is_new);

  // operations_alarm_reading.cc
  Task<wire::cloudwatch::DescribeAlarmsOutput> describe_alarms(Call& call,
                                                               const wire::cloudwatch::DescribeAlarmsInput& input);
  Task<wire::cloudwatch::DescribeAlarmsForMetricOutput> describe_alarms_for_metric(
      Call& call, const wire::cloudwatch::DescribeAlarmsForMetricInput& input);
  Task<wire::cloudwatch::DescribeAlarmHistoryOutput> describe_alarm_history(
      Call& call, const wire::cloudwatch::DescribeAlarmHistoryInput& input);
  Task<std::vector<Alarm>> all_alarms(Store store);

  // alarm_evaluation.cc
  void schedule(const Id& id, std::int64_t due);
  void forget(const Id& id);
  void set_timer();
  Task<void> find_alarms();
  Task<void> evaluate_due();
  Task<void> evaluate(Id id);
  Task<void> evaluate_metric(Store store, Alarm alarm);
  Task<void> evaluate_composites(Store store);
  Task<bool> evaluate_composite(Store store, Alarm alarm);
  Task<std::vector<AlarmPoint>> read_alarm_points(Store store, wire::cloudwatch::MetricAlarm alarm, Range range,
                                                  bool& too_few_samples);
  /// Another state: writes it, its history and what others are to hear of it. False when it was so already.
  Task<bool> change_state(Store store, std::string name, std::string state, std::string reason,
                          std::string reason_data);
  Task<void> notify(storage::Transaction& txn, Store store, const Alarm& alarm, const FormerState& former);
  std::int64_t next_due(const Alarm& alarm) const;

  storage::Database& database_;
  const Clock& clock_;
  events::Outbox& outbox_;

  std::mutex mutex_;
  Loop* loop_ = nullptr;
  bool evaluating_ = false;
  bool stopping_ = false;
  bool timer_set_ = false;
  std::map<Id, std::int64_t> due_;  ///< Seconds since 1970.
};

}  // namespace cumulet::cloudwatch
