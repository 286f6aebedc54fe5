#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/deferred.h"
#include "events/function_invoker.h"
#include "events/metric_sink.h"
#include "net/client.h"
#include "services/apigateway/model.h"
#include "services/apigateway/route_table.h"
#include "services/apigateway/store.h"
#include "storage/database.h"
#include "wire/service.h"
#include "wire/surface.h"

namespace cumulet::apigateway {

struct LiveStage;

/// API Gateway's HTTP APIs (version 2): the operations that make an API, and the surface at which it is invoked:
///   http://API.execute-api.REGION.localhost:PORT/…    virtual-host form (any base domain of ours)
///   /_aws/execute-api/API/STAGE/…                     path form
/// https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/
class ApiGateway final : public wire::Surface {
 public:
  ApiGateway(storage::Database& database, const Clock& clock, events::FunctionInvoker& functions, net::Client& client);
  ~ApiGateway() override;

  /// Where requests are counted. Before the first one.
  void use_metrics(events::MetricSink& metrics) { metrics_ = &metrics; }

  const wire::Service& service() const { return service_; }

  bool owns(const net::Request& request) const override;
  Task<net::Response> answer(net::Request& request, std::string request_id) override;

 private:
  using Call = wire::Call;

  // operations_apis.cc
  void register_apis();
  Task<wire::apigatewayv2::CreateApiResponse> create_api(Call& call, const wire::apigatewayv2::CreateApiRequest& input);
  Task<Api> get_api(Call& call, const wire::apigatewayv2::GetApiRequest& input);
  Task<wire::apigatewayv2::GetApisResponse> get_apis(Call& call, const wire::apigatewayv2::GetApisRequest& input);
  Task<wire::apigatewayv2::UpdateApiResponse> update_api(Call& call, const wire::apigatewayv2::UpdateApiRequest& input);
  Task<wire::apigatewayv2::DeleteApiOutput> delete_api(Call& call, const wire::apigatewayv2::DeleteApiRequest& input);
  Task<wire::apigatewayv2::DeleteCorsConfigurationOutput> delete_cors_configuration(
      Call& call, const wire::apigatewayv2::DeleteCorsConfigurationRequest& input);
  Task<wire::apigatewayv2::TagResourceResponse> tag_resource(Call& call,
                                                             const wire::apigatewayv2::TagResourceRequest& input);
  Task<wire::apigatewayv2::UntagResourceOutput> untag_resource(Call& call,
                                                               const wire::apigatewayv2::UntagResourceRequest& input);
  Task<wire::apigatewayv2::GetTagsResponse> get_tags(Call& call, const wire::apigatewayv2::GetTagsRequest& input);

  // operations_routes.cc
  void register_routes();
  Task<wire::apigatewayv2::CreateRouteResult> create_route(Call& call,
                                                           const wire::apigatewayv2::CreateRouteRequest& input);
  Task<Route> get_route(Call& call, const wire::apigatewayv2::GetRouteRequest& input);
  Task<wire::apigatewayv2::GetRoutesResponse> get_routes(Call& call, const wire::apigatewayv2::GetRoutesRequest& input);
  Task<wire::apigatewayv2::UpdateRouteResult> update_route(Call& call,
                                                           const wire::apigatewayv2::UpdateRouteRequest& input);
  Task<wire::apigatewayv2::DeleteRouteOutput> delete_route(Call& call,
                                                           const wire::apigatewayv2::DeleteRouteRequest& input);

  // operations_integrations.cc
  void register_integrations();
  Task<wire::apigatewayv2::CreateIntegrationResult> create_integration(
      Call& call, const wire::apigatewayv2::CreateIntegrationRequest& input);
  Task<Integration> get_integration(Call& call, const wire::apigatewayv2::GetIntegrationRequest& input);
  Task<wire::apigatewayv2::GetIntegrationsResponse> get_integrations(
      Call& call, const wire::apigatewayv2::GetIntegrationsRequest& input);
  Task<wire::apigatewayv2::UpdateIntegrationResult> update_integration(
      Call& call, const wire::apigatewayv2::UpdateIntegrationRequest& input);
  Task<wire::apigatewayv2::DeleteIntegrationOutput> delete_integration(
      Call& call, const wire::apigatewayv2::DeleteIntegrationRequest& input);

  // operations_stages.cc
  void register_stages();
  Task<wire::apigatewayv2::CreateStageResponse> create_stage(Call& call,
                                                             const wire::apigatewayv2::CreateStageRequest& input);
  Task<Stage> get_stage(Call& call, const wire::apigatewayv2::GetStageRequest& input);
  Task<wire::apigatewayv2::GetStagesResponse> get_stages(Call& call, const wire::apigatewayv2::GetStagesRequest& input);
  Task<wire::apigatewayv2::UpdateStageResponse> update_stage(Call& call,
                                                             const wire::apigatewayv2::UpdateStageRequest& input);
  Task<wire::apigatewayv2::DeleteStageOutput> delete_stage(Call& call,
                                                           const wire::apigatewayv2::DeleteStageRequest& input);
  Task<wire::apigatewayv2::CreateDeploymentResponse> create_deployment(
      Call& call, const wire::apigatewayv2::CreateDeploymentRequest& input);
  Task<Deployment> get_deployment(Call& call, const wire::apigatewayv2::GetDeploymentRequest& input);
  Task<wire::apigatewayv2::GetDeploymentsResponse> get_deployments(
      Call& call, const wire::apigatewayv2::GetDeploymentsRequest& input);
  Task<wire::apigatewayv2::DeleteDeploymentOutput> delete_deployment(
      Call& call, const wire::apigatewayv2::DeleteDeploymentRequest& input);

  // invoke.cc: what a stage serves right now, compiled, until something of any API changes.
  Task<std::shared_ptr<const LiveStage>> live_stage(std::string api_id, std::string stage);
  Task<std::shared_ptr<const LiveStage>> load_stage(storage::Transaction& txn, std::string api_id, std::string stage);
  Task<net::Response> serve(const LiveStage& live, net::Request& request, std::string path, std::string request_id);
  Task<net::Response> integrate(const LiveStage& live, const RouteTable::Match& match, net::Request& request,
                                std::string path, std::string request_id);
  Task<events::FunctionReply> call_function(std::string function, std::string event, std::string source,
                                            std::chrono::milliseconds limit);

  storage::Database& database_;
  const Clock& clock_;
  events::FunctionInvoker& functions_;
  net::Client& client_;
  events::MetricSink* metrics_ = nullptr;
  wire::Service service_;

  std::mutex mutex_;
  std::atomic<std::uint64_t> changes_{0};
  std::uint64_t cached_at_ = 0;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const LiveStage>> live_;
};

}  // namespace cumulet::apigateway
