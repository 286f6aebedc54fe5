#include "services/cloudformation/sam_events.h"
#include "services/cloudformation/sam_values.h"

/// What EventBridge starts: schedules and rules.
namespace cumulet::cloudformation {
namespace {

/// The rule's only target: the function, with what the event says of its input and of failures.
Value target_of(const SamEvent& event, SamEventParts& parts) {
  Value target = Value::object({{"Arn", event.target}});
  const Value* given = event.properties.find("Target");
  const std::string id = given == nullptr ? "" : given->text_of("Id");
  target.set("Id", Value::string(id.empty() ? event.stem() + "LambdaTarget" : id));
  copy_members(event.properties, {"Input", "InputPath", "InputTransformer", "RetryPolicy"}, target);
  const Value* letters = event.properties.find("DeadLetterConfig");
  if (letters == nullptr) return target;
  if (const Value* arn = letters->find("Arn")) {
    target.set("DeadLetterConfig", Value::object({{"Arn", *arn}}));
    return target;
  }
  std::string queue = letters->text_of("QueueLogicalId");
  if (queue.empty()) queue = event.stem() + "Queue";
  parts.resources.emplace_back(queue, resource("AWS::SQS::Queue", Value::object()));
  target.set("DeadLetterConfig", Value::object({{"Arn", get_att(queue, "Arn")}}));
  return target;
}

void set_state(const Value& from, Value& rule) {
  copy_members(from, {"State"}, rule);
  if (const Value* enabled = from.find("Enabled")) {
    rule.set("State", Value::string(enabled->as_bool() ? "ENABLED" : "DISABLED"));
  }
}

SamEventParts rule_for(const SamEvent& event, const std::vector<std::string>& passed_on) {
  SamEventParts parts;
  Value rule = Value::object();
  copy_members(event.properties, passed_on, rule);
  set_state(event.properties, rule);
  rule.set("Targets", Value::list({target_of(event, parts)}));
  const std::string id = event.stem();
  const Value source = get_att(id, "Arn");
  parts.resources.emplace_back(id, resource("AWS::Events::Rule", std::move(rule)));
  parts.resources.emplace_back(id + "Permission", invoke_permission(event.target, "events.amazonaws.com", &source));
  return parts;
}

Error missing(const SamEvent& event, const std::string& property) {
  return invalid_resource(
      event.function, "Event with id [" + event.name + "] is invalid. Missing required property '" + property + "'.");
}

}  // namespace

Result<SamEventParts> sam_schedule_event(const SamEvent& event) {
  const Value* schedule = event.properties.find("Schedule");
  if (schedule == nullptr) return missing(event, "Schedule");
  SamEvent adapted = event;
  adapted.properties.set("ScheduleExpression", *schedule);
  return rule_for(adapted, {"ScheduleExpression", "Name", "Description", "RoleArn"});
}

Result<SamEventParts> sam_event_bridge_rule_event(const SamEvent& event) {
  const Value* pattern = event.properties.find("Pattern");
  if (pattern == nullptr) return missing(event, "Pattern");
  SamEvent adapted = event;
  adapted.properties.set("EventPattern", *pattern);
  if (const Value* name = event.properties.find("RuleName")) adapted.properties.set("Name", *name);
  return rule_for(adapted, {"EventPattern", "EventBusName", "Name"});
}

/// A schedule of EventBridge Scheduler, and the role in whose name it invokes the function.
Result<SamEventParts> sam_schedule_v2_event(const SamEvent& event) {
  if (event.properties.find("ScheduleExpression") == nullptr) return missing(event, "ScheduleExpression");
  SamEventParts parts;
  Value target = Value::object({{"Arn", event.target}});
  copy_members(event.properties, {"Input", "RetryPolicy"}, target);
  if (const Value* letters = event.properties.find("DeadLetterConfig")) {
    if (const Value* arn = letters->find("Arn")) target.set("DeadLetterConfig", Value::object({{"Arn", *arn}}));
  }
  const std::string id = event.stem();
  if (const Value* role = event.properties.find("RoleArn")) {
    target.set("RoleArn", *role);
  } else {
    const Value trust = Value::object(
        {{"Version", Value::string("2012-10-17")},
         {"Statement", Value::list({Value::object(
                           {{"Effect", Value::string("Allow")},
                            {"Action", text_list({"sts:AssumeRole"})},
                            {"Principal", Value::object({{"Service", text_list({"scheduler.amazonaws.com"})}})}})})}});
    const Value policy = Value::object(
        {{"PolicyName", Value::string(id + "LambdaPolicy")},
         {"PolicyDocument",
          Value::object({{"Version", Value::string("2012-10-17")},
                         {"Statement", Value::list({allow({"lambda:InvokeFunction"}, event.target)})}})}});
    Value role_properties = Value::object({{"AssumeRolePolicyDocument", trust}, {"Policies", Value::list({policy})}});
    if (const Value* boundary = event.properties.find("PermissionsBoundary")) {
      role_properties.set("PermissionsBoundary", *boundary);
    }
    parts.resources.emplace_back(id + "Role", resource("AWS::IAM::Role", std::move(role_properties)));
    target.set("RoleArn", get_att(id + "Role", "Arn"));
  }
  Value schedule = Value::object();
  copy_members(event.properties,
               {"ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "State", "Description",
                "GroupName", "KmsKeyArn", "Name", "FlexibleTimeWindow"},
               schedule);
  if (schedule.find("FlexibleTimeWindow") == nullptr) {
    schedule.set("FlexibleTimeWindow", Value::object({{"Mode", Value::string("OFF")}}));
  }
  if (schedule.find("Name") == nullptr && !event.properties.find("OmitName")) schedule.set("Name", Value::string(id));
  schedule.set("Target", std::move(target));
  parts.resources.emplace_back(id, resource("AWS::Scheduler::Schedule", std::move(schedule)));
  return parts;
}

}  // namespace cumulet::cloudformation
