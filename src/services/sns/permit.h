#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/sns/model.h"
#include "wire/call.h"

namespace cumulet::sns {

/// Whether the caller may do this to a topic: everything in its own account; in another one what the topic's policy
/// says. Fails with AuthorizationError.
Result<void> permit(const wire::Call& call, const TopicName& name, const Topic& topic, std::string_view action);

/// The policy of a topic that was given none: its account may do everything.
std::string default_policy(const TopicName& name);
/// With one statement more, or without one. Fail with InvalidParameter.
Result<std::string> with_statement(const std::string& policy, const TopicName& name, const std::string& label,
                                   const std::vector<std::string>& accounts, const std::vector<std::string>& actions);
Result<std::string> without_statement(const std::string& policy, const std::string& label);

}  // namespace cumulet::sns
