#include "base/ids.h"
#include "services/apigateway/apigateway.h"
#include "services/apigateway/documents.h"
#include "services/apigateway/route_table.h"
#include "services/apigateway/rules.h"

namespace cumulet::apigateway {
namespace api = wire::apigatewayv2;

namespace {

/// What a route may say: a well-formed key that no other route of the API has, an integration that exists, and no
/// authorization that this server would not enforce.
Task<void> check_route(const Store& store, storage::Transaction& txn, std::string api_id, const Route& route) {
  co_await RouteKey::parse(*route.route_key);
  const std::string authorization = route.authorization_type.value_or("NONE");
  if (authorization != "NONE") {
    co_await fail(bad_request("Authorization type " + authorization + " is not supported by this server"));
  }
  if (route.target) {
    constexpr std::string_view kPrefix = "integrations/";
    const std::string id = route.target->starts_with(kPrefix) ? route.target->substr(kPrefix.size()) : std::string();
    if (id.empty() || !co_await store.find(txn, api_id, Part::kIntegration, id)) {
      co_await fail(bad_request("Invalid target: " + *route.target));
    }
  }
  const std::vector<std::string> others = co_await store.list(txn, api_id, Part::kRoute, "", kPartLimit);
  for (const std::string& document : others) {
    const Route other = co_await read_output<api::GetRoute>(document);
    if (other.route_key == route.route_key && other.route_id != route.route_id) {
      co_await fail(api::errors::kConflictException,
                    "Route with key " + *route.route_key + " already exists for this API");
    }
  }
  if (others.size() >= kPartLimit) {
    co_await fail(api::errors::kTooManyRequestsException, "Maximum number of routes for this API has been reached");
  }
}

}  // namespace

void ApiGateway::register_routes() {
  service_.on<api::CreateRoute>([this](Call& c, const auto& in) { return create_route(c, in); });
  service_.on<api::GetRoute>([this](Call& c, const auto& in) { return get_route(c, in); });
  service_.on<api::GetRoutes>([this](Call& c, const auto& in) { return get_routes(c, in); });
  service_.on<api::UpdateRoute>([this](Call& c, const auto& in) { return update_route(c, in); });
  service_.on<api::DeleteRoute>([this](Call& c, const auto& in) { return delete_route(c, in); });
}

Task<api::CreateRouteResult> ApiGateway::create_route(Call& call, const api::CreateRouteRequest& input) {
  const Store store(call.account(), call.region);
  Route route = co_await read_output<api::GetRoute>(input_document<api::CreateRoute>(input));
  route.route_id = random_id(7);
  if (!route.authorization_type) route.authorization_type = "NONE";
  if (!route.api_key_required) route.api_key_required = false;
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_await check_route(store, txn, input.api_id, route);
    store.put(txn, input.api_id, Part::kRoute, *route.route_id, output_document<api::GetRoute>(route));
    co_await auto_deploy(store, txn, input.api_id, call.time);
  };
  co_await storage::transact(database_, create);
  co_return co_await read_output<api::CreateRoute>(output_document<api::GetRoute>(route));
}

Task<Route> ApiGateway::get_route(Call& call, const api::GetRouteRequest& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) -> Task<std::string> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_return co_await require_part(store, txn, input.api_id, Part::kRoute, input.route_id, "Route");
  };
  const std::string document = co_await storage::transact(database_, read);
  co_return co_await read_output<api::GetRoute>(document);
}

Task<api::GetRoutesResponse> ApiGateway::get_routes(Call& call, const api::GetRoutesRequest& input) {
  const Store store(call.account(), call.region);
  const std::size_t limit = co_await page_size(input.max_results);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_return co_await store.list(txn, input.api_id, Part::kRoute, input.next_token.value_or(""), limit + 1);
  };
  std::vector<std::string> documents = co_await storage::transact(database_, read);
  const bool more = documents.size() > limit;
  if (more) documents.pop_back();
  api::GetRoutesResponse output = co_await read_items<api::GetRoutes>(documents);
  if (more) output.next_token = output.items->back().route_id;
  co_return output;
}

Task<api::UpdateRouteResult> ApiGateway::update_route(Call& call, const api::UpdateRouteRequest& input) {
  const Store store(call.account(), call.region);
  const auto update = [&](storage::Transaction& txn) -> Task<std::string> {
    co_await require_api(store, txn, call.account(), input.api_id);
    const std::string before = co_await require_part(store, txn, input.api_id, Part::kRoute, input.route_id, "Route");
    Route route = co_await read_output<api::GetRoute>(before);
    route = co_await read_output<api::GetRoute>(input_document<api::UpdateRoute>(input), std::move(route));
    co_await check_route(store, txn, input.api_id, route);
    std::string document = output_document<api::GetRoute>(route);
    store.put(txn, input.api_id, Part::kRoute, input.route_id, document);
    co_await auto_deploy(store, txn, input.api_id, call.time);
    co_return document;
  };
  const std::string document = co_await storage::transact(database_, update);
  co_return co_await read_output<api::UpdateRoute>(document);
}

Task<api::DeleteRouteOutput> ApiGateway::delete_route(Call& call, const api::DeleteRouteRequest& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_await require_part(store, txn, input.api_id, Part::kRoute, input.route_id, "Route");
    store.erase(txn, input.api_id, Part::kRoute, input.route_id);
    co_await auto_deploy(store, txn, input.api_id, call.time);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteRouteOutput();
}

}  // namespace cumulet::apigateway
