#include "base/ids.h"
#include "services/apigateway/apigateway.h"
#include "services/apigateway/documents.h"
#include "services/apigateway/rules.h"

namespace cumulet::apigateway {
namespace api = wire::apigatewayv2;

namespace {

constexpr std::size_t kTagLimit = 50;

/// What is shown but not stored: the URL depends on how the client reached us.
void add_endpoint(const wire::Call& call, Api& shown) {
  const std::size_t scheme_end = call.endpoint.find("://");
  const std::string scheme = call.endpoint.substr(0, scheme_end + 3);
  const std::size_t colon = call.endpoint.find(':', scheme_end + 3);
  const std::string port = colon == std::string::npos ? std::string() : call.endpoint.substr(colon);
  shown.api_endpoint = scheme + *shown.api_id + ".execute-api." + call.region + ".localhost" + port;
}

Result<void> check_api(const Api& wanted) {
  if (wanted.protocol_type != "HTTP") return bad_request("Only protocolType HTTP is supported by this server");
  if (!wanted.cors_configuration) return {};
  const api::Cors& cors = *wanted.cors_configuration;
  const bool any_origin = cors.allow_origins && !cors.allow_origins->empty() && cors.allow_origins->front() == "*";
  if (cors.allow_credentials.value_or(false) && any_origin) {
    return bad_request("Allow credentials cannot be true when allow origins is *");
  }
  return {};
}

/// "arn:aws:apigateway:REGION::/apis/ID" (also with "/stages/…" behind it) names the API.
Result<std::string> api_of_arn(const std::string& arn) {
  constexpr std::string_view kMark = "::/apis/";
  const std::size_t at = arn.find(kMark);
  if (!arn.starts_with("arn:aws:apigateway:") || at == std::string::npos) return bad_request("Invalid ARN: " + arn);
  return arn.substr(at + kMark.size(), arn.find('/', at + kMark.size()) - at - kMark.size());
}

}  // namespace

void ApiGateway::register_apis() {
  service_.on<api::CreateApi>([this](Call& c, const auto& in) { return create_api(c, in); });
  service_.on<api::GetApi>([this](Call& c, const auto& in) { return get_api(c, in); });
  service_.on<api::GetApis>([this](Call& c, const auto& in) { return get_apis(c, in); });
  service_.on<api::UpdateApi>([this](Call& c, const auto& in) { return update_api(c, in); });
  service_.on<api::DeleteApi>([this](Call& c, const auto& in) { return delete_api(c, in); });
  service_.on<api::DeleteCorsConfiguration>(
      [this](Call& c, const auto& in) { return delete_cors_configuration(c, in); });
  service_.on<api::TagResource>([this](Call& c, const auto& in) { return tag_resource(c, in); });
  service_.on<api::UntagResource>([this](Call& c, const auto& in) { return untag_resource(c, in); });
  service_.on<api::GetTags>([this](Call& c, const auto& in) { return get_tags(c, in); });
}

Task<api::CreateApiResponse> ApiGateway::create_api(Call& call, const api::CreateApiRequest& input) {
  const Store store(call.account(), call.region);
  Api created = co_await read_output<api::GetApi>(input_document<api::CreateApi>(input));
  created.api_id = random_id(10);
  created.created_date = call.time;
  if (!created.route_selection_expression) {
    created.route_selection_expression = "$request.method $request.path";
  }
  created.api_key_selection_expression = "$request.header.x-api-key";
  if (!created.disable_execute_api_endpoint) created.disable_execute_api_endpoint = false;
  if (!created.ip_address_type) created.ip_address_type = "ipv4";
  co_await check_api(created);
  if (input.route_key && !input.target) co_return bad_request("A target is required with a routeKey");

  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    store.put_api(txn, *created.api_id, output_document<api::GetApi>(created));
    co_return;
  };
  co_await storage::transact(database_, create);
  if (input.target) {
    // Quick create: an integration, a route to it, and a default stage that deploys by itself.
    api::CreateIntegrationRequest integration;
    integration.api_id = *created.api_id;
    const bool function = input.target->starts_with("arn:");
    integration.integration_type = function ? "AWS_PROXY" : "HTTP_PROXY";
    integration.integration_uri = input.target;
    integration.payload_format_version = function ? "2.0" : "1.0";
    if (!function) integration.integration_method = "ANY";
    const api::CreateIntegrationResult made = co_await create_integration(call, integration);
    api::CreateRouteRequest route;
    route.api_id = *created.api_id;
    route.route_key = input.route_key.value_or("$default");
    route.target = "integrations/" + *made.integration_id;
    co_await create_route(call, route);
    api::CreateStageRequest stage;
    stage.api_id = *created.api_id;
    stage.stage_name = "$default";
    stage.auto_deploy = true;
    co_await create_stage(call, stage);
  }
  add_endpoint(call, created);
  co_return co_await read_output<api::CreateApi>(output_document<api::GetApi>(created));
}

Task<Api> ApiGateway::get_api(Call& call, const api::GetApiRequest& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) { return require_api(store, txn, call.account(), input.api_id); };
  const std::string document = co_await storage::transact(database_, read);
  Api shown = co_await read_output<api::GetApi>(document);
  add_endpoint(call, shown);
  co_return shown;
}

Task<api::GetApisResponse> ApiGateway::get_apis(Call& call, const api::GetApisRequest& input) {
  const Store store(call.account(), call.region);
  const std::size_t limit = co_await page_size(input.max_results);
  const auto read = [&](storage::Transaction& txn) {
    return store.list_apis(txn, input.next_token.value_or(""), limit + 1);
  };
  std::vector<std::string> documents = co_await storage::transact(database_, read);
  const bool more = documents.size() > limit;
  if (more) documents.pop_back();
  for (std::string& document : documents) {
    Api shown = co_await read_output<api::GetApi>(document);
    add_endpoint(call, shown);
    document = output_document<api::GetApi>(shown);
  }
  api::GetApisResponse output = co_await read_items<api::GetApis>(documents);
  if (more) output.next_token = output.items->back().api_id;
  co_return output;
}

Task<api::UpdateApiResponse> ApiGateway::update_api(Call& call, const api::UpdateApiRequest& input) {
  const Store store(call.account(), call.region);
  const auto update = [&](storage::Transaction& txn) -> Task<Api> {
    const std::string before = co_await require_api(store, txn, call.account(), input.api_id);
    Api changed = co_await read_output<api::GetApi>(before);
    changed = co_await read_output<api::GetApi>(input_document<api::UpdateApi>(input), std::move(changed));
    co_await check_api(changed);
    store.put_api(txn, input.api_id, output_document<api::GetApi>(changed));
    co_await auto_deploy(store, txn, input.api_id, call.time);
    co_return changed;
  };
  Api changed = co_await storage::transact(database_, update);
  add_endpoint(call, changed);
  co_return co_await read_output<api::UpdateApi>(output_document<api::GetApi>(changed));
}

Task<api::DeleteApiOutput> ApiGateway::delete_api(Call& call, const api::DeleteApiRequest& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_await store.erase_api(txn, input.api_id);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteApiOutput();
}

Task<api::DeleteCorsConfigurationOutput> ApiGateway::delete_cors_configuration(
    Call& call, const api::DeleteCorsConfigurationRequest& input) {
  const Store store(call.account(), call.region);
  const auto update = [&](storage::Transaction& txn) -> Task<void> {
    const std::string before = co_await require_api(store, txn, call.account(), input.api_id);
    Api changed = co_await read_output<api::GetApi>(before);
    changed.cors_configuration.reset();
    store.put_api(txn, input.api_id, output_document<api::GetApi>(changed));
  };
  co_await storage::transact(database_, update);
  co_return api::DeleteCorsConfigurationOutput();
}

Task<api::TagResourceResponse> ApiGateway::tag_resource(Call& call, const api::TagResourceRequest& input) {
  const Store store(call.account(), call.region);
  const std::string api_id = co_await api_of_arn(input.resource_arn);
  const auto update = [&](storage::Transaction& txn) -> Task<void> {
    const std::string before = co_await require_api(store, txn, call.account(), api_id);
    Api changed = co_await read_output<api::GetApi>(before);
    if (!changed.tags) changed.tags.emplace();
    if (input.tags) {
      for (const auto& [key, value] : *input.tags) (*changed.tags)[key] = value;
    }
    if (changed.tags->size() > kTagLimit) co_await fail(bad_request("An API has at most 50 tags"));
    store.put_api(txn, api_id, output_document<api::GetApi>(changed));
  };
  co_await storage::transact(database_, update);
  co_return api::TagResourceResponse();
}

Task<api::UntagResourceOutput> ApiGateway::untag_resource(Call& call, const api::UntagResourceRequest& input) {
  const Store store(call.account(), call.region);
  const std::string api_id = co_await api_of_arn(input.resource_arn);
  const auto update = [&](storage::Transaction& txn) -> Task<void> {
    const std::string before = co_await require_api(store, txn, call.account(), api_id);
    Api changed = co_await read_output<api::GetApi>(before);
    if (!changed.tags) co_return;
    for (const std::string& key : input.tag_keys) changed.tags->erase(key);
    store.put_api(txn, api_id, output_document<api::GetApi>(changed));
  };
  co_await storage::transact(database_, update);
  co_return api::UntagResourceOutput();
}

Task<api::GetTagsResponse> ApiGateway::get_tags(Call& call, const api::GetTagsRequest& input) {
  const Store store(call.account(), call.region);
  const std::string api_id = co_await api_of_arn(input.resource_arn);
  const auto read = [&](storage::Transaction& txn) { return require_api(store, txn, call.account(), api_id); };
  const std::string document = co_await storage::transact(database_, read);
  const Api shown = co_await read_output<api::GetApi>(document);
  api::GetTagsResponse output;
  output.tags = shown.tags.value_or(std::map<std::string, std::string>());
  co_return output;
}

}  // namespace cumulet::apigateway
