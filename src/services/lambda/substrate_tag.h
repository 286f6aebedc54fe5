#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

/// What a function's sandboxes are built by: its tag `cumulet:substrate` names one of those that the server offers.
namespace cumulet::lambda {

inline constexpr const char* kSubstrateTag = "cumulet:substrate";

/// Empty: the server's first one.
std::string substrate_of(const std::map<std::string, std::string>& tags);
/// Fails with InvalidParameterValueException when the tag names what is not offered.
Result<void> check_substrate_tag(const std::vector<std::string>& offered,
                                 const std::map<std::string, std::string>& tags);

}  // namespace cumulet::lambda
