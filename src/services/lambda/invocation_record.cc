#include "services/lambda/invocation_record.h"

#include <simdjson.h>

#include "base/text.h"
#include "services/lambda/bucket_target.h"
#include "services/lambda/lambda.h"
#include "wire/json_writer.h"

namespace cumulet::lambda {
namespace {

constexpr std::size_t kErrorMessage = 1024;

std::string service_of(const std::string& arn) {
  const std::vector<std::string_view> parts = split(arn, ':');
  return parts.size() < 6 ? std::string() : std::string(parts[2]);
}

/// "errorMessage" of a function's error document.
std::string error_message(const std::string& answer) {
  simdjson::dom::parser parser;
  std::string_view message;
  if (parser.parse(answer)["errorMessage"].get(message) != simdjson::SUCCESS) message = answer;
  std::string text(message.substr(0, kErrorMessage));
  while (!is_utf8(text) && !text.empty()) text.pop_back();
  return text;
}

}  // namespace

InvocationRecord::InvocationRecord(const events::Event& event, const FunctionName& name)
    : invocations(event.attempt),
      name_(name),
      account_(event.account),
      request_id_(event.id),
      request_(event.payload) {}

void InvocationRecord::set_answer(const compute::InvocationResult& answer, std::string version) {
  answered_ = true;
  answer_ = answer.payload;
  function_error_ = answer.function_error;
  version_ = std::move(version);
}

std::string InvocationRecord::document(Timestamp now) const {
  wire::JsonWriter json;
  json.begin_object().key("version").string("1.0").key("timestamp").string(iso8601(now, true));
  json.key("requestContext").begin_object();
  json.key("requestId").string(request_id_);
  json.key("functionArn").string(name_.arn() + ":" + name_.qualifier.value_or("$LATEST"));
  json.key("condition").string(condition).key("approximateInvokeCount").integer(invocations).end_object();
  json.key("requestPayload").raw(json_problem(request_) ? "{}" : request_);
  if (answered_) {
    json.key("responseContext").begin_object().key("statusCode").integer(200);
    json.key("executedVersion").string(version_);
    if (!function_error_.empty()) json.key("functionError").string(function_error_);
    json.end_object();
    json.key("responsePayload");
    // A runtime of the function's own may answer anything.
    if (json_problem(answer_)) {
      json.string(is_utf8(answer_) ? answer_ : base64_encode(answer_));
    } else {
      json.raw(answer_);
    }
  }
  json.end_object();
  return json.take();
}

events::Event InvocationRecord::addressed_to(const std::string& arn) const {
  events::Event event;
  event.account = account_;
  event.region = name_.region;
  event.target_arn = arn;
  event.source_arn = name_.arn();
  return event;
}

events::Event InvocationRecord::to_destination(const std::string& arn, Timestamp now) const {
  events::Event event = addressed_to(arn);
  event.payload = document(now);
  const std::string service = service_of(arn);
  if (service == "lambda" && !trace.empty()) event.attributes["@TraceHeader"] = trace;
  if (service == "sqs" && !trace.empty()) event.attributes["@AWSTraceHeader"] = trace;
  if (service == "events") {
    const std::string outcome = condition == "Success" ? "Success" : "Failure";
    event.attributes["@Source"] = "lambda";
    event.attributes["@DetailType"] = "Lambda Function Invocation Result - " + outcome;
    wire::JsonWriter resources;
    resources.begin_array().string(arn).string(name_.arn() + ":" + name_.qualifier.value_or("$LATEST")).end_array();
    event.attributes["@Resources"] = resources.take();
  }
  if (service == "s3") {
    event.attributes["@Key"] = "aws/lambda/async/" + name_.name + "/" + dated_name(now);
    event.attributes["@ContentType"] = "application/json";
  }
  return event;
}

events::Event InvocationRecord::dead_letter(const std::string& arn) const {
  events::Event letter = addressed_to(arn);
  letter.payload = request_;
  letter.attributes["RequestID"] = request_id_;
  letter.attributes["ErrorCode#Number"] = std::to_string(answered_ ? 200 : error_code);
  letter.attributes["ErrorMessage"] = answered_ ? error_message(answer_) : condition;
  return letter;
}

}  // namespace cumulet::lambda
