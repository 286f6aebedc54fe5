#include "base/ids.h"
#include "services/apigateway/apigateway.h"
#include "services/apigateway/documents.h"
#include "services/apigateway/live_stage.h"
#include "services/apigateway/rules.h"

namespace cumulet::apigateway {
namespace api = wire::apigatewayv2;

namespace {

bool valid_stage_name(std::string_view name) {
  if (name == "$default") return true;
  return !name.empty() && name.size() <= 128 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
             std::string_view::npos;
}

Task<void> check_stage(const Store& store, storage::Transaction& txn, std::string api_id, const Stage& stage) {
  if (!valid_stage_name(*stage.stage_name)) {
    co_await fail(bad_request("Stage name only allows a-zA-Z0-9_- or $default"));
  }
  if (stage.deployment_id && !stage.auto_deploy.value_or(false) &&
      !co_await store.find(txn, api_id, Part::kDeployment, *stage.deployment_id)) {
    co_await fail(no_such_part("Deployment"));
  }
}

/// Freezes what the API is now, as a deployment serves it.
Task<void> freeze(const Store& store, storage::Transaction& txn, std::string api_id, std::string deployment_id) {
  const std::vector<std::string> routes = co_await store.list(txn, api_id, Part::kRoute, "", kPartLimit);
  const std::vector<std::string> integrations = co_await store.list(txn, api_id, Part::kIntegration, "", kPartLimit);
  store.put_frozen(txn, api_id, deployment_id, frozen_document(routes, integrations));
}

}  // namespace

void ApiGateway::register_stages() {
  service_.on<api::CreateStage>([this](Call& c, const auto& in) { return create_stage(c, in); });
  service_.on<api::GetStage>([this](Call& c, const auto& in) { return get_stage(c, in); });
  service_.on<api::GetStages>([this](Call& c, const auto& in) { return get_stages(c, in); });
  service_.on<api::UpdateStage>([this](Call& c, const auto& in) { return update_stage(c, in); });
  service_.on<api::DeleteStage>([this](Call& c, const auto& in) { return delete_stage(c, in); });
  service_.on<api::CreateDeployment>([this](Call& c, const auto& in) { return create_deployment(c, in); });
  service_.on<api::GetDeployment>([this](Call& c, const auto& in) { return get_deployment(c, in); });
  service_.on<api::GetDeployments>([this](Call& c, const auto& in) { return get_deployments(c, in); });
  service_.on<api::DeleteDeployment>([this](Call& c, const auto& in) { return delete_deployment(c, in); });
}

Task<api::CreateStageResponse> ApiGateway::create_stage(Call& call, const api::CreateStageRequest& input) {
  const Store store(call.account(), call.region);
  Stage stage = co_await read_output<api::GetStage>(input_document<api::CreateStage>(input));
  stage.created_date = call.time;
  stage.last_updated_date = call.time;
  if (!stage.auto_deploy) stage.auto_deploy = false;
  const auto create = [&](storage::Transaction& txn) -> Task<std::string> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_await check_stage(store, txn, input.api_id, stage);
    if (co_await store.find(txn, input.api_id, Part::kStage, *stage.stage_name)) {
      co_return Error(api::errors::kConflictException, "Stage already exists");
    }
    store.put(txn, input.api_id, Part::kStage, *stage.stage_name, output_document<api::GetStage>(stage));
    co_await auto_deploy(store, txn, input.api_id, call.time);
    co_return co_await require_part(store, txn, input.api_id, Part::kStage, *stage.stage_name, "Stage");
  };
  const std::string document = co_await storage::transact(database_, create);
  co_return co_await read_output<api::CreateStage>(document);
}

Task<Stage> ApiGateway::get_stage(Call& call, const api::GetStageRequest& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) -> Task<std::string> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_return co_await require_part(store, txn, input.api_id, Part::kStage, input.stage_name, "stage");
  };
  const std::string document = co_await storage::transact(database_, read);
  co_return co_await read_output<api::GetStage>(document);
}

Task<api::GetStagesResponse> ApiGateway::get_stages(Call& call, const api::GetStagesRequest& input) {
  const Store store(call.account(), call.region);
  const std::size_t limit = co_await page_size(input.max_results);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_return co_await store.list(txn, input.api_id, Part::kStage, input.next_token.value_or(""), limit + 1);
  };
  std::vector<std::string> documents = co_await storage::transact(database_, read);
  const bool more = documents.size() > limit;
  if (more) documents.pop_back();
  api::GetStagesResponse output = co_await read_items<api::GetStages>(documents);
  if (more) output.next_token = output.items->back().stage_name;
  co_return output;
}

Task<api::UpdateStageResponse> ApiGateway::update_stage(Call& call, const api::UpdateStageRequest& input) {
  const Store store(call.account(), call.region);
  const auto update = [&](storage::Transaction& txn) -> Task<std::string> {
    co_await require_api(store, txn, call.account(), input.api_id);
    const std::string before = co_await require_part(store, txn, input.api_id, Part::kStage, input.stage_name, "stage");
    Stage stage = co_await read_output<api::GetStage>(before);
    stage = co_await read_output<api::GetStage>(input_document<api::UpdateStage>(input), std::move(stage));
    stage.last_updated_date = call.time;
    co_await check_stage(store, txn, input.api_id, stage);
    store.put(txn, input.api_id, Part::kStage, *stage.stage_name, output_document<api::GetStage>(stage));
    co_await auto_deploy(store, txn, input.api_id, call.time);
    co_return co_await require_part(store, txn, input.api_id, Part::kStage, input.stage_name, "stage");
  };
  const std::string document = co_await storage::transact(database_, update);
  co_return co_await read_output<api::UpdateStage>(document);
}

Task<api::DeleteStageOutput> ApiGateway::delete_stage(Call& call, const api::DeleteStageRequest& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_await require_part(store, txn, input.api_id, Part::kStage, input.stage_name, "stage");
    store.erase(txn, input.api_id, Part::kStage, input.stage_name);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteStageOutput();
}

Task<api::CreateDeploymentResponse> ApiGateway::create_deployment(Call& call,
                                                                  const api::CreateDeploymentRequest& input) {
  const Store store(call.account(), call.region);
  Deployment deployment;
  deployment.auto_deployed = false;
  deployment.created_date = call.time;
  deployment.deployment_id = random_id(6);
  deployment.deployment_status = "DEPLOYED";
  deployment.description = input.description;
  const std::string document = output_document<api::GetDeployment>(deployment);
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_api(store, txn, call.account(), input.api_id);
    const std::vector<std::string> routes = co_await store.list(txn, input.api_id, Part::kRoute, "", 1);
    if (routes.empty()) co_await fail(bad_request("At least one route is required before deploying the Api."));
    store.put(txn, input.api_id, Part::kDeployment, *deployment.deployment_id, document);
    co_await freeze(store, txn, input.api_id, *deployment.deployment_id);
    if (!input.stage_name) co_return;
    const std::string before =
        co_await require_part(store, txn, input.api_id, Part::kStage, *input.stage_name, "stage");
    Stage stage = co_await read_output<api::GetStage>(before);
    if (stage.auto_deploy.value_or(false)) {
      co_await fail(bad_request("Deployment to a stage with autoDeploy enabled is not allowed"));
    }
    stage.deployment_id = deployment.deployment_id;
    stage.last_updated_date = call.time;
    store.put(txn, input.api_id, Part::kStage, *stage.stage_name, output_document<api::GetStage>(stage));
  };
  co_await storage::transact(database_, create);
  co_return co_await read_output<api::CreateDeployment>(document);
}

Task<Deployment> ApiGateway::get_deployment(Call& call, const api::GetDeploymentRequest& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](storage::Transaction& txn) -> Task<std::string> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_return co_await require_part(store, txn, input.api_id, Part::kDeployment, input.deployment_id, "Deployment");
  };
  const std::string document = co_await storage::transact(database_, read);
  co_return co_await read_output<api::GetDeployment>(document);
}

Task<api::GetDeploymentsResponse> ApiGateway::get_deployments(Call& call, const api::GetDeploymentsRequest& input) {
  const Store store(call.account(), call.region);
  const std::size_t limit = co_await page_size(input.max_results);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<std::string>> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_return co_await store.list(txn, input.api_id, Part::kDeployment, input.next_token.value_or(""), limit + 1);
  };
  std::vector<std::string> documents = co_await storage::transact(database_, read);
  const bool more = documents.size() > limit;
  if (more) documents.pop_back();
  api::GetDeploymentsResponse output = co_await read_items<api::GetDeployments>(documents);
  if (more) output.next_token = output.items->back().deployment_id;
  co_return output;
}

Task<api::DeleteDeploymentOutput> ApiGateway::delete_deployment(Call& call, const api::DeleteDeploymentRequest& input) {
  const Store store(call.account(), call.region);
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_api(store, txn, call.account(), input.api_id);
    co_await require_part(store, txn, input.api_id, Part::kDeployment, input.deployment_id, "Deployment");
    const std::vector<std::string> stages = co_await store.list(txn, input.api_id, Part::kStage, "", kPartLimit);
    for (const std::string& document : stages) {
      const Stage stage = co_await read_output<api::GetStage>(document);
      if (stage.deployment_id != input.deployment_id) continue;
      co_await fail(bad_request("Active stages pointing to this deployment must be moved or deleted"));
    }
    store.erase(txn, input.api_id, Part::kDeployment, input.deployment_id);
    store.erase_frozen(txn, input.api_id, input.deployment_id);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteDeploymentOutput();
}

}  // namespace cumulet::apigateway
