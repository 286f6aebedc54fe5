#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "services/cloudformation/value.h"

namespace cumulet::cloudformation {

/// What a function's role must allow beside its Policies: for its events, dead letters and destinations.
struct SamGrants {
  std::vector<std::string> managed;  ///< ARNs of managed policies.
  std::vector<Value> statements;

  void add(const SamGrants& other) {
    managed.insert(managed.end(), other.managed.begin(), other.managed.end());
    statements.insert(statements.end(), other.statements.begin(), other.statements.end());
  }
};

/// The role that SAM makes for a function: trust in Lambda, basic execution, and what `policies` adds (names and
/// ARNs of managed policies, policy documents, statements, and SAM's policy templates), and `grants`.
Result<Value> sam_role(const std::string& function_id, const Value* policies, const Value* boundary,
                       const SamGrants& grants);

}  // namespace cumulet::cloudformation
