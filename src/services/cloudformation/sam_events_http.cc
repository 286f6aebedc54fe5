#include "base/text.h"
#include "services/cloudformation/sam_events.h"
#include "services/cloudformation/sam_values.h"

namespace cumulet::cloudformation {
namespace {

std::string route_key(const Value& properties) {
  if (properties.find("Path") == nullptr) return "$default";
  std::string method = to_upper(properties.text_of("Method"));
  if (method.empty() || method == "X-AMAZON-APIGATEWAY-ANY-METHOD" || method == "*") method = "ANY";
  return method + " " + properties.text_of("Path");
}

}  // namespace

/// A route of an HTTP API, its integration, and the permission to invoke the function.
Result<SamEventParts> sam_http_api_event(const SamEvent& event) {
  SamEventParts parts;
  if (event.properties.find("Auth") != nullptr) return unsupported(event.function, "Auth of an event");
  Value api = reference_to(kImplicitHttpApi);
  if (const Value* named = event.properties.find("ApiId")) {
    api = *named;
  } else {
    parts.implicit_http_api = true;
  }
  Value version = Value::string("2.0");
  if (const Value* wanted = event.properties.find("PayloadFormatVersion")) version = Value::string(wanted->text());
  Value integration = Value::object({{"ApiId", api},
                                     {"IntegrationType", Value::string("AWS_PROXY")},
                                     {"IntegrationUri", event.target},
                                     {"PayloadFormatVersion", std::move(version)}});
  copy_members(event.properties, {"TimeoutInMillis"}, integration);
  const std::string stem = event.stem();
  parts.resources.emplace_back(stem + "Integration",
                               resource("AWS::ApiGatewayV2::Integration", std::move(integration)));
  const Value path = Value::object(
      {{"Fn::Join", Value::list({Value::string("/"),
                                 Value::list({Value::string("integrations"), reference_to(stem + "Integration")})})}});
  parts.resources.emplace_back(
      stem + "Route",
      resource(
          "AWS::ApiGatewayV2::Route",
          Value::object({{"ApiId", api}, {"RouteKey", Value::string(route_key(event.properties))}, {"Target", path}})));
  const Value source = Value::object(
      {{"Fn::Sub",
        Value::list({Value::string("arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*"),
                     Value::object({{"Api", api}})})}});
  parts.resources.emplace_back(stem + "Permission",
                               invoke_permission(event.target, "apigateway.amazonaws.com", &source));
  return parts;
}

}  // namespace cumulet::cloudformation
