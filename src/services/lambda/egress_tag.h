#pragma once

#include <map>
#include <string>

#include "base/result.h"

/// Whether a function may reach the internet: what the operator says, and the function's tag `cumulet:egress`.
namespace cumulet::lambda {

enum class EgressRule {
  kNever,     ///< No function may, whatever its tag says.
  kNone,      ///< Those with the tag `internet` may.
  kInternet,  ///< All may but those with the tag `none`.
};

inline constexpr const char* kEgressTag = "cumulet:egress";

bool has_egress(EgressRule rule, const std::map<std::string, std::string>& tags);
/// Fails with InvalidParameterValueException when the tag asks for what there is not.
Result<void> check_egress_tag(EgressRule rule, const std::map<std::string, std::string>& tags);

}  // namespace cumulet::lambda
