#include "services/apigateway/live_stage.h"

#include <simdjson.h>

#include "services/apigateway/documents.h"

namespace cumulet::apigateway {
namespace api = wire::apigatewayv2;

namespace {

std::string array_of(const std::vector<std::string>& documents) {
  std::string text = "[";
  for (const std::string& document : documents) {
    if (text.size() > 1) text += ',';
    text += document;
  }
  return text + "]";
}

template <typename Operation>
Result<void> read_array(simdjson::dom::element document, const char* name,
                        std::vector<typename Operation::Output>& into) {
  simdjson::dom::array array;
  if (document[name].get(array)) return Error(errors::kInternalFailure, "a frozen deployment is damaged");
  for (const simdjson::dom::element element : array) {
    Result<typename Operation::Output> read = read_output<Operation>(simdjson::minify(element));
    if (!read.ok()) return std::move(read).error();
    into.push_back(std::move(*read));
  }
  return {};
}

}  // namespace

const Integration* LiveStage::integration_of(const Route& route) const {
  constexpr std::string_view kPrefix = "integrations/";
  if (!route.target || !route.target->starts_with(kPrefix)) return nullptr;
  const std::string_view id = std::string_view(*route.target).substr(kPrefix.size());
  for (const Integration& integration : integrations) {
    if (integration.integration_id == id) return &integration;
  }
  return nullptr;
}

std::string frozen_document(const std::vector<std::string>& routes, const std::vector<std::string>& integrations) {
  return "{\"routes\":" + array_of(routes) + ",\"integrations\":" + array_of(integrations) + "}";
}

Result<void> read_frozen(const std::string& document, LiveStage& stage) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(document).get(root)) return Error(errors::kInternalFailure, "a frozen deployment is damaged");
  Result<void> read = read_array<api::GetRoute>(root, "routes", stage.routes);
  if (read.ok()) read = read_array<api::GetIntegration>(root, "integrations", stage.integrations);
  for (std::size_t i = 0; read.ok() && i < stage.routes.size(); ++i) {
    const Result<RouteKey> key = RouteKey::parse(stage.routes[i].route_key.value_or(""));
    if (!key.ok()) return key.error();
    stage.table.add(*key, i);
  }
  return read;
}

}  // namespace cumulet::apigateway
