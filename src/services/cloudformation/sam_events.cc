#include "services/cloudformation/sam_events.h"

#include <map>

#include "services/cloudformation/sam_values.h"

namespace cumulet::cloudformation {

Result<SamEventParts> convert_sam_event(const std::string& type, const SamEvent& event) {
  using Converter = Result<SamEventParts> (*)(const SamEvent&);
  static const std::map<std::string, Converter> kConverters{
      {"CloudWatchEvent", sam_event_bridge_rule_event},
      {"CloudWatchLogs", sam_cloudwatch_logs_event},
      {"DynamoDB", sam_dynamodb_event},
      {"EventBridgeRule", sam_event_bridge_rule_event},
      {"HttpApi", sam_http_api_event},
      {"Kinesis", sam_kinesis_event},
      {"S3", sam_s3_event},
      {"SNS", sam_sns_event},
      {"SQS", sam_sqs_event},
      {"Schedule", sam_schedule_event},
      {"ScheduleV2", sam_schedule_v2_event},
  };
  const auto found = kConverters.find(type);
  if (found == kConverters.end()) return unsupported(event.function, "The event type " + type);
  return found->second(event);
}

}  // namespace cumulet::cloudformation
