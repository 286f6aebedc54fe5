#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "services/lambda/code_store.h"
#include "services/lambda/function_name.h"
#include "services/lambda/logging_config.h"
#include "services/lambda/snapshots.h"
#include "services/lambda/store.h"
#include "wire/generated/lambda.h"

namespace cumulet::lambda {

/// The parts of a configuration that creating and updating set in the same way, checked as Lambda checks them. A part
/// that was not given stays as it is. Fails with InvalidParameterValueException.
Result<void> set_limits(wire::lambda::FunctionConfiguration& configuration, std::optional<std::int32_t> timeout,
                        std::optional<std::int32_t> memory,
                        const std::optional<wire::lambda::EphemeralStorage>& storage);
Result<void> set_environment(wire::lambda::FunctionConfiguration& configuration,
                             const std::optional<wire::lambda::Environment>& environment);
/// Executions last at most a day and are kept for fourteen, unless it says otherwise.
void set_durable(wire::lambda::FunctionConfiguration& configuration, const wire::lambda::DurableConfig& durable);
/// Everything else that Create- and UpdateFunctionConfiguration share. What this server cannot do is refused here.
template <typename Input>
Result<void> set_common(wire::lambda::FunctionConfiguration& configuration, const Input& input);

/// Fails with PreconditionFailedException when another revision of the policy is wanted.
Result<void> check_policy_revision(const std::map<std::string, std::string>& statements,
                                   const std::optional<std::string>& wanted);
/// Of $LATEST: only published versions have snapshots.
void set_snap_start(wire::lambda::FunctionConfiguration& configuration, const wire::lambda::SnapStart& wanted);
/// The runtime, and the version of it that is shown for it.
void set_runtime(wire::lambda::FunctionConfiguration& configuration, const std::string& runtime);

/// Fails unless the function is an image.
Result<void> set_image_config(wire::lambda::FunctionConfiguration& configuration,
                              const wire::lambda::ImageConfig& wanted);
/// Whether what a request says of its code fits the package type.
Result<void> check_package_type(const wire::lambda::CreateFunctionRequest& input);
/// Fails with ResourceConflictException while the function's image is being fetched.
Result<void> check_idle(const VersionRow& row, const FunctionName& name);
void set_pending(VersionRow& row);
/// The version is made of this package from now on.
void set_updated(VersionRow& row, const Package& package);

/// Asks for what this server cannot do: refused by name rather than ignored.
Error unsupported(const std::string& what);

/// A new function's configuration, with Lambda's defaults.
wire::lambda::FunctionConfiguration default_configuration(const FunctionName& name);
void set_package(wire::lambda::FunctionConfiguration& configuration, const Package& package);
/// As an answer: the ARN with the qualifier where one was given.
wire::lambda::FunctionConfiguration shown_as(wire::lambda::FunctionConfiguration configuration,
                                             const FunctionName& name);

/// The engine's name for environments of this code and configuration.
std::string engine_key(const FunctionName& name, const wire::lambda::FunctionConfiguration& configuration);

template <typename Input>
Result<void> set_common(wire::lambda::FunctionConfiguration& configuration, const Input& input) {
  if (input.file_system_configs && !input.file_system_configs->empty()) return unsupported("FileSystemConfigs");
  if (input.image_config) {
    if (Result<void> set = set_image_config(configuration, *input.image_config); !set) return set;
  }
  if (input.capacity_provider_config) return unsupported("CapacityProviderConfig");
  if (input.accelerator_config) return unsupported("AcceleratorConfig");
  if (input.runtime_config) return unsupported("RuntimeConfig");
  if (input.durable_config && input.durable_config->kms_key_arn) return unsupported("KMSKeyArn of DurableConfig");
  if (Result<void> set = set_limits(configuration, input.timeout, input.memory_size, input.ephemeral_storage); !set) {
    return set;
  }
  if (Result<void> set = set_environment(configuration, input.environment); !set) return set;
  if (input.durable_config) set_durable(configuration, *input.durable_config);
  if (input.handler) configuration.handler = input.handler;
  if (input.description) configuration.description = input.description;
  if (input.runtime) set_runtime(configuration, *input.runtime);
  if (input.snap_start) set_snap_start(configuration, *input.snap_start);
  if (Result<void> good = check_snap_start(configuration); !good) return good;
  if (input.kms_key_arn) configuration.kms_key_arn = input.kms_key_arn;
  if (input.dead_letter_config) configuration.dead_letter_config = input.dead_letter_config;
  if (input.tracing_config) {
    configuration.tracing_config.emplace().mode = input.tracing_config->mode.value_or("PassThrough");
  }
  if (input.vpc_config) {
    wire::lambda::VpcConfigResponse& vpc = configuration.vpc_config.emplace();
    vpc.subnet_ids = input.vpc_config->subnet_ids.value_or(std::vector<std::string>());
    vpc.security_group_ids = input.vpc_config->security_group_ids.value_or(std::vector<std::string>());
    vpc.vpc_id = "";
  }
  if (input.logging_config) return set_logging(configuration, *input.logging_config);
  return {};
}

}  // namespace cumulet::lambda
