#pragma once

#include <string>

#include "events/outbox.h"
#include "services/cloudformation/stack.h"

namespace cumulet::cloudformation {

/// "CloudFormation Stack Status Change" or "CloudFormation Resource Status Change", for the default event bus.
/// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/eventbridge-events.html
events::Event status_change(const std::string& account, const std::string& region, const std::string& stack_id,
                            const StackEvent& event);

}  // namespace cumulet::cloudformation
