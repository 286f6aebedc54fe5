#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "events/outbox.h"
#include "wire/generated/scheduler.h"
#include "wire/named_operations.h"

/// What a schedule invokes, and with what.
namespace cumulet::scheduler {

/// "arn:aws:scheduler:::aws-sdk:sqs:sendMessage": an operation of a service of this server, by Scheduler's names.
struct UniversalTarget {
  std::string service;    ///< "sqs"
  std::string operation;  ///< "SendMessage"
};
std::optional<UniversalTarget> universal_target(const std::string& arn);

/// Fails with ValidationException where a target cannot be invoked, or its parameters do not fit it.
Result<void> check_target(const wire::scheduler::Target& target, const wire::NamedOperations& operations);

/// The event for its target, whose payload still has the placeholder of the attempt's number.
events::Event event_for(const wire::scheduler::GetScheduleOutput& schedule, const std::string& account,
                        const std::string& region, Timestamp scheduled, const std::string& execution_id);

inline constexpr std::string_view kAttemptNumber = "<aws.scheduler.attempt-number>";
std::string replace_all(std::string text, std::string_view what, std::string_view with);

}  // namespace cumulet::scheduler
