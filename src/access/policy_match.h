#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "access/policy.h"

/// The parts of policy evaluation that match texts.
namespace cumulet::access {

using Context = std::map<std::string, std::vector<std::string>>;

/// '*' is any run of characters, '?' is one. Policy variables (${aws:username}, ${*} …) are filled in from the context
/// first, when there is one; one that has no value makes the pattern match nothing.
bool matches_pattern(std::string_view pattern, std::string_view text, const Context* context, bool fold_case = false);

/// A resource pattern against an ARN: wildcards do not run over the colons of the first five parts.
bool matches_arn(std::string_view pattern, std::string_view arn, const Context* context);

/// Whether all of a statement's conditions hold. `understood` is cleared when one of them is unknown.
bool conditions_hold(const std::vector<Condition>& conditions, const Context& context, bool& understood);

/// Whether an operator of that name exists, with its ForAnyValue:/ForAllValues: prefix and IfExists suffix.
bool is_condition_operator(std::string_view operation);

}  // namespace cumulet::access
