#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/loop.h"
#include "base/result.h"

namespace cumulet::sns {

/// How often and after which pauses a delivery is tried again, in four phases: at once, then with the shortest pause,
/// then with growing ones, then with the longest.
/// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
struct DeliveryPolicy {
  std::int64_t min_delay = 20;  ///< Seconds.
  std::int64_t max_delay = 20;
  std::int64_t retries = 3;  ///< All but those of the last phase.
  std::int64_t immediate = 0;
  std::int64_t before_backoff = 0;
  std::int64_t after_backoff = 0;
  std::string function = "linear";
  std::optional<std::int64_t> receives_per_second;
  std::string content_type;  ///< Empty: text/plain; charset=UTF-8.

  /// The pause before the retry of that number, from 0; nothing when there are no more.
  std::optional<milliseconds> pause(std::uint32_t retry) const;

  /// Queues and functions: 100,015 retries over 23 days.
  static DeliveryPolicy of_aws_endpoints();
  /// SMTP, SMS and mobile push: 50 retries over 6 hours.
  static DeliveryPolicy of_other_endpoints();
};

/// The policy of an HTTP subscription: its own, or its topic's, or the default. Both are JSON or empty; what does not
/// parse counts as empty.
DeliveryPolicy http_policy(const std::string& topic_json, const std::string& subscription_json);
/// Fails with InvalidParameter. `of_topic`: with the member "http" around it.
Result<void> check_delivery_policy(const std::string& json, bool of_topic);
/// As GetTopicAttributes and GetSubscriptionAttributes show it.
std::string effective_policy_document(const DeliveryPolicy& policy, bool of_topic);

}  // namespace cumulet::sns
