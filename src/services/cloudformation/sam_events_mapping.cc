#include <algorithm>

#include "services/cloudformation/sam_events.h"
#include "services/cloudformation/sam_values.h"

namespace cumulet::cloudformation {
namespace {

const std::vector<std::string> kCommon{
    "BatchSize",     "Enabled",  "FilterCriteria", "FunctionResponseTypes", "MaximumBatchingWindowInSeconds",
    "MetricsConfig", "KmsKeyArn"};
const std::vector<std::string> kOfStreams{
    "BisectBatchOnFunctionError", "DestinationConfig", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts",
    "ParallelizationFactor",      "StartingPosition",  "StartingPositionTimestamp", "TumblingWindowInSeconds"};

/// SAM says with `Type` what the ARN says already; for the role it decides which permission is needed.
void grant_destination(const Value& given, Value& properties, SamGrants& grants) {
  const Value* on_failure = given.find("DestinationConfig");
  if (on_failure != nullptr) on_failure = on_failure->find("OnFailure");
  const Value* destination = on_failure == nullptr ? nullptr : on_failure->find("Destination");
  if (destination == nullptr) return;
  properties.set("DestinationConfig", Value::object({{"OnFailure", Value::object({{"Destination", *destination}})}}));
  const std::string type = on_failure->text_of("Type");
  if (type == "SQS") grants.statements.push_back(allow({"sqs:SendMessage"}, *destination));
  if (type == "SNS") grants.statements.push_back(allow({"sns:publish"}, *destination));
}

Result<SamEventParts> mapping(const SamEvent& event, const std::string& source, std::vector<std::string> passed_on,
                              const std::string& policy) {
  const Value* arn = event.properties.find(source);
  if (arn == nullptr) {
    return invalid_resource(
        event.function, "Event with id [" + event.name + "] is invalid. Missing required property '" + source + "'.");
  }
  passed_on.insert(passed_on.end(), kCommon.begin(), kCommon.end());
  for (const auto& [name, value] : event.properties.members()) {
    if (name == source) continue;
    if (std::find(passed_on.begin(), passed_on.end(), name) == passed_on.end()) {
      return unsupported(event.function, "The property " + name + " of the event " + event.name);
    }
  }
  SamEventParts parts;
  Value properties = Value::object({{"EventSourceArn", *arn}, {"FunctionName", event.target}});
  copy_members(event.properties, passed_on, properties);
  grant_destination(event.properties, properties, parts.grants);
  parts.grants.managed.push_back("arn:aws:iam::aws:policy/service-role/" + policy);
  parts.resources.emplace_back(event.stem(), resource("AWS::Lambda::EventSourceMapping", std::move(properties)));
  return parts;
}

}  // namespace

Result<SamEventParts> sam_sqs_event(const SamEvent& event) {
  return mapping(event, "Queue", {"ScalingConfig"}, "AWSLambdaSQSQueueExecutionRole");
}

Result<SamEventParts> sam_kinesis_event(const SamEvent& event) {
  return mapping(event, "Stream", kOfStreams, "AWSLambdaKinesisExecutionRole");
}

Result<SamEventParts> sam_dynamodb_event(const SamEvent& event) {
  return mapping(event, "Stream", kOfStreams, "AWSLambdaDynamoDBExecutionRole");
}

}  // namespace cumulet::cloudformation
