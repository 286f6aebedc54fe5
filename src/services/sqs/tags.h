#pragma once

#include <map>
#include <string>

#include "base/result.h"

namespace cumulet::sqs {

/// At most 50 tags; keys of 1 to 128 characters, values of up to 256. Fails with InvalidParameterValue.
Result<void> check_tags(const std::map<std::string, std::string>& tags);

}  // namespace cumulet::sqs
