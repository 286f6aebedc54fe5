#pragma once

#include "base/result.h"
#include "compute/logging_settings.h"
#include "wire/generated/lambda.h"

/// Advanced logging controls: LoggingConfig of a function.
namespace cumulet::lambda {

/// Sets what was given; the log group and the format stay when they were not. In JSON the levels are INFO unless given;
/// plain text has none. Fails with InvalidParameterValueException.
Result<void> set_logging(wire::lambda::FunctionConfiguration& configuration, const wire::lambda::LoggingConfig& wanted);

compute::LoggingSettings logging_settings(const wire::lambda::LoggingConfig& config);

}  // namespace cumulet::lambda
