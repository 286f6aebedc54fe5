#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cumulet::cloudwatch {

/// The rule of a composite alarm: ALARM("a") AND (OK(b) OR NOT INSUFFICIENT_DATA("arn:…")) with TRUE and FALSE.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
class AlarmRule {
 public:
  struct Node;

  /// Fails with ValidationError.
  static Result<AlarmRule> parse(std::string_view text);

  /// The names of the alarms in the rule; of one given as ARN its name.
  const std::vector<std::string>& alarms() const { return alarms_; }
  /// `state_of` gives a named alarm's state.
  bool holds(const std::function<std::string(const std::string& name)>& state_of) const;

 private:
  std::shared_ptr<const Node> root_;
  std::vector<std::string> alarms_;
};

}  // namespace cumulet::cloudwatch
