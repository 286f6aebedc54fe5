#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "compute/engine.h"
#include "services/lambda/store.h"

/// Functions that isolate their tenants: each invocation names one, and runs in an environment that only this tenant's
/// invocations have ever used. https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation.html
namespace cumulet::lambda {

/// Of an asynchronous invocation's event.
inline constexpr const char* kTenantAttribute = "@TenantId";

bool isolates_tenants(const wire::lambda::FunctionConfiguration& configuration);
/// An invocation names a tenant if and only if the function isolates them: else InvalidParameterValueException.
Result<void> check_tenant(const compute::FunctionVersion& version, const std::string& tenant);
/// Fails if the function isolates its tenants, which it then cannot have: `what` ("Function URLs", …).
Result<void> not_with_tenants(const wire::lambda::FunctionConfiguration& configuration, const std::string& what);

}  // namespace cumulet::lambda
