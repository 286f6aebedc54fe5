#include "services/lambda/logging_config.h"

#include "services/lambda/lambda.h"

namespace cumulet::lambda {

namespace api = wire::lambda;

Result<void> set_logging(api::FunctionConfiguration& configuration, const api::LoggingConfig& wanted) {
  const api::LoggingConfig before = configuration.logging_config.value_or(api::LoggingConfig());
  api::LoggingConfig after = wanted;
  if (!after.log_format) after.log_format = before.log_format.value_or("Text");
  if (!after.log_group) after.log_group = before.log_group;
  if (*after.log_format == "JSON") {
    if (!after.application_log_level) after.application_log_level = "INFO";
    if (!after.system_log_level) after.system_log_level = "INFO";
  } else if (after.application_log_level || after.system_log_level) {
    return user_error(
        api::errors::kInvalidParameterValueException,
        "LogLevel is not supported when LogFormat is set to \"Text\". Remove LogLevel from your request or "
        "change the LogFormat to \"JSON\" and try again.");
  }
  configuration.logging_config = std::move(after);
  return {};
}

compute::LoggingSettings logging_settings(const api::LoggingConfig& config) {
  using compute::LogLevel;
  compute::LoggingSettings settings;
  settings.json = config.log_format.value_or("Text") == "JSON";
  settings.application =
      compute::parse_log_level(config.application_log_level.value_or("INFO")).value_or(LogLevel::kInfo);
  settings.system = compute::parse_log_level(config.system_log_level.value_or("INFO")).value_or(LogLevel::kInfo);
  return settings;
}

}  // namespace cumulet::lambda
