#include "base/loop.h"
#include "base/text.h"
#include "services/cloudformation/bind.h"
#include "services/cloudformation/inline_code.h"
#include "services/cloudformation/resource_type.h"
#include "services/cloudformation/template.h"
#include "wire/generated/lambda.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::lambda;
constexpr std::string_view kService = "lambda";
constexpr int kWaits = 33'000;  ///< A container image may take ten minutes to come.
constexpr std::chrono::milliseconds kWait{20};
constexpr int kSnapshotWaits = 60'000;  ///< An initialisation may take a quarter of an hour, and more than one try.

template <typename Operation>
Task<void> call_removal(ResourceContext& context, typename Operation::Input input) {
  co_await context.directory.call<Operation>(kService, context.call, std::move(input));
}

/// A function, or the version of an ARN, when it is neither being made nor being changed any more.
Task<api::FunctionConfiguration> await_settled(ResourceContext& context, std::string name, int waits) {
  for (int i = 0; i < waits; ++i) {
    api::GetFunctionConfigurationRequest input;
    input.function_name = name;
    const api::FunctionConfiguration found =
        co_await context.directory.call<api::GetFunctionConfiguration>(kService, context.call, std::move(input));
    if (found.state == "Failed" || found.last_update_status == "Failed") {
      const auto& reason = found.state == "Failed" ? found.state_reason : found.last_update_status_reason;
      co_return Error("NotStabilized", 500, reason.value_or("The function failed."));
    }
    if (found.state != "Pending" && found.last_update_status != "InProgress") co_return found;
    co_await sleep_for(kWait);
  }
  co_return Error("NotStabilized", 500, "The function " + name + " did not become active.");
}

/// Code as the API has it: inline source becomes a package named after the handler's module.
Result<Value> code_of(const Value& properties) {
  const Value* code = properties.find("Code");
  if (code == nullptr || !code->is_object()) return validation_error("AWS::Lambda::Function: Code is required");
  const Value* source = code->find("ZipFile");
  if (source == nullptr) return *code;
  const std::string runtime = properties.text_of("Runtime");
  const bool node = runtime.starts_with("nodejs");
  if (!node && !runtime.starts_with("python")) {
    return validation_error("ZipFile can only be used when Runtime is set to a Node.js or Python runtime");
  }
  Result<std::string> package = zip_of(node ? "index.js" : "index.py", source->text());
  if (!package.ok()) return std::move(package).error();
  Value packed = *code;
  packed.set("ZipFile", Value::string(std::move(*package)));
  return packed;
}

/// AWS::Lambda::Function
class FunctionType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"FunctionName", "PackageType", "TenancyConfig"};
    return kNames;
  }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    Value adapted = properties;
    adapted.set("Code", co_await code_of(properties));
    api::CreateFunctionRequest input = co_await input_from<api::CreateFunction>(adapted);
    if (input.function_name.empty()) input.function_name = context.generated_name;
    const std::string name = input.function_name;
    co_await context.directory.call<api::CreateFunction>(kService, context.call, std::move(input));
    co_await reserve(context, name, properties);
    Result<Made> made = co_await attempt(settled(context, name));
    if (!made) {
      api::DeleteFunctionRequest removal;
      removal.function_name = name;
      co_await gone_is_fine(call_removal<api::DeleteFunction>(context, std::move(removal)));
    }
    co_return made;
  }

  Task<Made> update(ResourceContext& context, std::string id, const Value& before, const Value& after) override {
    const Value* code_then = before.find("Code");
    const Value* code_now = after.find("Code");
    if (code_now != nullptr && (code_then == nullptr || !(*code_now == *code_then))) {
      const Value code = co_await code_of(after);
      api::UpdateFunctionCodeRequest input = co_await input_from<api::UpdateFunctionCode>(code);
      input.function_name = id;
      co_await context.directory.call<api::UpdateFunctionCode>(kService, context.call, std::move(input));
      co_await settled(context, id);
    }
    Value settings = after;
    // What is no longer said goes back to its default.
    if (after.find("Environment") == nullptr) {
      settings.set("Environment", Value::object({{"Variables", Value::object()}}));
    }
    if (after.find("Layers") == nullptr) settings.set("Layers", Value::list());
    if (after.text_of("PackageType") == "Image" && after.find("ImageConfig") == nullptr) {
      settings.set("ImageConfig", Value::object());
    }
    if (after.find("Timeout") == nullptr) settings.set("Timeout", Value::number("3"));
    if (after.find("MemorySize") == nullptr) settings.set("MemorySize", Value::number("128"));
    if (after.find("Description") == nullptr) settings.set("Description", Value::string(""));
    if (after.find("LoggingConfig") == nullptr) {
      settings.set("LoggingConfig", Value::object({{"LogFormat", Value::string("Text")},
                                                   {"LogGroup", Value::string("/aws/lambda/" + id)}}));
    }
    api::UpdateFunctionConfigurationRequest input = co_await input_from<api::UpdateFunctionConfiguration>(settings);
    input.function_name = id;
    co_await context.directory.call<api::UpdateFunctionConfiguration>(kService, context.call, std::move(input));
    co_await reserve(context, id, after);
    co_return co_await settled(context, id);
  }

  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteFunctionRequest input;
    input.function_name = std::move(id);
    co_await gone_is_fine(call_removal<api::DeleteFunction>(context, std::move(input)));
  }

 private:
  static Task<void> reserve(ResourceContext& context, std::string name, const Value& properties) {
    if (properties.find("ReservedConcurrentExecutions") == nullptr) {
      api::DeleteFunctionConcurrencyRequest none;
      none.function_name = name;
      co_await gone_is_fine(call_removal<api::DeleteFunctionConcurrency>(context, std::move(none)));
      co_return;
    }
    api::PutFunctionConcurrencyRequest input = co_await input_from<api::PutFunctionConcurrency>(properties);
    input.function_name = name;
    co_await context.directory.call<api::PutFunctionConcurrency>(kService, context.call, std::move(input));
  }

  static Task<Made> settled(ResourceContext& context, std::string name) {
    const api::FunctionConfiguration found = co_await await_settled(context, name, kWaits);
    Made result(name);
    result.attributes.set("Arn", Value::string(found.function_arn.value_or("")));
    co_return result;
  }
};

/// AWS::Lambda::Permission
class PermissionType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"Action",         "FunctionName",        "Principal",
                                              "SourceArn",      "SourceAccount",       "EventSourceToken",
                                              "PrincipalOrgID", "FunctionUrlAuthType", "InvokedViaFunctionUrl"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::AddPermissionRequest input = co_await input_from<api::AddPermission>(properties);
    input.statement_id = context.generated_name;
    const std::string id = input.statement_id;
    co_await context.directory.call<api::AddPermission>(kService, context.call, std::move(input));
    co_return Made(id);
  }
  Task<Made> update(ResourceContext&, std::string id, const Value&, const Value&) override { co_return Made(id); }
  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    api::RemovePermissionRequest input;
    input.function_name = properties.text_of("FunctionName");
    input.statement_id = std::move(id);
    co_await gone_is_fine(call_removal<api::RemovePermission>(context, std::move(input)));
  }
};

/// What a version or an alias says in ProvisionedConcurrencyConfig, done and waited for.
Task<void> provision(ResourceContext& context, std::string function, std::string qualifier, const Value& properties) {
  const Value* config = properties.find("ProvisionedConcurrencyConfig");
  if (config == nullptr) {
    api::DeleteProvisionedConcurrencyConfigRequest none;
    none.function_name = std::move(function);
    none.qualifier = std::move(qualifier);
    co_await gone_is_fine(call_removal<api::DeleteProvisionedConcurrencyConfig>(context, std::move(none)));
    co_return;
  }
  api::PutProvisionedConcurrencyConfigRequest input =
      co_await input_from<api::PutProvisionedConcurrencyConfig>(*config);
  input.function_name = function;
  input.qualifier = qualifier;
  co_await context.directory.call<api::PutProvisionedConcurrencyConfig>(kService, context.call, std::move(input));
  for (int i = 0; i < kWaits; ++i) {
    api::GetProvisionedConcurrencyConfigRequest look;
    look.function_name = function;
    look.qualifier = qualifier;
    const api::GetProvisionedConcurrencyConfigResponse found =
        co_await context.directory.call<api::GetProvisionedConcurrencyConfig>(kService, context.call, std::move(look));
    if (found.status == "READY") co_return;
    if (found.status == "FAILED") {
      co_await fail(Error(
          "NotStabilized", 500,
          "Provisioned concurrency configuration failed to be applied. Reason: " + found.status_reason.value_or("")));
    }
    co_await sleep_for(kWait);
  }
  co_await fail(Error("NotStabilized", 500, "Provisioned concurrency did not become ready."));
}

/// AWS::Lambda::Version
class VersionType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"FunctionName", "Description", "CodeSha256"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::PublishVersionRequest input = co_await input_from<api::PublishVersion>(properties);
    const api::FunctionConfiguration published =
        co_await context.directory.call<api::PublishVersion>(kService, context.call, std::move(input));
    const std::string version = published.version.value_or("");
    std::string arn = published.function_arn.value_or("");
    if (!arn.ends_with(":" + version)) arn += ":" + version;
    Made result(arn);
    result.attributes.set("Version", Value::string(version));
    result.attributes.set("FunctionArn", Value::string(arn));
    // With SnapStart, the version can be called when its snapshot is made.
    if (published.state == "Pending") co_await await_settled(context, arn, kSnapshotWaits);
    if (properties.find("ProvisionedConcurrencyConfig") != nullptr) {
      co_await provision(context, properties.text_of("FunctionName"), version, properties);
    }
    co_return result;
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    const std::string version = id.substr(id.rfind(':') + 1);
    co_await provision(context, id.substr(0, id.rfind(':')), version, after);
    Made result(id);
    result.attributes.set("Version", Value::string(version));
    result.attributes.set("FunctionArn", Value::string(id));
    co_return result;
  }
  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteFunctionRequest input;
    input.qualifier = id.substr(id.rfind(':') + 1);
    input.function_name = id.substr(0, id.rfind(':'));
    co_await gone_is_fine(call_removal<api::DeleteFunction>(context, std::move(input)));
  }
};

/// AWS::Lambda::Alias
class AliasType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"FunctionName", "Name"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateAliasRequest input = co_await input_from<api::CreateAlias>(properties);
    const api::AliasConfiguration made =
        co_await context.directory.call<api::CreateAlias>(kService, context.call, std::move(input));
    if (properties.find("ProvisionedConcurrencyConfig") != nullptr) {
      co_await provision(context, properties.text_of("FunctionName"), properties.text_of("Name"), properties);
    }
    co_return named(made);
  }
  Task<Made> update(ResourceContext& context, std::string, const Value&, const Value& after) override {
    api::UpdateAliasRequest input = co_await input_from<api::UpdateAlias>(after);
    const api::AliasConfiguration made =
        co_await context.directory.call<api::UpdateAlias>(kService, context.call, std::move(input));
    co_await provision(context, after.text_of("FunctionName"), after.text_of("Name"), after);
    co_return named(made);
  }
  Task<void> remove(ResourceContext& context, std::string, const Value& properties) override {
    api::DeleteAliasRequest input;
    input.function_name = properties.text_of("FunctionName");
    input.name = properties.text_of("Name");
    co_await gone_is_fine(call_removal<api::DeleteAlias>(context, std::move(input)));
  }

 private:
  static Made named(const api::AliasConfiguration& alias) {
    Made result(alias.alias_arn.value_or(""));
    result.attributes.set("AliasArn", Value::string(result.physical_id));
    return result;
  }
};

/// AWS::Lambda::Url
class UrlType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"TargetFunctionArn", "Qualifier"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateFunctionUrlConfigRequest input = co_await input_from<api::CreateFunctionUrlConfig>(properties);
    input.function_name = properties.text_of("TargetFunctionArn");
    const api::CreateFunctionUrlConfigResponse made =
        co_await context.directory.call<api::CreateFunctionUrlConfig>(kService, context.call, std::move(input));
    co_return named(made.function_arn, made.function_url);
  }
  Task<Made> update(ResourceContext& context, std::string, const Value&, const Value& after) override {
    api::UpdateFunctionUrlConfigRequest input = co_await input_from<api::UpdateFunctionUrlConfig>(after);
    input.function_name = after.text_of("TargetFunctionArn");
    const api::UpdateFunctionUrlConfigResponse made =
        co_await context.directory.call<api::UpdateFunctionUrlConfig>(kService, context.call, std::move(input));
    co_return named(made.function_arn, made.function_url);
  }
  Task<void> remove(ResourceContext& context, std::string, const Value& properties) override {
    api::DeleteFunctionUrlConfigRequest input;
    input.function_name = properties.text_of("TargetFunctionArn");
    if (properties.find("Qualifier") != nullptr) input.qualifier = properties.text_of("Qualifier");
    co_await gone_is_fine(call_removal<api::DeleteFunctionUrlConfig>(context, std::move(input)));
  }

 private:
  static Made named(const std::string& arn, const std::string& url) {
    Made result(arn);
    result.attributes.set("FunctionArn", Value::string(arn));
    result.attributes.set("FunctionUrl", Value::string(url));
    return result;
  }
};

/// AWS::Lambda::LayerVersion
class LayerVersionType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{
        "LayerName", "Content", "CompatibleRuntimes", "CompatibleArchitectures", "Description", "LicenseInfo"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::PublishLayerVersionRequest input = co_await input_from<api::PublishLayerVersion>(properties);
    if (input.layer_name.empty()) input.layer_name = context.generated_name;
    const api::PublishLayerVersionResponse made =
        co_await context.directory.call<api::PublishLayerVersion>(kService, context.call, std::move(input));
    Made result(made.layer_version_arn.value_or(""));
    result.attributes.set("LayerVersionArn", Value::string(result.physical_id));
    co_return result;
  }
  Task<Made> update(ResourceContext&, std::string id, const Value&, const Value&) override { co_return Made(id); }
  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteLayerVersionRequest input;
    input.version_number = parse_int(id.substr(id.rfind(':') + 1)).value_or(0);
    input.layer_name = id.substr(0, id.rfind(':'));
    co_await gone_is_fine(call_removal<api::DeleteLayerVersion>(context, std::move(input)));
  }
};

/// AWS::Lambda::EventInvokeConfig
class EventInvokeConfigType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"FunctionName", "Qualifier"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::PutFunctionEventInvokeConfigRequest input = co_await input_from<api::PutFunctionEventInvokeConfig>(properties);
    co_await context.directory.call<api::PutFunctionEventInvokeConfig>(kService, context.call, std::move(input));
    co_return Made(context.generated_name);
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    co_await create(context, after);
    co_return Made(id);
  }
  Task<void> remove(ResourceContext& context, std::string, const Value& properties) override {
    api::DeleteFunctionEventInvokeConfigRequest input;
    input.function_name = properties.text_of("FunctionName");
    input.qualifier = properties.text_of("Qualifier");
    co_await gone_is_fine(call_removal<api::DeleteFunctionEventInvokeConfig>(context, std::move(input)));
  }
};

/// AWS::Lambda::EventSourceMapping
class EventSourceMappingType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"EventSourceArn", "SelfManagedEventSource", "StartingPosition",
                                              "StartingPositionTimestamp"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateEventSourceMappingRequest input =
        co_await input_from<api::CreateEventSourceMapping>(untagged(properties));
    if (const Value* tags = properties.find("Tags")) {
      input.tags.emplace();
      for (const Value& tag : tags->items()) (*input.tags)[tag.text_of("Key")] = tag.text_of("Value");
    }
    const api::EventSourceMappingConfiguration made =
        co_await context.directory.call<api::CreateEventSourceMapping>(kService, context.call, std::move(input));
    co_return co_await settled(context, made.uuid.value_or(""));
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    Value settings = untagged(after);
    // What is no longer said goes back to its default.
    if (after.find("Enabled") == nullptr) settings.set("Enabled", Value::boolean(true));
    for (const char* name : {"FilterCriteria", "ScalingConfig"}) {
      if (after.find(name) == nullptr) settings.set(name, Value::object());
    }
    if (after.find("FunctionResponseTypes") == nullptr) settings.set("FunctionResponseTypes", Value::list());
    api::UpdateEventSourceMappingRequest input = co_await input_from<api::UpdateEventSourceMapping>(settings);
    input.uuid = id;
    co_await context.directory.call<api::UpdateEventSourceMapping>(kService, context.call, std::move(input));
    co_return co_await settled(context, id);
  }
  /// Ends when the mapping is gone: what it reads from may be deleted after it.
  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteEventSourceMappingRequest input;
    input.uuid = id;
    co_await gone_is_fine(call_removal<api::DeleteEventSourceMapping>(context, std::move(input)));
    for (int i = 0; i < kWaits; ++i) {
      const Result<api::EventSourceMappingConfiguration> found = co_await attempt(read(context, id));
      if (!found.ok()) co_return;
      co_await sleep_for(kWait);
    }
  }

 private:
  static Value untagged(const Value& properties) {
    Value rest = properties;
    rest.erase("Tags");
    return rest;
  }
  static Task<api::EventSourceMappingConfiguration> read(ResourceContext& context, std::string id) {
    api::GetEventSourceMappingRequest input;
    input.uuid = std::move(id);
    api::EventSourceMappingConfiguration found =
        co_await context.directory.call<api::GetEventSourceMapping>(kService, context.call, std::move(input));
    co_return found;
  }
  static Task<Made> settled(ResourceContext& context, std::string id) {
    for (int i = 0; i < kWaits; ++i) {
      const api::EventSourceMappingConfiguration found = co_await read(context, id);
      const std::string state = found.state.value_or("");
      if (state == "Enabled" || state == "Disabled") {
        Made result(id);
        result.attributes.set("Id", Value::string(id));
        result.attributes.set("EventSourceMappingArn", Value::string(found.event_source_mapping_arn.value_or("")));
        co_return result;
      }
      co_await sleep_for(kWait);
    }
    co_return Error("NotStabilized", 500, "The event source mapping " + id + " did not become ready.");
  }
};

}  // namespace

void add_lambda_types(ResourceTypes& types) {
  types.add("AWS::Lambda::Function", std::make_unique<FunctionType>());
  types.add("AWS::Lambda::Permission", std::make_unique<PermissionType>());
  types.add("AWS::Lambda::Version", std::make_unique<VersionType>());
  types.add("AWS::Lambda::Alias", std::make_unique<AliasType>());
  types.add("AWS::Lambda::Url", std::make_unique<UrlType>());
  types.add("AWS::Lambda::LayerVersion", std::make_unique<LayerVersionType>());
  types.add("AWS::Lambda::EventSourceMapping", std::make_unique<EventSourceMappingType>());
  types.add("AWS::Lambda::EventInvokeConfig", std::make_unique<EventInvokeConfigType>());
}

}  // namespace cumulet::cloudformation
