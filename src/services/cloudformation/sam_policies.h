#pragma once

#include <string>

#include "base/result.h"
#include "services/cloudformation/value.h"

namespace cumulet::cloudformation {

/// The role that SAM makes for a function: trust in Lambda, basic execution, and what `policies` adds: names and ARNs
/// of managed policies, policy documents, statements, and SAM's policy templates.
Result<Value> sam_role(const std::string& function_id, const Value* policies, const Value* boundary);

}  // namespace cumulet::cloudformation
