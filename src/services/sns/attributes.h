#pragma once

#include <map>
#include <string>

#include "services/sns/model.h"

/// What attributes topics and subscriptions may have, and with which values.
namespace cumulet::sns {

/// Fails with InvalidParameter. `creating`: those that can only be given to CreateTopic are allowed too.
Result<void> check_topic_attribute(const Topic& topic, const std::string& name, const std::string& value,
                                   bool creating);

/// Fails with InvalidParameter. `all` are the subscription's attributes with this one among them.
Result<void> check_subscription_attribute(const Topic& topic, const Subscription& subscription, const std::string& name,
                                          const std::string& value);

/// Start and end of a ReplayPolicy, in milliseconds; the end is 0 when there is none.
struct ReplaySpan {
  std::int64_t from = 0;
  std::int64_t to = 0;
};
Result<ReplaySpan> replay_span(const std::string& policy);

}  // namespace cumulet::sns
