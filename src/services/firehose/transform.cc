#include "services/firehose/transform.h"

#include <charconv>
#include <unordered_map>

#include <simdjson.h>

#include "base/text.h"
#include "wire/json_writer.h"

namespace cumulet::firehose {

namespace api = wire::firehose;

namespace {

constexpr double kLeastMebibytes = 0.2;
constexpr double kMostMebibytes = 3;
constexpr std::int64_t kMostRetries = 300;

std::string id_of(const BufferedRecord& record) { return std::to_string(record.at); }

/// Positions are microseconds.
std::int64_t milliseconds_of(Position at) { return static_cast<std::int64_t>(at / 1000); }

std::int64_t milliseconds_of(Timestamp time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

Result<void> read_parameter(const api::ProcessorParameter& parameter, Processor& processor) {
  const std::string& value = parameter.parameter_value;
  if (parameter.parameter_name == "LambdaArn") {
    if (!value.starts_with("arn:") || value.find(":lambda:") == std::string::npos)
      return invalid("The LambdaArn " + value + " is not the ARN of a function.");
    processor.function = value;
  } else if (parameter.parameter_name == "NumberOfRetries") {
    const std::optional<std::int64_t> retries = parse_int(value);
    if (!retries || *retries < 0 || *retries > kMostRetries)
      return invalid("NumberOfRetries must be between 0 and 300.");
    processor.retries = static_cast<int>(*retries);
  } else if (parameter.parameter_name == "BufferSizeInMBs") {
    double size = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), size);
    const bool whole = failure == std::errc() && end == value.data() + value.size();
    if (!whole || !(size >= kLeastMebibytes && size <= kMostMebibytes))
      return invalid("BufferSizeInMBs of a processor must be between 0.2 and 3.");
    processor.batch_bytes = static_cast<std::size_t>(size * (1u << 20));
  } else if (parameter.parameter_name != "RoleArn" && parameter.parameter_name != "BufferIntervalInSeconds") {
    return invalid("The parameter " + parameter.parameter_name + " is not one of a Lambda processor.");
  }
  return {};
}

Transformed failed(std::string code, std::string message) {
  Transformed out;
  out.error_code = std::move(code);
  out.error_message = std::move(message);
  return out;
}

Transformed unreadable(const std::string& why) {
  return failed("Lambda.JsonProcessingException",
                "There was a problem parsing the response from the Lambda function: " + why);
}

Transformed read_record(simdjson::dom::element record) {
  std::string_view result;
  if (record["result"].get(result)) return unreadable("a record has no result");
  Transformed out;
  if (result == "Dropped") {
    out.result = Transformed::Result::kDropped;
    return out;
  }
  if (result == "ProcessingFailed")
    return failed("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record");
  if (result != "Ok") return unreadable("the result of a record is none of Ok, Dropped and ProcessingFailed");
  std::string_view data;
  if (record["data"].get(data)) return unreadable("a record has no data");
  std::optional<std::string> bytes = base64_decode(data);
  if (!bytes) return unreadable("the data of a record is not Base64");
  out.result = Transformed::Result::kOk;
  out.data = std::move(*bytes);
  return out;
}

}  // namespace

Result<std::optional<Processor>> processor_of(const Destination& destination) {
  const std::optional<api::ProcessingConfiguration>& given = destination.processing_configuration;
  if (!given || !given->enabled.value_or(false)) return std::optional<Processor>();
  if (!given->processors || given->processors->size() != 1)
    return invalid("ProcessingConfiguration must have exactly one processor.");
  const api::Processor& only = given->processors->front();
  if (only.type != "Lambda") return invalid("A processor of type " + only.type + " is not supported by this server.");
  Processor processor;
  if (only.parameters) {
    for (const api::ProcessorParameter& parameter : *only.parameters) {
      const Result<void> read = read_parameter(parameter, processor);
      if (!read.ok()) return read.error();
    }
  }
  if (processor.function.empty()) return invalid("A Lambda processor needs the parameter LambdaArn.");
  return std::optional<Processor>(std::move(processor));
}

std::string transform_event(const DeliveryStream& stream, const std::string& invocation,
                            const std::vector<BufferedRecord>& records) {
  std::size_t bytes = 512;
  for (const BufferedRecord& record : records) bytes += record.data.size() * 4 / 3 + 128;
  wire::JsonWriter json(bytes);
  json.begin_object().key("invocationId").string(invocation);
  json.key("deliveryStreamArn").string(stream.arn()).key("region").string(stream.region);
  if (!stream.source_stream.empty()) json.key("sourceKinesisStreamArn").string(stream.source_stream);
  json.key("records").begin_array();
  for (const BufferedRecord& record : records) {
    json.begin_object().key("recordId").string(id_of(record));
    json.key("approximateArrivalTimestamp").integer(milliseconds_of(record.at));
    json.key("data").string(base64_encode(record.data)).end_object();
  }
  json.end_array().end_object();
  return json.take();
}

std::vector<Transformed> read_transformed(const std::string& answer, const std::vector<BufferedRecord>& records) {
  thread_local simdjson::dom::parser reader;
  simdjson::dom::element document;
  simdjson::dom::array given;
  if (reader.parse(answer).get(document) || document["records"].get(given))
    return std::vector<Transformed>(records.size(), unreadable("it has no array of records"));

  std::unordered_map<std::string_view, simdjson::dom::element> by_id;
  std::unordered_map<std::string_view, int> times;
  for (const simdjson::dom::element record : given) {
    std::string_view id;
    if (record["recordId"].get(id)) continue;
    by_id.insert_or_assign(id, record);
    ++times[id];
  }
  std::vector<Transformed> out;
  out.reserve(records.size());
  for (const BufferedRecord& record : records) {
    const std::string id = id_of(record);
    const auto found = by_id.find(id);
    if (found == by_id.end()) {
      out.push_back(failed("Lambda.MissingRecordId",
                           "One or more record Ids were not returned. Ensure that the Lambda function returns all "
                           "received record Ids."));
    } else if (times[id] > 1) {
      out.push_back(failed("Lambda.DuplicatedRecordId",
                           "Multiple records were returned with the same record Id. Ensure that the Lambda function "
                           "returns unique record Ids for each record."));
    } else {
      out.push_back(read_record(found->second));
    }
  }
  return out;
}

std::string failure_line(const BufferedRecord& record, const std::string& function, const FailedAttempt& failure) {
  wire::JsonWriter json;
  json.begin_object().key("attemptsMade").integer(failure.attempts);
  json.key("arrivalTimestamp").integer(milliseconds_of(record.at));
  json.key("errorCode").string(failure.code).key("errorMessage").string(failure.message);
  json.key("attemptEndingTimestamp").integer(milliseconds_of(failure.ended));
  json.key("rawData").string(base64_encode(record.data));
  json.key("lambdaArn").string(function).end_object();
  return json.take() + "\n";
}

}  // namespace cumulet::firehose
