#include "base/ids.h"
#include "services/apigateway/apigateway.h"
#include "services/apigateway/documents.h"
#include "services/apigateway/rules.h"

namespace cumulet::apigateway {
namespace api = wire::apigatewayv2;

namespace {

constexpr std::int32_t kTimeoutMin = 50;
constexpr std::int32_t kTimeoutMax = 30'000;

/// Fills in the documented defaults and refuses what an HTTP API does not take or this server does not do.
Result<void> settle(Integration& integration) {
  const std::string& type = integration.integration_type.value_or("");
  if (type != "AWS_PROXY" && type != "HTTP_PROXY") {
    return bad_request("Invalid integration type specified. HTTP APIs take AWS_PROXY and HTTP_PROXY.");
  }
  if (integration.integration_subtype) {
    return bad_request("Integration subtype " + *integration.integration_subtype + " is not supported by this server");
  }
  if (integration.connection_type.value_or("INTERNET") != "INTERNET") {
    return bad_request("Connection type VPC_LINK is not supported by this server");
  }
  if ((integration.request_parameters && !integration.request_parameters->empty()) ||
      (integration.response_parameters && !integration.response_parameters->empty())) {
    return bad_request("Parameter mapping is not supported by this server");
  }
  if (!integration.integration_uri || integration.integration_uri->empty()) {
    return bad_request("IntegrationUri is required");
  }
  integration.connection_type = "INTERNET";
  const std::int32_t timeout = integration.timeout_in_millis.value_or(kTimeoutMax);
  if (timeout < kTimeoutMin || timeout > kTimeoutMax) {
    return bad_request("Timeout should be between 50 ms and 30000 ms");
  }
  integration.timeout_in_millis = timeout;
  const std::string& uri = *integration.integration_uri;
  if (type == "AWS_PROXY") {
    if (!uri.starts_with("arn:")) return bad_request("Invalid function ARN or invalid uri: " + uri);
    if (!integration.integration_method) integration.integration_method = "POST";
  } else {
    if (!uri.starts_with("http://") && !uri.starts_with("https://")) {
      return bad_request("Invalid HTTP endpoint specified for URI");
    }
    if (!integration.integration_method) return bad_request("IntegrationMethod is required for HTTP_PROXY");
  }
  const std::string version = integration.payload_format_version.value_or("");
  if (version.empty()) return bad_request("PayloadFormatVersion is a required parameter for integration");
  if (version != "1.0" && (version != "2.0" || type == "HTTP_PROXY")) {
    return bad_request("Payload format version " + version + " is not valid for this integration");
  }
  return {};
}

}  // namespace

void ApiGateway::register_integrations() {
  service_.on<api::CreateIntegration>([this](Call& c, const auto& in) { return create_integration(c, in); });
  service_.on<api::GetIntegration>([this](Call& c, const auto& in) { return get_integration(c, in); });
  service_.on<api::GetIntegrations>([this](Call& c, const auto& in) { return get_integrations(c, in); });
  service_.on<api::UpdateIntegration>([this](Call& c, const auto& in) { return update_integration(c, in); });
  service_.on<api::DeleteIntegration>([this](Call& c, const auto& in) { return delete_integration(c, in); });
}

Task<api::CreateIntegrationResult> ApiGateway::create_integration(Call& call,
                                                                  const api::CreateIntegrationRequest& input) {
  const Store store(call.account(), call.region);
  Integration integration = co_await read_output<api::GetIntegration>(input_document<api::CreateIntegration>(input));
  if (!integration.payload_format_version && input.integration_type == "HTTP_PROXY") {
    integration.payload_format_version = "1.0";
  }
  co_await settle(integration);
  integration.integration_id = random_id(7);
  const std::string document = output_document<api::GetIntegration>(integration);
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_api(store, txn, call.account(), input.api_id);
    const std::vector<std::string> all = co_await store.list(txn, input.api_id, Part::kIntegration, "", kPartLimit);
    if (all.size() >= kPartLimit) {
      co_await fail(api::errors::kTooManyRequestsException,
                    "Maximum number of integrations for this API has been reached");
    }
    store.put(txn, input.api_id, Part::kIntegration, *integration.integration_id, document);
  };
  co_await storage::transact(database_, create);
  co_return co_await read_output<api::CreateIntegration>(document);
}

Task<Integration> ApiGateway::get_integration(Call& call, const api::GetIntegrationRequest& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) -> Task<std::string> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_return co_await require_part(store, txn, input.api_id, Part::kIntegration, input.integration_id, "Integration");
  };
  const std::string document = co_await storage::transact(database_, read);
  co_return co_await read_output<api::GetIntegration>(document);
}

Task<api::GetIntegrationsResponse> ApiGateway::get_integrations(Call& call, const api::GetIntegrationsRequest& input) {
  const Store store(call.account(), call.region);
  const std::size_t limit = co_await page_size(input.max_results);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_return co_await store.list(txn, input.api_id, Part::kIntegration, input.next_token.value_or(""), limit + 1);
  };
  std::vector<std::string> documents = co_await storage::transact(database_, read);
  const bool more = documents.size() > limit;
  if (more) documents.pop_back();
  api::GetIntegrationsResponse output = co_await read_items<api::GetIntegrations>(documents);
  if (more) output.next_token = output.items->back().integration_id;
  co_return output;
}

Task<api::UpdateIntegrationResult> ApiGateway::update_integration(Call& call,
                                                                  const api::UpdateIntegrationRequest& input) {
  const Store store(call.account(), call.region);
  const auto update = [&](storage::Transaction& txn) -> Task<std::string> {
    co_await require_api(store, txn, call.account(), input.api_id);
    const std::string before =
        co_await require_part(store, txn, input.api_id, Part::kIntegration, input.integration_id, "Integration");
    Integration integration = co_await read_output<api::GetIntegration>(before);
    integration = co_await read_output<api::GetIntegration>(input_document<api::UpdateIntegration>(input),
                                                            std::move(integration));
    co_await settle(integration);
    std::string document = output_document<api::GetIntegration>(integration);
    store.put(txn, input.api_id, Part::kIntegration, input.integration_id, document);
    co_await auto_deploy(store, txn, input.api_id, call.time);
    co_return document;
  };
  const std::string document = co_await storage::transact(database_, update);
  co_return co_await read_output<api::UpdateIntegration>(document);
}

Task<api::DeleteIntegrationOutput> ApiGateway::delete_integration(Call& call,
                                                                  const api::DeleteIntegrationRequest& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_await require_part(store, txn, input.api_id, Part::kIntegration, input.integration_id, "Integration");
    const std::vector<std::string> routes = co_await store.list(txn, input.api_id, Part::kRoute, "", kPartLimit);
    for (const std::string& document : routes) {
      const Route route = co_await read_output<api::GetRoute>(document);
      if (route.target != "integrations/" + input.integration_id) continue;
      co_await fail(api::errors::kConflictException, "Cannot delete Integration '" + input.integration_id +
                                                         "' because it is referenced by Route '" + *route.route_key +
                                                         "'.");
    }
    store.erase(txn, input.api_id, Part::kIntegration, input.integration_id);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteIntegrationOutput();
}

}  // namespace cumulet::apigateway
