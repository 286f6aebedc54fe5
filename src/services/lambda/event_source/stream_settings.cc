#include "services/lambda/event_source/stream_settings.h"

#include <algorithm>

#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/bucket_target.h"
#include "services/lambda/function_name.h"
#include "wire/json_writer.h"

namespace cumulet::lambda {

StreamSettings::StreamSettings(MappingRow row, std::string r) : mapping(std::move(row)), role(std::move(r)) {
  const wire::lambda::EventSourceMappingConfiguration& c = mapping.configuration;
  kind = source_kind(mapping.source()).value_or(SourceKind::kKinesis);
  source_region = split(mapping.source(), ':')[3];
  if (const std::optional<FunctionName> name = parse_function_arn(mapping.function())) function_name = name->name;
  Result<RecordFilter> parsed = RecordFilter::parse(c.filter_criteria);
  if (parsed.ok()) filter = std::move(*parsed);
  batch_size = static_cast<std::size_t>(c.batch_size.value_or(100));
  lanes = static_cast<std::size_t>(c.parallelization_factor.value_or(1));
  batch_window = seconds(c.maximum_batching_window_in_seconds.value_or(0));
  tumbling_window = seconds(c.tumbling_window_in_seconds.value_or(0));
  if (c.maximum_record_age_in_seconds.value_or(-1) >= 0) longest_age = seconds(*c.maximum_record_age_in_seconds);
  if (c.maximum_retry_attempts.value_or(-1) >= 0) retries = static_cast<std::uint32_t>(*c.maximum_retry_attempts);
  bisects = c.bisect_batch_on_function_error.value_or(false);
  if (c.function_response_types) {
    const auto& types = *c.function_response_types;
    reports_items = std::find(types.begin(), types.end(), "ReportBatchItemFailures") != types.end();
  }
  if (c.destination_config && c.destination_config->on_failure) {
    on_failure = c.destination_config->on_failure->destination.value_or("");
  }
}

bool StreamSettings::lets_pass(const events::StreamRecord& record) const {
  if (filter.empty()) return true;
  return filter.passes(kind == SourceKind::kKinesis ? filterable_kinesis(record.event) : record.event);
}

std::string StreamSettings::record_text(const events::StreamRecord& record) const {
  std::string text = record.event;
  while (!text.empty() && text.back() != '}') text.pop_back();
  if (text.empty()) return record.event;
  text.pop_back();
  wire::JsonWriter json;
  json.begin_object();
  if (kind == SourceKind::kKinesis) json.key("invokeIdentityArn").string(role);
  json.key("awsRegion").string(source_region).key("eventSourceARN").string(mapping.source()).end_object();
  const std::string more = json.take();
  if (!text.ends_with('{')) text += ',';
  text.append(more, 1);
  return text;
}

bool sequence_before(const std::string& a, const std::string& b) {
  const auto digits = [](const std::string& text) {
    const std::size_t first = std::min(text.find_first_not_of('0'), text.size());
    return std::string_view(text).substr(first);
  };
  const std::string_view left = digits(a);
  const std::string_view right = digits(b);
  return left.size() != right.size() ? left.size() < right.size() : left < right;
}

events::Event failure_event(const StreamSettings& settings, const std::string& shard,
                            const std::vector<events::StreamRecord>& records, const StreamFailure& failure,
                            std::string payload, Timestamp now) {
  wire::JsonWriter json;
  json.begin_object().key("requestContext").begin_object();
  json.key("requestId").string(failure.request_id.empty() ? uuid() : failure.request_id);
  json.key("functionArn").string(settings.mapping.function());
  json.key("condition").string(failure.condition);
  json.key("approximateInvokeCount").integer(failure.invocations).end_object();
  if (!failure.request_id.empty()) {
    json.key("responseContext").begin_object().key("statusCode").integer(200);
    json.key("executedVersion").string(failure.executed_version);
    json.key("functionError").string(failure.function_error.empty() ? "Unhandled" : failure.function_error);
    json.end_object();
  }
  json.key("version").string("1.0").key("timestamp").string(iso8601(now, true));
  json.key(settings.kind == SourceKind::kKinesis ? "KinesisBatchInfo" : "DDBStreamBatchInfo").begin_object();
  json.key("shardId").string(shard);
  json.key("startSequenceNumber").string(records.front().sequence_number);
  json.key("endSequenceNumber").string(records.back().sequence_number);
  json.key("approximateArrivalOfFirstRecord").string(iso8601(records.front().arrived, true));
  json.key("approximateArrivalOfLastRecord").string(iso8601(records.back().arrived, true));
  json.key("batchSize").integer(static_cast<std::int64_t>(records.size()));
  json.key("streamArn").string(settings.mapping.source()).end_object();
  events::Event event;
  event.account = settings.mapping.account;
  event.region = settings.mapping.region;
  event.target_arn = settings.on_failure;
  event.source_arn = settings.mapping.function();
  if (is_bucket(settings.on_failure)) {
    json.key("payload").string(payload);
    event.attributes["@Key"] = "aws/lambda/" + settings.mapping.uuid() + "/" + shard + "/" + dated_name(now);
    event.attributes["@ContentType"] = "application/json";
  }
  json.end_object();
  event.payload = json.take();
  return event;
}

}  // namespace cumulet::lambda
