#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "services/cloudwatch/alarm.h"

/// What an alarm tells others when its state changes.
namespace cumulet::cloudwatch {

/// The state before the change.
struct FormerState {
  std::string value;
  std::string reason;
  std::string reason_data;
  Timestamp since;
};

/// The JSON message that a topic gets. For a composite alarm `children` are those of its rule that are in ALARM.
std::string notification_message(const Alarm& alarm, const FormerState& former, const std::string& account,
                                 const std::string& region, const std::vector<Alarm>& children);
std::string notification_subject(const Alarm& alarm, const std::string& region);

/// The event of a function.
std::string function_event(const Alarm& alarm, const FormerState& former, const std::string& account,
                           const std::string& region);
/// The detail of the "CloudWatch Alarm State Change" event.
std::string state_change_detail(const Alarm& alarm, const FormerState& former);
/// HistoryData of a StateUpdate.
std::string history_data(const Alarm& alarm, const FormerState& former);

/// 2026-11-22T14:50:00.000+0000
std::string message_time(Timestamp time);

}  // namespace cumulet::cloudwatch
