#pragma once

#include <string>

#include "wire/generated/apigatewayv2.h"

namespace cumulet::apigateway {

// The answers of the Get operations are the domain's types: what is stored is what is shown.
using Api = wire::apigatewayv2::GetApiResponse;
using Route = wire::apigatewayv2::GetRouteResult;
using Integration = wire::apigatewayv2::GetIntegrationResult;
using Stage = wire::apigatewayv2::GetStageResponse;
using Deployment = wire::apigatewayv2::GetDeploymentResponse;

/// Where an API lives.
struct ApiAddress {
  ApiAddress() = default;
  ApiAddress(std::string a, std::string r, std::string i)
      : account(std::move(a)), region(std::move(r)), api_id(std::move(i)) {}
  std::string account;
  std::string region;
  std::string api_id;
};

}  // namespace cumulet::apigateway
