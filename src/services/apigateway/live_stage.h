#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "services/apigateway/api_metrics.h"
#include "services/apigateway/model.h"
#include "services/apigateway/route_table.h"

namespace cumulet::apigateway {

/// What a stage serves: its API, its settings, and the routes of its deployment ready to be matched. Immutable.
struct LiveStage {
  ApiAddress address;
  Api api;
  Stage stage;
  std::vector<Route> routes;
  std::vector<Integration> integrations;
  RouteTable table;
  std::shared_ptr<const ApiMetrics> metrics;  ///< Null: nothing is reported.

  /// The integration of a route; null when it has none.
  const Integration* integration_of(const Route& route) const;
};

/// {"routes":[…],"integrations":[…]}: what a deployment freezes.
std::string frozen_document(const std::vector<std::string>& routes, const std::vector<std::string>& integrations);

/// Fills the routes, integrations and the table of a stage from a frozen document.
Result<void> read_frozen(const std::string& document, LiveStage& stage);

}  // namespace cumulet::apigateway
