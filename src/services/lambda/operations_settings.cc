#include <algorithm>

#include "base/text.h"
#include "services/lambda/configuration.h"
#include "services/lambda/lambda.h"
#include "services/lambda/provisioned_store.h"
#include "services/lambda/substrate_tag.h"
#include "wire/json_writer.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::int64_t kAccountConcurrency = 1000;
constexpr std::int64_t kUnreservedLeast = 100;
constexpr std::size_t kPolicyLimit = 20480;
constexpr std::size_t kTagLimit = 50;

/// "service.amazonaws.com", an account, an ARN, or "*": as policies write it.
void write_principal(wire::JsonWriter& json, const std::string& principal) {
  json.key("Principal");
  if (principal == "*") {
    json.string("*");
    return;
  }
  json.begin_object();
  if (principal.size() == 12 && principal.find_first_not_of("0123456789") == std::string::npos) {
    json.key("AWS").string("arn:aws:iam::" + principal + ":root");
  } else if (principal.starts_with("arn:")) {
    json.key("AWS").string(principal);
  } else {
    json.key("Service").string(principal);
  }
  json.end_object();
}

std::string statement_of(const api::AddPermissionRequest& input, const std::string& resource) {
  wire::JsonWriter json;
  json.begin_object().key("Sid").string(input.statement_id).key("Effect").string("Allow");
  write_principal(json, input.principal);
  json.key("Action").string(input.action).key("Resource").string(resource);
  std::map<std::string, std::string> equals;
  if (input.source_account) equals["AWS:SourceAccount"] = *input.source_account;
  if (input.principal_org_id) equals["aws:PrincipalOrgID"] = *input.principal_org_id;
  if (input.function_url_auth_type) equals["lambda:FunctionUrlAuthType"] = *input.function_url_auth_type;
  if (input.event_source_token) equals["lambda:EventSourceToken"] = *input.event_source_token;
  if (!equals.empty() || input.source_arn || input.invoked_via_function_url.value_or(false)) {
    json.key("Condition").begin_object();
    if (!equals.empty()) {
      json.key("StringEquals").begin_object();
      for (const auto& [key, value] : equals) json.key(key).string(value);
      json.end_object();
    }
    if (input.source_arn)
      json.key("ArnLike").begin_object().key("AWS:SourceArn").string(*input.source_arn).end_object();
    if (input.invoked_via_function_url.value_or(false)) {
      json.key("Bool").begin_object().key("lambda:InvokedViaFunctionUrl").string("true").end_object();
    }
    json.end_object();
  }
  json.end_object();
  return json.take();
}

/// The key under which the settings of a qualifier are kept: unqualified and $LATEST are the same.
std::string settings_key(const FunctionName& name) {
  return name.qualifier && *name.qualifier != "$LATEST" ? *name.qualifier : std::string();
}

/// The function of a resource ARN in a tag operation.
Result<FunctionName> function_of(const std::string& arn, const wire::Call& call) {
  const std::optional<FunctionName> name = parse_function_arn(arn);
  if (!name || name->qualifier) {
    return invalid("Tags on function aliases and versions are not supported. Please specify a function ARN.");
  }
  return parse_function_name(arn, call.account(), call.region, std::nullopt);
}

/// Functions, standard queues and topics, event buses, and for failures buckets; not the function itself.
Result<void> check_destinations(const std::optional<api::DestinationConfig>& config, const FunctionName& name) {
  if (!config) return {};
  const auto check = [&](const std::optional<std::string>& arn, bool failure) -> Result<void> {
    if (!arn || arn->empty()) return {};
    const std::optional<FunctionName> function = parse_function_arn(*arn);
    if (function && function->arn() == name.arn()) {
      return invalid("You can't specify the function as a destination for itself.");
    }
    const std::vector<std::string_view> parts = split(*arn, ':');
    const std::string_view service = parts.size() < 6 ? std::string_view() : parts[2];
    const bool good = function || (service == "sqs" && !arn->ends_with(".fifo")) ||
                      (service == "sns" && !arn->ends_with(".fifo")) ||
                      (service == "events" && parts[5].starts_with("event-bus/")) || (failure && is_bucket(*arn));
    if (good) return {};
    return invalid("The destination ARN " + *arn + " is invalid.");
  };
  if (config->on_success) {
    Result<void> checked = check(config->on_success->destination, false);
    if (!checked.ok()) return checked;
  }
  return config->on_failure ? check(config->on_failure->destination, true) : Result<void>();
}

void fill_event_config(api::FunctionEventInvokeConfig& config, const FunctionName& name, Timestamp now) {
  config.last_modified = now;
  config.function_arn = name.arn() + ":" + name.qualifier.value_or("$LATEST");
  if (!config.destination_config) config.destination_config.emplace();
  if (!config.destination_config->on_success) config.destination_config->on_success.emplace();
  if (!config.destination_config->on_failure) config.destination_config->on_failure.emplace();
}

}  // namespace

void Lambda::register_settings() {
  service_.on<api::PutFunctionConcurrency>([this](Call& c, const auto& in) { return put_concurrency(c, in); });
  service_.on<api::GetFunctionConcurrency>([this](Call& c, const auto& in) { return get_concurrency(c, in); });
  service_.on<api::DeleteFunctionConcurrency>([this](Call& c, const auto& in) { return delete_concurrency(c, in); });
  service_.on<api::AddPermission>([this](Call& c, const auto& in) { return add_permission(c, in); });
  service_.on<api::RemovePermission>([this](Call& c, const auto& in) { return remove_permission(c, in); });
  service_.on<api::GetPolicy>([this](Call& c, const auto& in) { return get_policy(c, in); });
  service_.on<api::TagResource>([this](Call& c, const auto& in) { return tag_resource(c, in); });
  service_.on<api::UntagResource>([this](Call& c, const auto& in) { return untag_resource(c, in); });
  service_.on<api::ListTags>([this](Call& c, const auto& in) { return list_tags(c, in); });
  service_.on<api::PutFunctionEventInvokeConfig>([this](Call& c, const auto& in) { return put_event_config(c, in); });
  service_.on<api::UpdateFunctionEventInvokeConfig>(
      [this](Call& c, const auto& in) { return update_event_config(c, in); });
  service_.on<api::GetFunctionEventInvokeConfig>([this](Call& c, const auto& in) { return get_event_config(c, in); });
  service_.on<api::DeleteFunctionEventInvokeConfig>(
      [this](Call& c, const auto& in) { return delete_event_config(c, in); });
  service_.on<api::ListFunctionEventInvokeConfigs>(
      [this](Call& c, const auto& in) { return list_event_configs(c, in); });
}

Task<api::Concurrency> Lambda::put_concurrency(Call& call, const api::PutFunctionConcurrencyRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  if (name.qualifier) co_await fail(invalid("This operation is permitted on Lambda functions only."));
  const Store store(name.account, name.region);
  const auto put = [&](Transaction& txn) -> Task<void> {
    const std::optional<FunctionRow> found = co_await store.find_function(txn, name.name);
    if (!found) co_await fail(function_not_found(name.arn()));
    std::map<std::string, std::int64_t> provisioned = co_await sum_provisioned(txn, name.account, name.region);
    const std::int64_t held = provisioned[name.name];
    if (input.reserved_concurrent_executions < held) {
      co_await fail(invalid("ReservedConcurrentExecutions " + std::to_string(input.reserved_concurrent_executions) +
                            " should not be lower than function's total provisioned concurrency [" +
                            std::to_string(held) + "]."));
    }
    const std::int64_t others = co_await taken_concurrency(txn, store, name.name);
    if (others + input.reserved_concurrent_executions > kAccountConcurrency - kUnreservedLeast) {
      co_await fail(
          invalid("Specified ReservedConcurrentExecutions for function decreases account's "
                  "UnreservedConcurrentExecution below its minimum value of [100]."));
    }
    FunctionRow function = *found;
    function.reserved = input.reserved_concurrent_executions;
    store.put_function(txn, function);
  };
  co_await storage::transact(database_, put);
  ++reservations_;
  api::Concurrency output;
  output.reserved_concurrent_executions = input.reserved_concurrent_executions;
  co_return output;
}

Task<api::GetFunctionConcurrencyResponse> Lambda::get_concurrency(Call& call,
                                                                  const api::GetFunctionConcurrencyRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<api::GetFunctionConcurrencyResponse> {
    const std::optional<FunctionRow> found = co_await store.find_function(txn, name.name);
    if (!found) co_await fail(function_not_found(name.arn()));
    api::GetFunctionConcurrencyResponse output;
    if (found->reserved >= 0) output.reserved_concurrent_executions = static_cast<std::int32_t>(found->reserved);
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::DeleteFunctionConcurrencyOutput> Lambda::delete_concurrency(
    Call& call, const api::DeleteFunctionConcurrencyRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  const Store store(name.account, name.region);
  const auto erase = [&](Transaction& txn) -> Task<void> {
    const std::optional<FunctionRow> found = co_await store.find_function(txn, name.name);
    if (!found) co_await fail(function_not_found(name.arn()));
    FunctionRow function = *found;
    function.reserved = -1;
    store.put_function(txn, function);
  };
  co_await storage::transact(database_, erase);
  ++reservations_;
  co_return api::DeleteFunctionConcurrencyOutput();
}

Task<api::AddPermissionResponse> Lambda::add_permission(Call& call, const api::AddPermissionRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const std::string key = settings_key(name);
  if (name.qualifier == "$LATEST") {
    co_await fail(invalid("We currently do not support adding policies for $LATEST."));
  }
  const Store store(name.account, name.region);
  const std::string statement = statement_of(input, name.qualified_arn());
  const auto add = [&](Transaction& txn) -> Task<void> {
    co_await require_version(txn, name);
    std::map<std::string, std::string> statements = co_await store.find_policy(txn, name.name, key);
    co_await check_policy_revision(statements, input.revision_id);
    if (statements.contains(input.statement_id)) {
      co_await fail(
          user_error(api::errors::kResourceConflictException,
                     "The statement id (" + input.statement_id +
                         ") provided already exists. Please provide a new statement id, or remove the existing "
                         "statement."));
    }
    statements[input.statement_id] = statement;
    std::size_t size = 0;
    for (const auto& [id, text] : statements) size += text.size() + 1;
    if (size > kPolicyLimit) {
      co_await fail(
          user_error(api::errors::kPolicyLengthExceededException,
                     "The final policy size (" + std::to_string(size) + ") is bigger than the limit (20480)."));
    }
    store.put_policy(txn, name.name, key, statements);
  };
  co_await storage::transact(database_, add);
  api::AddPermissionResponse output;
  output.statement = statement;
  co_return output;
}

Task<api::RemovePermissionOutput> Lambda::remove_permission(Call& call, const api::RemovePermissionRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const std::string key = settings_key(name);
  const Store store(name.account, name.region);
  const auto remove = [&](Transaction& txn) -> Task<void> {
    co_await require_version(txn, name);
    std::map<std::string, std::string> statements = co_await store.find_policy(txn, name.name, key);
    co_await check_policy_revision(statements, input.revision_id);
    if (statements.empty()) {
      co_await fail(
          user_error(api::errors::kResourceNotFoundException, "No policy is associated with the given resource."));
    }
    if (statements.erase(input.statement_id) == 0) {
      co_await fail(user_error(api::errors::kResourceNotFoundException,
                               "Statement " + input.statement_id + " is not found in resource policy."));
    }
    store.put_policy(txn, name.name, key, statements);
  };
  co_await storage::transact(database_, remove);
  co_return api::RemovePermissionOutput();
}

Task<api::GetPolicyResponse> Lambda::get_policy(Call& call, const api::GetPolicyRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const std::string key = settings_key(name);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<api::GetPolicyResponse> {
    co_await require_version(txn, name);
    const std::map<std::string, std::string> statements = co_await store.find_policy(txn, name.name, key);
    if (statements.empty()) {
      co_await fail(user_error(api::errors::kResourceNotFoundException, "The resource you requested does not exist."));
    }
    api::GetPolicyResponse output;
    output.policy = policy_document(statements);
    output.revision_id = policy_revision(statements);
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::TagResourceOutput> Lambda::tag_resource(Call& call, const api::TagResourceRequest& input) {
  const FunctionName name = co_await function_of(input.resource, call);
  co_await check_egress_tag(options_.egress, input.tags);
  co_await check_substrate_tag(options_.substrates, input.tags);
  const Store store(name.account, name.region);
  const auto tag = [&](Transaction& txn) -> Task<void> {
    const std::optional<FunctionRow> found = co_await store.find_function(txn, name.name);
    if (!found) co_await fail(function_not_found(name.arn()));
    FunctionRow function = *found;
    for (const auto& [key, value] : input.tags) function.tags[key] = value;
    if (function.tags.size() > kTagLimit) co_await fail(invalid("Number of tags exceeds resource tag limit."));
    store.put_function(txn, function);
  };
  co_await storage::transact(database_, tag);
  if (input.tags.contains(kEgressTag) || input.tags.contains(kSubstrateTag)) co_await follow_provisioning();
  co_return api::TagResourceOutput();
}

Task<api::UntagResourceOutput> Lambda::untag_resource(Call& call, const api::UntagResourceRequest& input) {
  const FunctionName name = co_await function_of(input.resource, call);
  const Store store(name.account, name.region);
  const auto untag = [&](Transaction& txn) -> Task<void> {
    const std::optional<FunctionRow> found = co_await store.find_function(txn, name.name);
    if (!found) co_await fail(function_not_found(name.arn()));
    FunctionRow function = *found;
    for (const std::string& key : input.tag_keys) function.tags.erase(key);
    store.put_function(txn, function);
  };
  co_await storage::transact(database_, untag);
  const auto& gone = input.tag_keys;
  const auto is_gone = [&gone](const char* tag) { return std::find(gone.begin(), gone.end(), tag) != gone.end(); };
  if (is_gone(kEgressTag) || is_gone(kSubstrateTag)) co_await follow_provisioning();
  co_return api::UntagResourceOutput();
}

Task<api::ListTagsResponse> Lambda::list_tags(Call& call, const api::ListTagsRequest& input) {
  const FunctionName name = co_await function_of(input.resource, call);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<api::ListTagsResponse> {
    const std::optional<FunctionRow> found = co_await store.find_function(txn, name.name);
    if (!found) co_await fail(function_not_found(name.arn()));
    api::ListTagsResponse output;
    output.tags = found->tags;
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::FunctionEventInvokeConfig> Lambda::put_event_config(Call& call,
                                                              const api::PutFunctionEventInvokeConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  if (!input.maximum_retry_attempts && !input.maximum_event_age_in_seconds && !input.destination_config) {
    co_await fail(invalid("You must specify at least one of error handling or destination setting."));
  }
  api::FunctionEventInvokeConfig config;
  config.maximum_retry_attempts = input.maximum_retry_attempts;
  config.maximum_event_age_in_seconds = input.maximum_event_age_in_seconds;
  config.destination_config = input.destination_config;
  co_await check_destinations(config.destination_config, name);
  fill_event_config(config, name, clock_.now());
  const Store store(name.account, name.region);
  const auto put = [&](Transaction& txn) -> Task<void> {
    co_await require_version(txn, name);
    store.put_event_config(txn, name.name, settings_key(name), config);
  };
  co_await storage::transact(database_, put);
  co_return config;
}

Task<api::FunctionEventInvokeConfig> Lambda::update_event_config(
    Call& call, const api::UpdateFunctionEventInvokeConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const Store store(name.account, name.region);
  const auto update = [&](Transaction& txn) -> Task<api::FunctionEventInvokeConfig> {
    co_await require_version(txn, name);
    const std::optional<api::FunctionEventInvokeConfig> found =
        co_await store.find_event_config(txn, name.name, settings_key(name));
    if (!found) {
      co_await fail(user_error(api::errors::kResourceNotFoundException, "The function " + name.arn() + ":" +
                                                                            name.qualifier.value_or("$LATEST") +
                                                                            " doesn't have an EventInvokeConfig"));
    }
    api::FunctionEventInvokeConfig config = *found;
    if (input.maximum_retry_attempts) config.maximum_retry_attempts = input.maximum_retry_attempts;
    if (input.maximum_event_age_in_seconds) config.maximum_event_age_in_seconds = input.maximum_event_age_in_seconds;
    if (input.destination_config) config.destination_config = input.destination_config;
    co_await check_destinations(config.destination_config, name);
    fill_event_config(config, name, clock_.now());
    store.put_event_config(txn, name.name, settings_key(name), config);
    co_return config;
  };
  co_return co_await storage::transact(database_, update);
}

Task<api::FunctionEventInvokeConfig> Lambda::get_event_config(Call& call,
                                                              const api::GetFunctionEventInvokeConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<api::FunctionEventInvokeConfig> {
    co_await require_version(txn, name);
    std::optional<api::FunctionEventInvokeConfig> found =
        co_await store.find_event_config(txn, name.name, settings_key(name));
    if (!found) {
      co_await fail(user_error(api::errors::kResourceNotFoundException, "The function " + name.arn() + ":" +
                                                                            name.qualifier.value_or("$LATEST") +
                                                                            " doesn't have an EventInvokeConfig"));
    }
    co_return std::move(*found);
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::DeleteFunctionEventInvokeConfigOutput> Lambda::delete_event_config(
    Call& call, const api::DeleteFunctionEventInvokeConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const Store store(name.account, name.region);
  const auto erase = [&](Transaction& txn) -> Task<void> {
    co_await require_version(txn, name);
    store.erase_event_config(txn, name.name, settings_key(name));
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteFunctionEventInvokeConfigOutput();
}

Task<api::ListFunctionEventInvokeConfigsResponse> Lambda::list_event_configs(
    Call& call, const api::ListFunctionEventInvokeConfigsRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<api::ListFunctionEventInvokeConfigsResponse> {
    co_await require_version(txn, name);
    api::ListFunctionEventInvokeConfigsResponse output;
    output.function_event_invoke_configs = co_await store.list_event_configs(txn, name.name);
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

}  // namespace cumulet::lambda
