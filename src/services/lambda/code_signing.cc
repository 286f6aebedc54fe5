#include "services/lambda/code_signing.h"

#include <algorithm>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/lambda.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;
using wire::Call;

constexpr std::size_t kListLimit = 50;
constexpr std::size_t kConfigsPerAccount = 1000;

/// The account and region of a configuration's ARN: arn:aws:lambda:REGION:ACCOUNT:code-signing-config:ID.
Store store_of(const std::string& arn) {
  const std::vector<std::string_view> parts = split(arn, ':');
  return parts.size() == 7 ? Store(std::string(parts[4]), std::string(parts[3])) : Store("", "");
}

std::string id_of(const std::string& arn) { return arn.substr(arn.rfind(':') + 1); }

Error not_found(const std::string& arn) {
  return user_error(api::errors::kResourceNotFoundException,
                    "The Lambda code signing configuration " + arn + " can not be found.");
}

std::size_t configurations_wanted(const std::optional<std::int32_t>& wanted) {
  return std::min<std::size_t>(static_cast<std::size_t>(std::max(1, wanted.value_or(kListLimit))), kListLimit);
}

Task<FunctionName> function_of(const Call& call, std::string text, Transaction& txn) {
  FunctionName name = co_await parse_function_name(text, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  const Store store(name.account, name.region);
  const std::optional<FunctionRow> found = co_await store.find_function(txn, name.name);
  if (!found) co_await fail(function_not_found(name.arn()));
  co_return name;
}

}  // namespace

void CodeSigning::register_on(wire::Service& service) {
  service.on<api::CreateCodeSigningConfig>([this](Call& c, const auto& in) { return create(c, in); });
  service.on<api::GetCodeSigningConfig>([this](Call& c, const auto& in) { return get(c, in); });
  service.on<api::UpdateCodeSigningConfig>([this](Call& c, const auto& in) { return update(c, in); });
  service.on<api::DeleteCodeSigningConfig>([this](Call& c, const auto& in) { return erase(c, in); });
  service.on<api::ListCodeSigningConfigs>([this](Call& c, const auto& in) { return list(c, in); });
  service.on<api::ListFunctionsByCodeSigningConfig>([this](Call& c, const auto& in) { return list_functions(c, in); });
  service.on<api::PutFunctionCodeSigningConfig>([this](Call& c, const auto& in) { return put_function(c, in); });
  service.on<api::GetFunctionCodeSigningConfig>([this](Call& c, const auto& in) { return get_function(c, in); });
  service.on<api::DeleteFunctionCodeSigningConfig>([this](Call& c, const auto& in) { return erase_function(c, in); });
}

Task<CodeSigning::Config> CodeSigning::require(Transaction& txn, std::string arn) const {
  const Store store = store_of(arn);
  const std::optional<Config> found = co_await store.find_signing_config(txn, id_of(arn));
  if (!found) co_await fail(not_found(arn));
  co_return *found;
}

Task<void> CodeSigning::check_deployment(Transaction& txn, FunctionName name) const {
  const Store store(name.account, name.region);
  const std::string arn = co_await store.find_signing(txn, name.name);
  if (arn.empty()) co_return;
  const Config config = co_await require(txn, arn);
  if (config.code_signing_policies.untrusted_artifact_on_deployment != "Enforce") co_return;
  co_await fail(user_error(api::errors::kCodeVerificationFailedException,
                           "Lambda cannot deploy the function. The function or layer might be signed using a signature "
                           "that the client is not configured to accept. Check the provided signature for " +
                               name.name + "."));
}

Task<void> CodeSigning::begin(Transaction& txn, FunctionName name, std::string arn) const {
  const Store config_store = store_of(arn);
  const std::optional<Config> config = co_await config_store.find_signing_config(txn, id_of(arn));
  if (!config) {
    co_await fail(user_error(api::errors::kCodeSigningConfigNotFoundException,
                             "The code signing configuration cannot be found. Check that the provided configuration is "
                             "not deleted: " +
                                 arn + "."));
  }
  const Store store(name.account, name.region);
  store.put_signing(txn, name.name, arn);
}

Task<api::CreateCodeSigningConfigResponse> CodeSigning::create(Call& call,
                                                               const api::CreateCodeSigningConfigRequest& input) {
  const Store store(call.account(), call.region);
  api::CreateCodeSigningConfigResponse output;
  Config& config = output.code_signing_config;
  config.code_signing_config_id = "csc-" + hex_encode(sha256(random_id(32))).substr(0, 17);
  config.code_signing_config_arn =
      "arn:aws:lambda:" + call.region + ":" + call.account() + ":code-signing-config:" + config.code_signing_config_id;
  config.description = input.description.value_or("");
  config.allowed_publishers = input.allowed_publishers;
  if (input.code_signing_policies) config.code_signing_policies = *input.code_signing_policies;
  if (!config.code_signing_policies.untrusted_artifact_on_deployment) {
    config.code_signing_policies.untrusted_artifact_on_deployment = "Warn";
  }
  config.last_modified = iso8601(clock_.now(), true);
  const auto put = [&](Transaction& txn) -> Task<void> {
    const std::vector<Config> all = co_await store.list_signing_configs(txn, "", kConfigsPerAccount);
    if (all.size() >= kConfigsPerAccount) {
      co_await fail(user_error(api::errors::kInvalidParameterValueException,
                               "An account has at most 1000 code signing configurations."));
    }
    store.put_signing_config(txn, config);
  };
  co_await storage::transact(database_, put);
  co_return output;
}

Task<api::GetCodeSigningConfigResponse> CodeSigning::get(Call&, const api::GetCodeSigningConfigRequest& input) {
  const auto read = [&](Transaction& txn) { return require(txn, input.code_signing_config_arn); };
  api::GetCodeSigningConfigResponse output;
  output.code_signing_config = co_await storage::transact(database_, read);
  co_return output;
}

Task<api::UpdateCodeSigningConfigResponse> CodeSigning::update(Call&,
                                                               const api::UpdateCodeSigningConfigRequest& input) {
  const auto change = [&](Transaction& txn) -> Task<Config> {
    Config config = co_await require(txn, input.code_signing_config_arn);
    if (input.description) config.description = input.description;
    if (input.allowed_publishers) config.allowed_publishers = *input.allowed_publishers;
    if (input.code_signing_policies && input.code_signing_policies->untrusted_artifact_on_deployment) {
      config.code_signing_policies = *input.code_signing_policies;
    }
    config.last_modified = iso8601(clock_.now(), true);
    store_of(input.code_signing_config_arn).put_signing_config(txn, config);
    co_return config;
  };
  api::UpdateCodeSigningConfigResponse output;
  output.code_signing_config = co_await storage::transact(database_, change);
  co_return output;
}

Task<api::DeleteCodeSigningConfigResponse> CodeSigning::erase(Call&, const api::DeleteCodeSigningConfigRequest& input) {
  const std::string& arn = input.code_signing_config_arn;
  const auto remove = [&](Transaction& txn) -> Task<void> {
    co_await require(txn, arn);
    const Store store = store_of(arn);
    const std::vector<std::string> users = co_await store.list_signed_functions(txn, arn, "", 1);
    if (!users.empty()) {
      co_await fail(user_error(api::errors::kResourceConflictException,
                               "The code signing configuration " + arn + " is in use by one or more functions."));
    }
    store.erase_signing_config(txn, id_of(arn));
  };
  co_await storage::transact(database_, remove);
  co_return api::DeleteCodeSigningConfigResponse();
}

Task<api::ListCodeSigningConfigsResponse> CodeSigning::list(Call& call,
                                                            const api::ListCodeSigningConfigsRequest& input) {
  const Store store(call.account(), call.region);
  const std::size_t limit = configurations_wanted(input.max_items);
  const auto read = [&](Transaction& txn) {
    return store.list_signing_configs(txn, input.marker.value_or(""), limit + 1);
  };
  std::vector<Config> configs = co_await storage::transact(database_, read);
  api::ListCodeSigningConfigsResponse output;
  if (configs.size() > limit) {
    configs.resize(limit);
    output.next_marker = configs.back().code_signing_config_id;
  }
  output.code_signing_configs = std::move(configs);
  co_return output;
}

Task<api::ListFunctionsByCodeSigningConfigResponse> CodeSigning::list_functions(
    Call&, const api::ListFunctionsByCodeSigningConfigRequest& input) {
  const std::string& arn = input.code_signing_config_arn;
  const std::size_t limit = configurations_wanted(input.max_items);
  const auto read = [&](Transaction& txn) -> Task<std::vector<std::string>> {
    co_await require(txn, arn);
    const Store store = store_of(arn);
    co_return co_await store.list_signed_functions(txn, arn, input.marker.value_or(""), limit + 1);
  };
  std::vector<std::string> names = co_await storage::transact(database_, read);
  api::ListFunctionsByCodeSigningConfigResponse output;
  if (names.size() > limit) {
    names.resize(limit);
    output.next_marker = names.back();
  }
  const Store store = store_of(arn);
  for (std::string& name : names) name = FunctionName(store.account(), store.region(), name).arn();
  output.function_arns = std::move(names);
  co_return output;
}

Task<api::PutFunctionCodeSigningConfigResponse> CodeSigning::put_function(
    Call& call, const api::PutFunctionCodeSigningConfigRequest& input) {
  api::PutFunctionCodeSigningConfigResponse output;
  const auto put = [&](Transaction& txn) -> Task<void> {
    const FunctionName name = co_await function_of(call, input.function_name, txn);
    co_await begin(txn, name, input.code_signing_config_arn);
    output.function_name = name.name;
  };
  co_await storage::transact(database_, put);
  output.code_signing_config_arn = input.code_signing_config_arn;
  co_return output;
}

Task<api::GetFunctionCodeSigningConfigResponse> CodeSigning::get_function(
    Call& call, const api::GetFunctionCodeSigningConfigRequest& input) {
  api::GetFunctionCodeSigningConfigResponse output;
  const auto read = [&](Transaction& txn) -> Task<void> {
    const FunctionName name = co_await function_of(call, input.function_name, txn);
    const Store store(name.account, name.region);
    output.function_name = name.name;
    output.code_signing_config_arn = co_await store.find_signing(txn, name.name);
  };
  co_await storage::transact(database_, read);
  co_return output;
}

Task<api::DeleteFunctionCodeSigningConfigOutput> CodeSigning::erase_function(
    Call& call, const api::DeleteFunctionCodeSigningConfigRequest& input) {
  const auto remove = [&](Transaction& txn) -> Task<void> {
    const FunctionName name = co_await function_of(call, input.function_name, txn);
    const Store store(name.account, name.region);
    store.put_signing(txn, name.name, std::string());
  };
  co_await storage::transact(database_, remove);
  co_return api::DeleteFunctionCodeSigningConfigOutput();
}

}  // namespace cumulet::lambda
