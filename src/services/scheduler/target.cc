#include "services/scheduler/target.h"

#include <map>
#include <set>

#include "base/text.h"
#include "events/json_text.h"
#include "services/scheduler/scheduler.h"
#include "wire/arn.h"
#include "wire/json_writer.h"

namespace cumulet::scheduler {
namespace {

namespace api = wire::scheduler;

/// What Scheduler calls a service, where this server's name is another.
std::string service_name(std::string name) {
  static const std::map<std::string, std::string> kOthers{
      {"eventbridge", "events"}, {"cloudwatchlogs", "logs"}, {"apigatewayv2", "apigatewayv2"}};
  const auto other = kOthers.find(name);
  return other == kOthers.end() ? name : other->second;
}

std::string default_input(const api::GetScheduleOutput& schedule, const std::string& account, const std::string& region,
                          Timestamp scheduled, const std::string& execution_id) {
  wire::JsonWriter json;
  json.begin_object().key("version").string("0").key("id").string(execution_id);
  json.key("detail-type").string("Scheduled Event").key("source").string("aws.scheduler");
  json.key("account").string(account).key("time").string(iso8601(scheduled)).key("region").string(region);
  json.key("resources").begin_array().string(*schedule.arn).end_array();
  return json.key("detail").string("{}").end_object().take();
}

}  // namespace

std::optional<UniversalTarget> universal_target(const std::string& arn) {
  constexpr std::string_view kPrefix = "arn:aws:scheduler:::aws-sdk:";
  if (!arn.starts_with(kPrefix)) return std::nullopt;
  const std::string rest = arn.substr(kPrefix.size());
  const std::size_t colon = rest.find(':');
  if (colon == std::string::npos || colon + 1 == rest.size()) return std::nullopt;
  UniversalTarget target;
  target.service = service_name(to_lower(rest.substr(0, colon)));
  target.operation = rest.substr(colon + 1);
  target.operation.front() = to_upper(target.operation.substr(0, 1)).front();
  return target;
}

Result<void> check_target(const api::Target& target, const wire::NamedOperations& operations) {
  static const std::set<std::string> kTemplated{"lambda", "sqs",      "sns",       "events", "kinesis",
                                                "ecs",    "firehose", "sagemaker", "states", "inspector"};
  const std::optional<wire::Arn> arn = wire::parse_arn(target.arn);
  if (!arn) return invalid("Provided Arn is not in correct format.");
  if (target.dead_letter_config && target.dead_letter_config->arn) {
    const std::optional<wire::Arn> queue = wire::parse_arn(*target.dead_letter_config->arn);
    if (!queue || queue->service != "sqs" || queue->resource.ends_with(".fifo")) {
      return invalid("DeadLetterConfig.Arn must be the ARN of a standard SQS queue.");
    }
  }
  if (target.arn.starts_with("arn:aws:scheduler:::")) {
    const std::optional<UniversalTarget> universal = universal_target(target.arn);
    if (!universal || !operations.has(universal->service, universal->operation)) {
      return invalid("Invalid Arn: " + target.arn + " names no operation that can be scheduled.");
    }
    for (const std::string_view reading : {"Get", "Describe", "List", "Poll", "Receive", "Search", "Scan", "Query",
                                           "Select", "Read", "Transact", "BatchGet", "Retrieve", "Validate"}) {
      if (universal->operation.starts_with(reading)) {
        return invalid("Invalid Arn: " + target.arn + " names an operation that only reads.");
      }
    }
    if (!target.input || !events::compact_json(*target.input)) {
      return invalid("Input must be JSON with the parameters of the operation.");
    }
    return {};
  }
  if (!kTemplated.contains(arn->service)) return invalid("Invalid Arn: " + target.arn + " is no target.");
  if (arn->service == "kinesis" && !target.kinesis_parameters) {
    return invalid("KinesisParameters must be specified for a Kinesis target.");
  }
  if (arn->service == "events") {
    if (!target.event_bridge_parameters) {
      return invalid("EventBridgeParameters must be specified for an EventBridge target.");
    }
    const std::optional<std::string> detail = events::compact_json(target.input.value_or(""));
    if (!detail || !detail->starts_with('{')) return invalid("Input must be a JSON object for an EventBridge target.");
  }
  if (arn->service == "sqs" && arn->resource.ends_with(".fifo") &&
      (!target.sqs_parameters || !target.sqs_parameters->message_group_id)) {
    return invalid("SqsParameters with MessageGroupId must be specified for a FIFO queue.");
  }
  return {};
}

std::string replace_all(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

events::Event event_for(const api::GetScheduleOutput& schedule, const std::string& account, const std::string& region,
                        Timestamp scheduled, const std::string& execution_id) {
  const api::Target& target = *schedule.target;
  events::Event event;
  event.account = account;
  event.region = region;
  event.target_arn = target.arn;
  event.source_arn = *schedule.arn;
  event.payload = target.input.value_or(default_input(schedule, account, region, scheduled, execution_id));
  event.payload = replace_all(std::move(event.payload), "<aws.scheduler.schedule-arn>", *schedule.arn);
  event.payload = replace_all(std::move(event.payload), "<aws.scheduler.scheduled-time>", iso8601(scheduled));
  event.payload = replace_all(std::move(event.payload), "<aws.scheduler.execution-id>", execution_id);
  if (target.sqs_parameters && target.sqs_parameters->message_group_id) {
    event.attributes["@MessageGroupId"] = *target.sqs_parameters->message_group_id;
    event.attributes["@MessageDeduplicationId"] = execution_id;
  }
  if (target.kinesis_parameters) event.attributes["@PartitionKey"] = target.kinesis_parameters->partition_key;
  if (target.event_bridge_parameters) {
    event.attributes["@Source"] = target.event_bridge_parameters->source;
    event.attributes["@DetailType"] = target.event_bridge_parameters->detail_type;
    event.attributes["@Resources"] = "[\"" + json_escape(*schedule.arn) + "\"]";
  }
  return event;
}

}  // namespace cumulet::scheduler
