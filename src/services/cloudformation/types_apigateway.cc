#include "services/cloudformation/bind.h"
#include "services/cloudformation/resource_type.h"
#include "services/cloudformation/template.h"
#include "wire/generated/apigatewayv2.h"

namespace cumulet::cloudformation {
namespace {

namespace api = wire::apigatewayv2;
constexpr std::string_view kService = "apigatewayv2";

template <typename Operation>
Task<void> call_removal(ResourceContext& context, typename Operation::Input input) {
  co_await context.directory.call<Operation>(kService, context.call, std::move(input));
}

/// AWS::ApiGatewayV2::Api
class ApiType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"ProtocolType"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    for (const char* name : {"Body", "BodyS3Location"}) {
      if (properties.find(name) == nullptr) continue;
      co_return validation_error(std::string("AWS::ApiGatewayV2::Api: ") + name +
                                 " (OpenAPI import) is not supported by this server");
    }
    api::CreateApiRequest input = co_await input_from<api::CreateApi>(properties);
    if (input.name.empty()) input.name = context.generated_name;
    const api::CreateApiResponse made =
        co_await context.directory.call<api::CreateApi>(kService, context.call, std::move(input));
    co_return named(made.api_id, made.api_endpoint);
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    if (after.find("CorsConfiguration") == nullptr) {
      api::DeleteCorsConfigurationRequest none;
      none.api_id = id;
      co_await context.directory.call<api::DeleteCorsConfiguration>(kService, context.call, std::move(none));
    }
    api::UpdateApiRequest input = co_await input_from<api::UpdateApi>(after);
    input.api_id = id;
    const api::UpdateApiResponse made =
        co_await context.directory.call<api::UpdateApi>(kService, context.call, std::move(input));
    co_return named(made.api_id, made.api_endpoint);
  }
  Task<void> remove(ResourceContext& context, std::string id, const Value&) override {
    api::DeleteApiRequest input;
    input.api_id = std::move(id);
    co_await gone_is_fine(call_removal<api::DeleteApi>(context, std::move(input)));
  }

 private:
  static Made named(const std::optional<std::string>& id, const std::optional<std::string>& endpoint) {
    Made result(id.value_or(""));
    result.attributes.set("ApiId", Value::string(result.physical_id));
    result.attributes.set("ApiEndpoint", Value::string(endpoint.value_or("")));
    return result;
  }
};

/// Routes, integrations, stages and deployments: all belong to an API and are changed in place.
template <typename Create, typename Update, typename Delete>
class PartType final : public ResourceType {
 public:
  using IdOf = std::string (*)(const typename Create::Output&);
  using SetId = void (*)(typename Update::Input&, typename Delete::Input&, const std::string&);

  PartType(std::set<std::string> replaced_by, std::string attribute, IdOf id_of, SetId set_id)
      : replaced_by_(std::move(replaced_by)), attribute_(std::move(attribute)), id_of_(id_of), set_id_(set_id) {}

  const std::set<std::string>& replaced_by() const override { return replaced_by_; }

  Task<Made> create(ResourceContext& context, const Value& properties) override {
    typename Create::Input input = co_await input_from<Create>(properties);
    const typename Create::Output made =
        co_await context.directory.call<Create>(kService, context.call, std::move(input));
    co_return named(id_of_(made));
  }
  Task<Made> update(ResourceContext& context, std::string id, const Value&, const Value& after) override {
    typename Update::Input input = co_await input_from<Update>(after);
    typename Delete::Input unused;
    set_id_(input, unused, id);
    co_await context.directory.call<Update>(kService, context.call, std::move(input));
    co_return named(id);
  }
  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    typename Update::Input unused;
    typename Delete::Input input;
    input.api_id = properties.text_of("ApiId");
    set_id_(unused, input, id);
    co_await gone_is_fine(call_removal<Delete>(context, std::move(input)));
  }

 private:
  Made named(const std::string& id) const {
    Made result(id);
    if (!attribute_.empty()) result.attributes.set(attribute_, Value::string(id));
    return result;
  }

  std::set<std::string> replaced_by_;
  std::string attribute_;
  IdOf id_of_;
  SetId set_id_;
};

/// AWS::ApiGatewayV2::Deployment: a photograph; a change makes a new one.
class DeploymentType final : public ResourceType {
 public:
  const std::set<std::string>& replaced_by() const override {
    static const std::set<std::string> kNames{"ApiId", "StageName", "Description"};
    return kNames;
  }
  Task<Made> create(ResourceContext& context, const Value& properties) override {
    api::CreateDeploymentRequest input = co_await input_from<api::CreateDeployment>(properties);
    const api::CreateDeploymentResponse made =
        co_await context.directory.call<api::CreateDeployment>(kService, context.call, std::move(input));
    Made result(made.deployment_id.value_or(""));
    result.attributes.set("DeploymentId", Value::string(result.physical_id));
    co_return result;
  }
  Task<Made> update(ResourceContext&, std::string id, const Value&, const Value&) override { co_return Made(id); }
  Task<void> remove(ResourceContext& context, std::string id, const Value& properties) override {
    api::DeleteDeploymentRequest input;
    input.api_id = properties.text_of("ApiId");
    input.deployment_id = std::move(id);
    co_await gone_is_fine(call_removal<api::DeleteDeployment>(context, std::move(input)));
  }
};

using RouteType = PartType<api::CreateRoute, api::UpdateRoute, api::DeleteRoute>;
using IntegrationType = PartType<api::CreateIntegration, api::UpdateIntegration, api::DeleteIntegration>;
using StageType = PartType<api::CreateStage, api::UpdateStage, api::DeleteStage>;

}  // namespace

void add_apigateway_types(ResourceTypes& types) {
  types.add("AWS::ApiGatewayV2::Api", std::make_unique<ApiType>());
  types.add("AWS::ApiGatewayV2::Deployment", std::make_unique<DeploymentType>());
  types.add("AWS::ApiGatewayV2::Route",
            std::make_unique<RouteType>(
                std::set<std::string>{"ApiId"}, "RouteId",
                [](const api::CreateRouteResult& made) { return made.route_id.value_or(""); },
                [](api::UpdateRouteRequest& update, api::DeleteRouteRequest& remove, const std::string& id) {
                  update.route_id = id;
                  remove.route_id = id;
                }));
  types.add(
      "AWS::ApiGatewayV2::Integration",
      std::make_unique<IntegrationType>(
          std::set<std::string>{"ApiId"}, "IntegrationId",
          [](const api::CreateIntegrationResult& made) { return made.integration_id.value_or(""); },
          [](api::UpdateIntegrationRequest& update, api::DeleteIntegrationRequest& remove, const std::string& id) {
            update.integration_id = id;
            remove.integration_id = id;
          }));
  types.add("AWS::ApiGatewayV2::Stage",
            std::make_unique<StageType>(
                std::set<std::string>{"ApiId", "StageName"}, "",
                [](const api::CreateStageResponse& made) { return made.stage_name.value_or(""); },
                [](api::UpdateStageRequest& update, api::DeleteStageRequest& remove, const std::string& id) {
                  update.stage_name = id;
                  remove.stage_name = id;
                }));
}

}  // namespace cumulet::cloudformation
