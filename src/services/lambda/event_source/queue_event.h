#pragma once

#include <string>
#include <vector>

#include "wire/generated/sqs.h"

namespace cumulet::lambda {

/// The largest event that a function gets from an event source mapping.
inline constexpr std::size_t kBatchBytes = 6'291'456;

/// A message as it stands in the event's `Records`.
/// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
std::string queue_record(const wire::sqs::Message& message, const std::string& queue_arn, const std::string& region);

/// {"Records":[…]}
std::string records_event(const std::vector<std::string>& records);

}  // namespace cumulet::lambda
