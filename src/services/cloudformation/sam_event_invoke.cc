#include "services/cloudformation/sam_events.h"
#include "services/cloudformation/sam_values.h"

namespace cumulet::cloudformation {
namespace {

const char* action_for(const std::string& type) {
  if (type == "SQS") return "sqs:SendMessage";
  if (type == "SNS") return "sns:publish";
  if (type == "Lambda") return "lambda:InvokeFunction";
  if (type == "EventBridge") return "events:PutEvents";
  return nullptr;
}

/// A destination's ARN. A queue or topic that is not named is made.
Result<Value> destination(const std::string& function, const std::string& outcome, const Value& given,
                          SamEventParts& parts) {
  const std::string type = given.text_of("Type");
  Value arn;
  if (const Value* named = given.find("Destination")) {
    arn = *named;
  } else if (type == "SQS" || type == "SNS") {
    const std::string id = function + "EventInvokeConfig" + outcome + (type == "SQS" ? "Queue" : "Topic");
    parts.resources.emplace_back(id, resource(type == "SQS" ? "AWS::SQS::Queue" : "AWS::SNS::Topic", Value::object()));
    arn = type == "SQS" ? get_att(id, "Arn") : reference_to(id);
  } else {
    return invalid_resource(function, "'Destination' is required if Type is not one of {'SNS', 'SQS'}");
  }
  if (type == "S3") {
    const Value objects =
        Value::object({{"Fn::Join", Value::list({Value::string("/"), Value::list({arn, Value::string("*")})})}});
    parts.grants.statements.push_back(allow({"s3:PutObject"}, objects));
    parts.grants.statements.push_back(allow({"s3:ListBucket"}, arn));
  } else if (const char* action = action_for(type)) {
    parts.grants.statements.push_back(allow({action}, arn));
  } else if (!type.empty()) {
    return invalid_resource(function,
                            "'Type: " + type + "' is not one of {'SQS', 'SNS', 'EventBridge', 'Lambda', 'S3'}");
  }
  return arn;
}

}  // namespace

Result<SamEventParts> sam_event_invoke_config(const std::string& function, const Value& config, const Value* alias) {
  SamEventParts parts;
  Value properties = Value::object({{"FunctionName", reference_to(function)}, {"Qualifier", Value::string("$LATEST")}});
  if (alias != nullptr) properties.set("Qualifier", *alias);
  copy_members(config, {"MaximumEventAgeInSeconds", "MaximumRetryAttempts"}, properties);
  if (const Value* destinations = config.find("DestinationConfig")) {
    Value made = Value::object();
    for (const auto& [outcome, given] : destinations->members()) {
      if (outcome != "OnSuccess" && outcome != "OnFailure") {
        return unsupported(function, "The property " + outcome + " of DestinationConfig");
      }
      Result<Value> arn = destination(function, outcome, given, parts);
      if (!arn.ok()) return std::move(arn).error();
      made.set(outcome, Value::object({{"Destination", std::move(*arn)}}));
    }
    properties.set("DestinationConfig", std::move(made));
  }
  Value made = resource("AWS::Lambda::EventInvokeConfig", std::move(properties));
  if (alias != nullptr) made.set("DependsOn", Value::string(function + "Alias" + alias->text()));
  parts.resources.emplace_back(function + "EventInvokeConfig", std::move(made));
  return parts;
}

}  // namespace cumulet::cloudformation
