#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/generated/events.h"

/// What a target gets of an event.
/// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
namespace cumulet::eventbridge {

/// What the variables of a template may speak of besides the event.
struct RuleContext {
  std::string rule_arn;
  std::string rule_name;
  std::string ingestion_time;
};

/// Fails with ValidationException where Input, InputPath or InputTransformer are not what they should be.
Result<void> check_input(const wire::events::Target& target);

/// `envelope` is the event's compact JSON.
std::string input_for(const wire::events::Target& target, const std::string& envelope, const RuleContext& context);

/// A template with its <variables> replaced: outside of quotation marks by JSON values, inside of them by text.
std::string fill_template(std::string_view text, const std::map<std::string, std::string>& values);

}  // namespace cumulet::eventbridge
