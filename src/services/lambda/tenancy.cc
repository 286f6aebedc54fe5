#include "services/lambda/tenancy.h"

#include "services/lambda/lambda.h"

namespace cumulet::lambda {

namespace api = wire::lambda;

bool isolates_tenants(const api::FunctionConfiguration& configuration) {
  return configuration.tenancy_config.has_value();
}

Result<void> check_tenant(const compute::FunctionVersion& version, const std::string& tenant) {
  if (version.tenant_isolated == !tenant.empty()) return {};
  return user_error(api::errors::kInvalidParameterValueException,
                    version.tenant_isolated
                        ? "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your "
                          "request and try again."
                        : "The invoked function is not enabled with tenancy configuration. Remove the tenant ID from "
                          "your request and try again.");
}

Result<void> not_with_tenants(const api::FunctionConfiguration& configuration, const std::string& what) {
  if (!isolates_tenants(configuration)) return {};
  return user_error(api::errors::kInvalidParameterValueException,
                    what + " can't be used with functions that are enabled with tenancy configuration.");
}

}  // namespace cumulet::lambda
