#include "base/text.h"
#include "services/lambda/configuration.h"
#include "services/lambda/lambda.h"
#include "services/lambda/provisioned_store.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::size_t kFunctionsAtOnce = 50;
constexpr std::int64_t kCodeStorage = 80530636800;  // 75 GiB

}  // namespace

void Lambda::register_reading() {
  service_.on<api::GetFunction>([this](Call& c, const auto& in) { return get_function(c, in); });
  service_.on<api::GetFunctionConfiguration>([this](Call& c, const auto& in) { return get_configuration(c, in); });
  service_.on<api::ListFunctions>([this](Call& c, const auto& in) { return list_functions(c, in); });
  service_.on<api::GetAccountSettings>([this](Call& c, const auto&) { return account_settings(c); });
}

Task<api::GetFunctionResponse> Lambda::get_function(Call& call, const api::GetFunctionRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const auto read = [this, &name, &call](Transaction& txn) -> Task<api::GetFunctionResponse> {
    const VersionRow row = co_await require_version(txn, name);
    const Store store(name.account, name.region);
    const std::optional<FunctionRow> function = co_await store.find_function(txn, name.name);
    api::GetFunctionResponse output;
    output.configuration = shown_as(row.configuration, name);
    api::FunctionCodeLocation& code = output.code.emplace();
    if (row.image_uri.empty()) {
      code.repository_type = "S3";
      code.location = code_location(call, row.blob);
    } else {
      code.repository_type = "ECR";
      code.image_uri = row.image_uri;
      code.resolved_image_uri = row.resolved_image_uri;
    }
    if (function && !function->tags.empty()) output.tags = function->tags;
    if (function && function->reserved >= 0) {
      output.concurrency.emplace().reserved_concurrent_executions = static_cast<std::int32_t>(function->reserved);
    }
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::FunctionConfiguration> Lambda::get_configuration(Call& call,
                                                           const api::GetFunctionConfigurationRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const auto read = [this, &name](Transaction& txn) { return require_version(txn, name); };
  const VersionRow row = co_await storage::transact(database_, read);
  co_return shown_as(row.configuration, name);
}

Task<api::ListFunctionsResponse> Lambda::list_functions(Call& call, const api::ListFunctionsRequest& input) {
  const Store store(call.account(), call.region);
  const std::size_t limit =
      std::min<std::size_t>(static_cast<std::size_t>(input.max_items.value_or(kFunctionsAtOnce)), kFunctionsAtOnce);
  const bool all = input.function_version == "ALL";
  // A page may end among the versions of a function: then its marker has the last one's number.
  const std::string marker = input.marker.value_or("");
  const std::size_t colon = marker.find(':');
  const std::string after = marker.substr(0, colon);
  const auto read = [&](Transaction& txn) -> Task<api::ListFunctionsResponse> {
    api::ListFunctionsResponse output;
    std::vector<Configuration>& shown = output.functions.emplace();
    std::vector<FunctionRow> functions = co_await store.list_functions(txn, after, limit + 1);
    std::uint64_t from = 0;
    if (colon != std::string::npos) {
      const std::optional<FunctionRow> first = co_await store.find_function(txn, after);
      if (first) {
        functions.insert(functions.begin(), *first);
        from = static_cast<std::uint64_t>(parse_int(marker.substr(colon + 1)).value_or(0)) + 1;
      }
    }
    std::string last;
    for (const FunctionRow& function : functions) {
      const std::vector<VersionRow> versions =
          co_await store.list_versions(txn, function.name, from, all ? limit + 1 : 1);
      from = 0;
      for (const VersionRow& row : versions) {
        if (shown.size() >= limit) {
          output.next_marker = last;
          co_return output;
        }
        FunctionName name(call.account(), call.region, function.name);
        if (all) name.qualifier = row.configuration.version;
        shown.push_back(shown_as(row.configuration, name));
        last = function.name;
        if (all) last += ":" + std::to_string(version_number(row.configuration.version.value_or("")).value_or(0));
      }
    }
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::GetAccountSettingsResponse> Lambda::account_settings(Call& call) {
  const Store store(call.account(), call.region);
  const auto read = [&store](Transaction& txn) -> Task<api::GetAccountSettingsResponse> {
    std::int64_t count = 0;
    std::int64_t bytes = 0;
    const std::int64_t taken = co_await taken_concurrency(txn, store);
    std::string after;
    while (true) {
      const std::vector<FunctionRow> functions = co_await store.list_functions(txn, after, 500);
      for (const FunctionRow& function : functions) {
        ++count;
        const std::vector<VersionRow> versions = co_await store.list_versions(txn, function.name, 0, 1000);
        for (const VersionRow& row : versions) bytes += row.configuration.code_size.value_or(0);
      }
      if (functions.size() < 500) break;
      after = functions.back().name;
    }
    api::GetAccountSettingsResponse output;
    api::AccountLimit& limit = output.account_limit.emplace();
    limit.total_code_size = kCodeStorage;
    limit.code_size_unzipped = static_cast<std::int64_t>(CodeStore::kUnpackedLimit);
    limit.code_size_zipped = 52428800;
    limit.concurrent_executions = 1000;
    limit.unreserved_concurrent_executions = static_cast<std::int32_t>(1000 - taken);
    api::AccountUsage& usage = output.account_usage.emplace();
    usage.total_code_size = bytes;
    usage.function_count = count;
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

}  // namespace cumulet::lambda
