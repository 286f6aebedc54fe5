#include "services/apigateway/rules.h"

#include "base/ids.h"
#include "base/text.h"
#include "services/apigateway/documents.h"

namespace cumulet::apigateway {
namespace api = wire::apigatewayv2;

Error bad_request(std::string message) { return Error(api::errors::kBadRequestException, std::move(message)); }

Error no_such_api(const std::string& account, const std::string& api_id) {
  return Error(api::errors::kNotFoundException, "Invalid API identifier specified " + account + ":" + api_id);
}

Error no_such_part(std::string_view part) {
  return Error(api::errors::kNotFoundException, "Invalid " + std::string(part) + " identifier specified");
}

Task<std::string> require_api(const Store& store, storage::Transaction& txn, std::string account, std::string api_id) {
  std::optional<std::string> document = co_await store.find_api(txn, api_id);
  if (!document) co_return no_such_api(account, api_id);
  co_return std::move(*document);
}

Task<std::string> require_part(const Store& store, storage::Transaction& txn, std::string api_id, Part part,
                               std::string id, std::string_view what) {
  std::optional<std::string> document = co_await store.find(txn, std::move(api_id), part, std::move(id));
  if (!document) co_return no_such_part(what);
  co_return std::move(*document);
}

Result<std::size_t> page_size(const std::optional<std::string>& max_results) {
  if (!max_results) return kPartLimit;
  const std::optional<std::int64_t> number = parse_int(*max_results);
  if (!number || *number < 1 || *number > 500) return bad_request("Invalid maxResults: " + *max_results);
  return static_cast<std::size_t>(*number);
}

Task<void> auto_deploy(const Store& store, storage::Transaction& txn, std::string api_id, Timestamp now) {
  const std::vector<std::string> stages = co_await store.list(txn, api_id, Part::kStage, "", kPartLimit);
  for (const std::string& document : stages) {
    Stage stage = co_await read_output<api::GetStage>(document);
    if (!stage.auto_deploy.value_or(false)) continue;
    if (stage.deployment_id) store.erase(txn, api_id, Part::kDeployment, *stage.deployment_id);
    Deployment deployment;
    deployment.auto_deployed = true;
    deployment.created_date = now;
    deployment.deployment_id = random_id(6);
    deployment.deployment_status = "DEPLOYED";
    deployment.description = "Automatic deployment triggered by changes to the Api configuration";
    store.put(txn, api_id, Part::kDeployment, *deployment.deployment_id,
              output_document<api::GetDeployment>(deployment));
    stage.deployment_id = deployment.deployment_id;
    stage.last_updated_date = now;
    stage.last_deployment_status_message =
        "Successfully deployed stage with deployment ID '" + *deployment.deployment_id + "'";
    store.put(txn, api_id, Part::kStage, *stage.stage_name, output_document<api::GetStage>(stage));
  }
}

}  // namespace cumulet::apigateway
