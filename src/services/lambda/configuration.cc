#include "services/lambda/configuration.h"

#include <algorithm>
#include <array>

#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/lambda.h"
#include "services/lambda/tenancy.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;

constexpr std::size_t kEnvironmentLimit = 4096;
constexpr std::int32_t kExecutionTimeout = 86400;
constexpr std::int32_t kRetentionDays = 14;

/// Names that belong to the platform.
constexpr std::array<std::string_view, 22> kReserved{"_HANDLER",
                                                     "_X_AMZN_TRACE_ID",
                                                     "AWS_DEFAULT_REGION",
                                                     "AWS_REGION",
                                                     "AWS_EXECUTION_ENV",
                                                     "AWS_LAMBDA_FUNCTION_NAME",
                                                     "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
                                                     "AWS_LAMBDA_FUNCTION_VERSION",
                                                     "AWS_LAMBDA_INITIALIZATION_TYPE",
                                                     "AWS_LAMBDA_LOG_GROUP_NAME",
                                                     "AWS_LAMBDA_LOG_STREAM_NAME",
                                                     "AWS_ACCESS_KEY",
                                                     "AWS_ACCESS_KEY_ID",
                                                     "AWS_SECRET_ACCESS_KEY",
                                                     "AWS_SESSION_TOKEN",
                                                     "AWS_LAMBDA_RUNTIME_API",
                                                     "LAMBDA_TASK_ROOT",
                                                     "LAMBDA_RUNTIME_DIR",
                                                     "AWS_LAMBDA_MAX_CONCURRENCY",
                                                     "AWS_LAMBDA_METADATA_API",
                                                     "AWS_LAMBDA_METADATA_TOKEN",
                                                     "_AWS_XRAY_DAEMON_ADDRESS"};

Error out_of_range(const char* member, std::int32_t value, const char* relation, int limit) {
  return Error(errors::kValidation, "1 validation error detected: Value '" + std::to_string(value) + "' at '" + member +
                                        "' failed to satisfy constraint: Member must have value " + relation +
                                        " than or equal to " + std::to_string(limit));
}

Result<void> in_range(const char* member, std::int32_t value, int least, int most) {
  if (value < least) return out_of_range(member, value, "greater", least);
  if (value > most) return out_of_range(member, value, "less", most);
  return {};
}

}  // namespace

Error unsupported(const std::string& what) { return invalid(what + " is not supported by this server yet."); }

Result<void> set_limits(api::FunctionConfiguration& configuration, std::optional<std::int32_t> timeout,
                        std::optional<std::int32_t> memory, const std::optional<api::EphemeralStorage>& storage) {
  if (timeout) {
    if (Result<void> good = in_range("timeout", *timeout, 1, 900); !good) return good;
    configuration.timeout = timeout;
  }
  if (memory) {
    if (Result<void> good = in_range("memorySize", *memory, 128, 10240); !good) return good;
    configuration.memory_size = memory;
  }
  if (storage) {
    if (Result<void> good = in_range("ephemeralStorage.size", storage->size, 512, 10240); !good) return good;
    configuration.ephemeral_storage = storage;
  }
  return {};
}

Result<void> set_environment(api::FunctionConfiguration& configuration,
                             const std::optional<api::Environment>& environment) {
  if (!environment) return {};
  const std::map<std::string, std::string> variables =
      environment->variables.value_or(std::map<std::string, std::string>());
  constexpr std::string_view kCannot =
      "Lambda was unable to configure your environment variables because the environment variables you have provided ";
  std::size_t size = 0;
  std::string reserved;
  std::string measured = "{";
  for (const auto& [name, value] : variables) {
    size += name.size() + value.size();
    if (std::find(kReserved.begin(), kReserved.end(), name) != kReserved.end()) {
      reserved += (reserved.empty() ? "" : ", ") + name;
    }
    measured += (measured.size() > 1 ? ",\"" : "\"") + json_escape(name) + "\":\"" + json_escape(value) + "\"";
    if (value.find('\0') != std::string::npos) return invalid(std::string(kCannot) + "contain a null character.");
  }
  if (!reserved.empty()) {
    return invalid(
        std::string(kCannot) +
        "contains reserved keys that are currently not supported for modification. Reserved keys used in this "
        "request: " +
        reserved);
  }
  if (size > kEnvironmentLimit) {
    return invalid(std::string(kCannot) + "exceeded the 4KB limit. String measured: " + measured + "}");
  }
  if (variables.empty()) {
    configuration.environment.reset();
  } else {
    configuration.environment.emplace().variables = variables;
  }
  return {};
}

void set_durable(api::FunctionConfiguration& configuration, const api::DurableConfig& durable) {
  if (!configuration.durable_config) configuration.durable_config.emplace();
  api::DurableConfig& kept = *configuration.durable_config;
  kept.execution_timeout = durable.execution_timeout.value_or(kept.execution_timeout.value_or(kExecutionTimeout));
  kept.retention_period_in_days =
      durable.retention_period_in_days.value_or(kept.retention_period_in_days.value_or(kRetentionDays));
}

Result<void> check_policy_revision(const std::map<std::string, std::string>& statements,
                                   const std::optional<std::string>& wanted) {
  if (!wanted || (!statements.empty() && *wanted == policy_revision(statements))) return {};
  return user_error(
      api::errors::kPreconditionFailedException,
      "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve "
      "the latest Revision Id");
}

void set_snap_start(api::FunctionConfiguration& configuration, const api::SnapStart& wanted) {
  configuration.snap_start.emplace().apply_on = wanted.apply_on.value_or("None");
  configuration.snap_start->optimization_status = "Off";
}

void set_runtime(api::FunctionConfiguration& configuration, const std::string& runtime) {
  configuration.runtime = runtime;
  const std::string arn = configuration.function_arn.value_or("");
  const std::vector<std::string_view> parts = split(arn, ':');
  const std::string region = parts.size() > 3 ? std::string(parts[3]) : std::string();
  configuration.runtime_version_config.emplace().runtime_version_arn =
      "arn:aws:lambda:" + region + "::runtime:" + runtime;
}

api::FunctionConfiguration default_configuration(const FunctionName& name) {
  api::FunctionConfiguration c;
  c.function_name = name.name;
  c.function_arn = name.arn();
  c.description = "";
  c.timeout = 3;
  c.memory_size = 128;
  c.version = "$LATEST";
  c.tracing_config.emplace().mode = "PassThrough";
  c.revision_id = uuid();
  c.state = "Active";
  c.last_update_status = "Successful";
  c.package_type = "Zip";
  c.architectures = std::vector<std::string>{"x86_64"};
  c.ephemeral_storage.emplace().size = 512;
  c.snap_start.emplace();
  c.snap_start->apply_on = "None";
  c.snap_start->optimization_status = "Off";
  c.logging_config.emplace();
  c.logging_config->log_format = "Text";
  c.logging_config->log_group = "/aws/lambda/" + name.name;
  return c;
}

void set_package(api::FunctionConfiguration& configuration, const Package& package) {
  configuration.code_size = static_cast<std::int64_t>(package.size);
  configuration.code_sha256 = package.sha_base64;
}

api::FunctionConfiguration shown_as(api::FunctionConfiguration configuration, const FunctionName& name) {
  configuration.function_arn = name.qualified_arn();
  return configuration;
}

std::string engine_key(const FunctionName& name, const api::FunctionConfiguration& configuration) {
  return name.arn() + ":" + configuration.version.value_or("") + ":" + configuration.revision_id.value_or("");
}

}  // namespace cumulet::lambda
