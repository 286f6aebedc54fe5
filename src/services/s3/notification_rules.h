#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "services/s3/model.h"
#include "wire/generated/s3.h"

/// What a bucket's notification configuration may say, and which objects it speaks of.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html
namespace cumulet::s3 {

/// One destination of a configuration, whatever its kind. Points into the configuration.
struct NotificationRule {
  NotificationRule(const std::string& i, const std::string& a, const std::vector<std::string>& e)
      : id(i), arn(a), events(e) {}
  /// `event` is such as "s3:ObjectCreated:Put".
  bool matches(std::string_view event, std::string_view key) const;

  const std::string& id;
  const std::string& arn;
  const std::vector<std::string>& events;
  std::string prefix;
  std::string suffix;
};

/// All destinations but EventBridge, functions first. Ids must have been given.
std::vector<NotificationRule> rules_of(const wire::s3::NotificationConfiguration& configuration);

/// Gives an id to each destination that has none.
void give_ids(wire::s3::NotificationConfiguration& configuration);

/// Fails with InvalidArgument or MalformedXML. Whether the destinations are there is another question.
Result<void> check_notifications(const Bucket& bucket, const wire::s3::NotificationConfiguration& configuration);

}  // namespace cumulet::s3
