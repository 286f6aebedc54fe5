#include "base/ids.h"
#include "services/lambda/configuration.h"
#include "services/lambda/lambda.h"
#include "services/lambda/provisioned_store.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::size_t kVersionsAtOnce = 50;

std::size_t versions_wanted(const std::optional<std::int32_t>& wanted) {
  return std::min<std::size_t>(static_cast<std::size_t>(std::max(1, wanted.value_or(kVersionsAtOnce))),
                               kVersionsAtOnce);
}

std::string alias_arn(const FunctionName& name, const std::string& alias) { return name.arn() + ":" + alias; }

Error alias_not_found(const FunctionName& name, const std::string& alias) {
  return user_error(api::errors::kResourceNotFoundException, "Cannot find alias arn: " + alias_arn(name, alias));
}

/// At most one second version, published, with a weight between 0 and 1.
Task<void> check_routing(Transaction& txn, const Store& store, const FunctionName& name, const std::string& version,
                         const std::optional<api::AliasRoutingConfiguration>& routing) {
  if (!routing || !routing->additional_version_weights || routing->additional_version_weights->empty()) co_return;
  if (routing->additional_version_weights->size() > 1) {
    co_await fail(invalid("Number of items in AdditionalVersionWeights cannot be greater than 1"));
  }
  const auto& [second, weight] = *routing->additional_version_weights->begin();
  if (version == "$LATEST" || second == "$LATEST") {
    co_await fail(invalid("$LATEST is not supported for an alias pointing to more than 1 version"));
  }
  if (second == version) {
    co_await fail(invalid("Invalid function version " + version + ". Function version " + version +
                          " is already included in routing configuration."));
  }
  if (weight < 0 || weight > 1) co_await fail(invalid("Weights must be between 0.0 and 1.0."));
  const std::optional<std::uint64_t> number = version_number(second);
  std::optional<VersionRow> row;
  if (number) row = co_await store.find_version(txn, name.name, *number);
  if (!row) co_await fail(function_not_found(alias_arn(name, second)));
}

Task<void> check_version(Transaction& txn, const Store& store, const FunctionName& name, const std::string& version) {
  const std::optional<std::uint64_t> number = version_number(version);
  std::optional<VersionRow> row;
  if (number) row = co_await store.find_version(txn, name.name, *number);
  if (!row) co_await fail(function_not_found(alias_arn(name, version)));
}

}  // namespace

void Lambda::register_versions() {
  service_.on<api::PublishVersion>([this](Call& c, const auto& in) { return publish_version(c, in); });
  service_.on<api::ListVersionsByFunction>([this](Call& c, const auto& in) { return list_versions(c, in); });
  service_.on<api::CreateAlias>([this](Call& c, const auto& in) { return create_alias(c, in); });
  service_.on<api::GetAlias>([this](Call& c, const auto& in) { return get_alias(c, in); });
  service_.on<api::UpdateAlias>([this](Call& c, const auto& in) { return update_alias(c, in); });
  service_.on<api::DeleteAlias>([this](Call& c, const auto& in) { return delete_alias(c, in); });
  service_.on<api::ListAliases>([this](Call& c, const auto& in) { return list_aliases(c, in); });
}

Task<api::FunctionConfiguration> Lambda::publish_version(Call& call, const api::PublishVersionRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  const Store store(name.account, name.region);
  const auto publish = [&](Transaction& txn) -> Task<Configuration> {
    const VersionRow latest = co_await require_version(txn, name);
    co_await check_idle(latest, name);
    if (input.code_sha256 && !input.code_sha256->empty() && *input.code_sha256 != latest.configuration.code_sha256) {
      co_await fail(invalid(
          "CodeSHA256 (" + *input.code_sha256 + ") is different from current CodeSHA256 in $LATEST (" +
          latest.configuration.code_sha256.value_or("") + "). Please try again with the CodeSHA256 in $LATEST."));
    }
    if (input.revision_id && *input.revision_id != latest.configuration.revision_id) {
      co_await fail(user_error(api::errors::kPreconditionFailedException,
                               "The Revision Id provided does not match the latest Revision Id. Call the "
                               "GetFunction/GetAlias API to retrieve the latest Revision Id"));
    }
    co_return co_await publish_in(txn, store, name.name, input.description);
  };
  Configuration published = co_await storage::transact(database_, publish);
  begin_snapshot(published);
  co_return published;
}

/// Makes a version of what $LATEST is now. When nothing changed since the last one was made, that one is the answer.
Task<api::FunctionConfiguration> Lambda::publish_in(Transaction& txn, const Store& store, std::string name,
                                                    std::optional<std::string> description) {
  const std::optional<FunctionRow> found = co_await store.find_function(txn, name);
  const std::optional<VersionRow> latest = co_await store.find_version(txn, name, 0);
  FunctionName full(store.account(), store.region(), name);
  if (!found || !latest) co_await fail(function_not_found(full.arn()));
  FunctionRow function = *found;
  const std::string revision = latest->configuration.revision_id.value_or("");
  if (function.next_version > 1) {
    const std::optional<VersionRow> last = co_await store.find_version(txn, name, function.next_version - 1);
    if (last && last->published_of == revision) co_return last->configuration;
  }
  VersionRow row = *latest;
  row.published_of = revision;
  full.qualifier = std::to_string(function.next_version);
  row.configuration.version = full.qualifier;
  row.configuration.function_arn = full.qualified_arn();
  row.configuration.revision_id = uuid();
  if (description && !description->empty()) row.configuration.description = description;
  await_snapshot(row.configuration);
  if (starts_from_snapshot(row.configuration)) {
    SnapshotRow snapshot;
    snapshot.name = full;
    snapshot.revision = *row.configuration.revision_id;
    put_snapshot(txn, snapshot);
  }
  store.put_version(txn, name, function.next_version, row);
  ++function.next_version;
  store.put_function(txn, function);
  co_return row.configuration;
}

Task<api::ListVersionsByFunctionResponse> Lambda::list_versions(Call& call,
                                                                const api::ListVersionsByFunctionRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  const Store store(name.account, name.region);
  const std::size_t limit = versions_wanted(input.max_items);
  const auto read = [&](Transaction& txn) -> Task<api::ListVersionsByFunctionResponse> {
    co_await require_version(txn, name);
    std::uint64_t from = 0;
    if (input.marker && !input.marker->empty()) {
      const std::optional<std::uint64_t> after = version_number(*input.marker);
      if (!after) co_await fail(invalid("Invalid marker"));
      from = *after + 1;
    }
    const std::vector<VersionRow> rows = co_await store.list_versions(txn, name.name, from, limit + 1);
    api::ListVersionsByFunctionResponse output;
    std::vector<Configuration>& shown = output.versions.emplace();
    for (std::size_t i = 0; i < std::min(rows.size(), limit); ++i) {
      FunctionName version = name;
      version.qualifier = rows[i].configuration.version;
      shown.push_back(shown_as(rows[i].configuration, version));
    }
    if (rows.size() > limit) output.next_marker = shown.back().version;
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::AliasConfiguration> Lambda::create_alias(Call& call, const api::CreateAliasRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  if (version_number(input.name)) {
    co_await fail(
        Error(errors::kValidation, "1 validation error detected: Value '" + input.name +
                                       "' at 'name' failed to satisfy constraint: Member must satisfy regular "
                                       "expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"));
  }
  const Store store(name.account, name.region);
  const auto create = [&](Transaction& txn) -> Task<api::AliasConfiguration> {
    co_await require_version(txn, name);
    co_await check_version(txn, store, name, input.function_version);
    co_await check_routing(txn, store, name, input.function_version, input.routing_config);
    if (co_await store.find_alias(txn, name.name, input.name)) {
      co_await fail(
          user_error(api::errors::kResourceConflictException, "Alias already exists: " + alias_arn(name, input.name)));
    }
    api::AliasConfiguration alias;
    alias.alias_arn = alias_arn(name, input.name);
    alias.name = input.name;
    alias.function_version = input.function_version;
    alias.description = input.description.value_or("");
    alias.routing_config = input.routing_config;
    alias.revision_id = uuid();
    store.put_alias(txn, name.name, alias);
    co_return alias;
  };
  co_return co_await storage::transact(database_, create);
}

Task<api::AliasConfiguration> Lambda::get_alias(Call& call, const api::GetAliasRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<api::AliasConfiguration> {
    co_await require_version(txn, name);
    std::optional<api::AliasConfiguration> alias = co_await store.find_alias(txn, name.name, input.name);
    if (!alias) co_await fail(alias_not_found(name, input.name));
    co_return std::move(*alias);
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::AliasConfiguration> Lambda::update_alias(Call& call, const api::UpdateAliasRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  const Store store(name.account, name.region);
  const auto update = [&](Transaction& txn) -> Task<api::AliasConfiguration> {
    co_await require_version(txn, name);
    const std::optional<api::AliasConfiguration> found = co_await store.find_alias(txn, name.name, input.name);
    if (!found) co_await fail(alias_not_found(name, input.name));
    api::AliasConfiguration alias = *found;
    if (input.revision_id && input.revision_id != alias.revision_id) {
      co_await fail(user_error(api::errors::kPreconditionFailedException,
                               "The Revision Id provided does not match the latest Revision Id. Call the "
                               "GetFunction/GetAlias API to retrieve the latest Revision Id"));
    }
    if (input.function_version) {
      co_await check_version(txn, store, name, *input.function_version);
      alias.function_version = input.function_version;
    }
    if (input.description) alias.description = input.description;
    if (input.routing_config) {
      const auto& weights = input.routing_config->additional_version_weights;
      alias.routing_config.reset();
      if (weights && !weights->empty()) alias.routing_config = input.routing_config;
    }
    co_await check_routing(txn, store, name, alias.function_version.value_or(""), alias.routing_config);
    alias.revision_id = uuid();
    store.put_alias(txn, name.name, alias);
    co_return alias;
  };
  api::AliasConfiguration updated = co_await storage::transact(database_, update);
  co_await follow_provisioning();
  co_return updated;
}

Task<api::DeleteAliasOutput> Lambda::delete_alias(Call& call, const api::DeleteAliasRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  const Store store(name.account, name.region);
  const auto erase = [&](Transaction& txn) -> Task<void> {
    co_await require_version(txn, name);
    store.erase_alias(txn, name.name, input.name);
    const std::optional<UrlRow> url = co_await store.find_url(txn, name.name, input.name);
    if (url) store.erase_url(txn, *url);
    store.put_policy(txn, name.name, input.name, {});
    store.erase_event_config(txn, name.name, input.name);
    FunctionName alias = name;
    alias.qualifier = input.name;
    erase_provisioned(txn, alias);
  };
  co_await storage::transact(database_, erase);
  co_await follow_provisioning();
  co_return api::DeleteAliasOutput();
}

Task<api::ListAliasesResponse> Lambda::list_aliases(Call& call, const api::ListAliasesRequest& input) {
  FunctionName name = co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  name.qualifier.reset();
  const Store store(name.account, name.region);
  const std::size_t limit = versions_wanted(input.max_items);
  const auto read = [&](Transaction& txn) -> Task<api::ListAliasesResponse> {
    co_await require_version(txn, name);
    api::ListAliasesResponse output;
    std::vector<api::AliasConfiguration>& shown = output.aliases.emplace();
    const std::vector<api::AliasConfiguration> rows =
        co_await store.list_aliases(txn, name.name, input.marker.value_or(""), 10'000);
    for (const api::AliasConfiguration& alias : rows) {
      if (input.function_version && alias.function_version != *input.function_version) continue;
      if (shown.size() == limit) {
        output.next_marker = shown.back().name;
        break;
      }
      shown.push_back(alias);
    }
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

}  // namespace cumulet::lambda
