#include "services/cloudformation/sam_events.h"
#include "services/cloudformation/sam_values.h"

namespace cumulet::cloudformation {

/// A subscription filter of a log group, and the permission to invoke the function.
Result<SamEventParts> sam_cloudwatch_logs_event(const SamEvent& event) {
  const Value* group = event.properties.find("LogGroupName");
  const Value* pattern = event.properties.find("FilterPattern");
  if (group == nullptr || pattern == nullptr) {
    return invalid_resource(
        event.function, "Event with id [" + event.name + "] is invalid. LogGroupName and FilterPattern are required.");
  }
  const Value source = Value::object(
      {{"Fn::Sub", Value::list({Value::string("arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:"
                                              "${__LogGroupName__}:*"),
                                Value::object({{"__LogGroupName__", *group}})})}});
  SamEventParts parts;
  parts.resources.emplace_back(event.stem() + "Permission",
                               invoke_permission(event.target, "logs.amazonaws.com", &source));
  Value filter = resource(
      "AWS::Logs::SubscriptionFilter",
      Value::object({{"LogGroupName", *group}, {"FilterPattern", *pattern}, {"DestinationArn", event.target}}));
  filter.set("DependsOn", text_list({event.stem() + "Permission"}));
  parts.resources.emplace_back(event.stem(), std::move(filter));
  return parts;
}

}  // namespace cumulet::cloudformation
