#include "services/lambda/event_source/queue_event.h"

#include "base/text.h"
#include "wire/json_writer.h"

namespace cumulet::lambda {
namespace {

void write_attribute(wire::JsonWriter& json, const wire::sqs::MessageAttributeValue& value) {
  json.begin_object();
  if (value.string_value) json.key("stringValue").string(*value.string_value);
  if (value.binary_value) json.key("binaryValue").string(base64_encode(*value.binary_value));
  json.key("stringListValues").begin_array().end_array();
  json.key("binaryListValues").begin_array().end_array();
  json.key("dataType").string(value.data_type).end_object();
}

}  // namespace

std::string queue_record(const wire::sqs::Message& message, const std::string& queue_arn, const std::string& region) {
  wire::JsonWriter json(message.body.value_or("").size() + 1024);
  json.begin_object();
  json.key("messageId").string(message.message_id.value_or(""));
  json.key("receiptHandle").string(message.receipt_handle.value_or(""));
  json.key("body").string(message.body.value_or(""));
  json.key("attributes").begin_object();
  if (message.attributes) {
    for (const auto& [name, value] : *message.attributes) json.key(name).string(value);
  }
  json.end_object();
  json.key("messageAttributes").begin_object();
  if (message.message_attributes) {
    for (const auto& [name, value] : *message.message_attributes) {
      json.key(name);
      write_attribute(json, value);
    }
  }
  json.end_object();
  if (message.md5_of_message_attributes) {
    json.key("md5OfMessageAttributes").string(*message.md5_of_message_attributes);
  }
  json.key("md5OfBody").string(message.md5_of_body.value_or(""));
  json.key("eventSource").string("aws:sqs");
  json.key("eventSourceARN").string(queue_arn);
  json.key("awsRegion").string(region);
  json.end_object();
  return json.take();
}

std::string records_event(const std::vector<std::string>& records) {
  std::size_t bytes = 16;
  for (const std::string& record : records) bytes += record.size() + 1;
  std::string event;
  event.reserve(bytes);
  event += R"({"Records":[)";
  for (const std::string& record : records) {
    if (!event.ends_with('[')) event += ',';
    event += record;
  }
  event += "]}";
  return event;
}

}  // namespace cumulet::lambda
