#pragma once

#include "services/sns/model.h"

namespace cumulet::sns {

/// Whether a protocol takes such an endpoint, and a topic such a protocol. Fails with InvalidParameter.
Result<void> check_endpoint(const Topic& topic, const std::string& protocol, const std::string& endpoint);
/// Email and HTTP endpoints are asked first; all others belong to the account.
bool needs_confirmation(const std::string& protocol);

}  // namespace cumulet::sns
