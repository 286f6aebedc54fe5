#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/lambda.h"
#include "services/lambda/tenancy.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

Error no_url() {
  return user_error(api::errors::kResourceNotFoundException, "The resource you requested does not exist.");
}

/// http://ID.lambda-url.REGION.localhost:4566/ : beside the endpoint through which the caller came.
std::string url_of(const wire::Call& call, const std::string& id) {
  const std::size_t scheme_end = call.endpoint.find("://");
  const std::string scheme = scheme_end == std::string::npos ? "http" : call.endpoint.substr(0, scheme_end);
  std::string host = scheme_end == std::string::npos ? call.endpoint : call.endpoint.substr(scheme_end + 3);
  const std::size_t colon = host.rfind(':');
  std::string port;
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos) {
    port = host.substr(colon);
    host.resize(colon);
  }
  // An address has no names below it.
  if (host.find_first_not_of("0123456789.:[]") == std::string::npos) host = "localhost";
  return scheme + "://" + id + ".lambda-url." + call.region + "." + host + port + "/";
}

/// A URL belongs to a function or to one of its aliases.
Result<std::string> url_qualifier(const FunctionName& name) {
  if (!name.qualifier) return std::string();
  if (version_number(*name.qualifier)) {
    return invalid("1 validation error detected: Value '" + *name.qualifier +
                   "' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: "
                   "((?!^\\d+$)^[0-9a-zA-Z-_]+$)");
  }
  return *name.qualifier;
}

/// A marker holds the qualifier of the last URL shown; the function's own comes first, with an empty one.
std::string marker_of(const std::string& qualifier) { return base64_encode("after " + qualifier); }

Result<std::string> after_marker(const std::string& marker) {
  const std::optional<std::string> text = base64_decode(marker);
  if (!text || !text->starts_with("after ")) return invalid("The marker is invalid.");
  return text->substr(6);
}

template <typename Output>
Output shown(const UrlRow& row) {
  Output output;
  output.function_url = row.config.function_url;
  output.function_arn = row.config.function_arn;
  output.auth_type = row.config.auth_type;
  output.cors = row.config.cors;
  output.creation_time = row.config.creation_time;
  output.invoke_mode = row.config.invoke_mode;
  return output;
}

}  // namespace

void Lambda::register_urls() {
  service_.on<api::CreateFunctionUrlConfig>([this](Call& c, const auto& in) { return create_url(c, in); });
  service_.on<api::GetFunctionUrlConfig>([this](Call& c, const auto& in) { return get_url(c, in); });
  service_.on<api::UpdateFunctionUrlConfig>([this](Call& c, const auto& in) { return update_url(c, in); });
  service_.on<api::DeleteFunctionUrlConfig>([this](Call& c, const auto& in) { return delete_url(c, in); });
  service_.on<api::ListFunctionUrlConfigs>([this](Call& c, const auto& in) { return list_urls(c, in); });
}

Task<api::CreateFunctionUrlConfigResponse> Lambda::create_url(Call& call,
                                                              const api::CreateFunctionUrlConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  UrlRow row;
  row.qualifier = co_await url_qualifier(name);
  row.name = name.name;
  row.id = random_id(32);
  row.config.function_url = url_of(call, row.id);
  row.config.function_arn = name.qualified_arn();
  row.config.auth_type = input.auth_type;
  row.config.cors = input.cors;
  row.config.invoke_mode = input.invoke_mode.value_or("BUFFERED");
  row.config.creation_time = iso8601(clock_.now(), true);
  row.config.last_modified_time = row.config.creation_time;
  const Store store(name.account, name.region);
  const auto create = [&](Transaction& txn) -> Task<void> {
    const VersionRow version = co_await require_version(txn, name);
    co_await not_with_tenants(version.configuration, "Function URLs");
    if (co_await store.find_url(txn, name.name, row.qualifier)) {
      co_await fail(user_error(api::errors::kResourceConflictException,
                               "Failed to create function url config for [functionArn = " + name.qualified_arn() +
                                   "]. Error message:  FunctionUrlConfig exists for this Lambda function"));
    }
    store.put_url(txn, row);
  };
  co_await storage::transact(database_, create);
  co_return shown<api::CreateFunctionUrlConfigResponse>(row);
}

Task<api::GetFunctionUrlConfigResponse> Lambda::get_url(Call& call, const api::GetFunctionUrlConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const std::string qualifier = co_await url_qualifier(name);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) { return store.find_url(txn, name.name, qualifier); };
  const std::optional<UrlRow> row = co_await storage::transact(database_, read);
  if (!row) co_await fail(no_url());
  api::GetFunctionUrlConfigResponse output = shown<api::GetFunctionUrlConfigResponse>(*row);
  output.last_modified_time = row->config.last_modified_time;
  co_return output;
}

Task<api::UpdateFunctionUrlConfigResponse> Lambda::update_url(Call& call,
                                                              const api::UpdateFunctionUrlConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const std::string qualifier = co_await url_qualifier(name);
  const Store store(name.account, name.region);
  const auto update = [&](Transaction& txn) -> Task<UrlRow> {
    std::optional<UrlRow> row = co_await store.find_url(txn, name.name, qualifier);
    if (!row) co_await fail(no_url());
    if (input.auth_type) row->config.auth_type = *input.auth_type;
    if (input.cors) row->config.cors = input.cors;
    if (input.invoke_mode) row->config.invoke_mode = input.invoke_mode;
    row->config.last_modified_time = iso8601(clock_.now(), true);
    store.put_url(txn, *row);
    co_return std::move(*row);
  };
  const UrlRow row = co_await storage::transact(database_, update);
  api::UpdateFunctionUrlConfigResponse output = shown<api::UpdateFunctionUrlConfigResponse>(row);
  output.last_modified_time = row.config.last_modified_time;
  co_return output;
}

Task<api::DeleteFunctionUrlConfigOutput> Lambda::delete_url(Call& call,
                                                            const api::DeleteFunctionUrlConfigRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const std::string qualifier = co_await url_qualifier(name);
  const Store store(name.account, name.region);
  const auto erase = [&](Transaction& txn) -> Task<void> {
    const std::optional<UrlRow> row = co_await store.find_url(txn, name.name, qualifier);
    if (!row) co_await fail(no_url());
    store.erase_url(txn, *row);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteFunctionUrlConfigOutput();
}

Task<api::ListFunctionUrlConfigsResponse> Lambda::list_urls(Call& call,
                                                            const api::ListFunctionUrlConfigsRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  std::optional<std::string> after;
  if (input.marker && !input.marker->empty()) after = co_await after_marker(*input.marker);
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<api::ListFunctionUrlConfigsResponse> {
    const std::optional<FunctionRow> function = co_await store.find_function(txn, name.name);
    if (!function) co_await fail(function_not_found(name.arn()));
    const std::vector<UrlRow> rows = co_await store.list_urls(txn, name.name);
    api::ListFunctionUrlConfigsResponse output;
    const auto limit = static_cast<std::size_t>(input.max_items.value_or(50));
    const UrlRow* last = nullptr;
    for (const UrlRow& row : rows) {
      if (after && row.qualifier <= *after) continue;
      if (output.function_url_configs.size() == limit) {
        output.next_marker = marker_of(last->qualifier);
        break;
      }
      output.function_url_configs.push_back(row.config);
      last = &row;
    }
    co_return output;
  };
  co_return co_await storage::transact(database_, read);
}

}  // namespace cumulet::lambda
