#include "services/sns/envelope.h"

#include <vector>

#include <simdjson.h>

#include "base/clock.h"
#include "base/text.h"
#include "wire/json_writer.h"

namespace cumulet::sns {
namespace {

std::string json_text(std::string_view text) { return '"' + json_escape(text) + '"'; }

/// The object in SNS's own layout: one member a line, a space on both sides of the colon.
class Lines {
 public:
  Lines& add(std::string_view name, std::string_view value) { return add_raw(name, json_text(value)); }
  Lines& add_raw(std::string_view name, std::string_view json) {
    text_ += first_ ? "{\n  " : ",\n  ";
    first_ = false;
    text_.append(json_text(name)).append(" : ").append(json);
    return *this;
  }
  std::string take() { return std::move(text_) + "\n}"; }

 private:
  std::string text_;
  bool first_ = true;
};

std::string shown_value(const MessageAttribute& attribute) {
  return attribute.binary() ? base64_encode(attribute.value) : attribute.value;
}

std::string attributes_document(const std::map<std::string, MessageAttribute>& attributes) {
  std::string text = "{";
  for (const auto& [name, attribute] : attributes) {
    text += text.size() == 1 ? "\n    " : ",\n    ";
    text += json_text(name) + " : {\"Type\":" + json_text(attribute.type) +
            ",\"Value\":" + json_text(shown_value(attribute)) + "}";
  }
  return text + "\n  }";
}

}  // namespace

std::string timestamp_text(std::int64_t millis) { return iso8601(Timestamp(std::chrono::milliseconds(millis)), true); }

std::string message_for(const Notification& notification, const std::string& protocol) {
  if (!notification.structured) return notification.message;
  thread_local simdjson::dom::parser reader;
  simdjson::dom::element document;
  if (reader.parse(notification.message).get(document)) return notification.message;
  std::string_view text;
  if (!document[protocol].get(text) || !document["default"].get(text)) return std::string(text);
  return notification.message;
}

std::string signed_text(const Notification& notification, const std::string& message) {
  std::string text = "Message\n" + message + "\nMessageId\n" + notification.id + "\n";
  if (notification.subject) text += "Subject\n" + *notification.subject + "\n";
  text += "Timestamp\n" + timestamp_text(notification.time) + "\nTopicArn\n" + notification.topic_arn + "\n";
  return text + "Type\nNotification\n";
}

std::string notification_document(const Notification& notification, const std::string& message, const Seal& seal) {
  Lines lines;
  lines.add("Type", "Notification").add("MessageId", notification.id);
  if (!notification.sequence.empty()) lines.add("SequenceNumber", notification.sequence);
  lines.add("TopicArn", notification.topic_arn);
  if (notification.subject) lines.add("Subject", *notification.subject);
  lines.add("Message", message).add("Timestamp", timestamp_text(notification.time));
  if (notification.replayed) lines.add_raw("Replayed", "true");
  if (!seal.signature.empty()) {
    lines.add("SignatureVersion", seal.version).add("Signature", seal.signature);
    lines.add("SigningCertURL", seal.certificate_url);
  }
  lines.add("UnsubscribeURL", seal.unsubscribe_url);
  if (!notification.attributes.empty()) {
    lines.add_raw("MessageAttributes", attributes_document(notification.attributes));
  }
  return lines.take();
}

std::string function_event(const Notification& notification, const std::string& message,
                           const std::string& subscription_arn, const Seal& seal) {
  wire::JsonWriter json(message.size() + 1024);
  json.begin_object().key("Records").begin_array().begin_object();
  json.key("EventSource").string("aws:sns").key("EventVersion").string("1.0");
  json.key("EventSubscriptionArn").string(subscription_arn).key("Sns").begin_object();
  json.key("Type").string("Notification").key("MessageId").string(notification.id);
  json.key("TopicArn").string(notification.topic_arn).key("Subject");
  notification.subject ? json.string(*notification.subject) : json.null();
  json.key("Message").string(message).key("Timestamp").string(timestamp_text(notification.time));
  json.key("SignatureVersion").string(seal.version).key("Signature").string(seal.signature);
  json.key("SigningCertUrl").string(seal.certificate_url).key("UnsubscribeUrl").string(seal.unsubscribe_url);
  json.key("MessageAttributes").begin_object();
  for (const auto& [name, attribute] : notification.attributes) {
    json.key(name).begin_object().key("Type").string(attribute.type);
    json.key("Value").string(shown_value(attribute)).end_object();
  }
  json.end_object().end_object().end_object().end_array().end_object();
  return json.take();
}

std::string Confirmation::message() const {
  if (kind == "UnsubscribeConfirmation") {
    return "You have chosen to deactivate subscription " + topic_arn +
           ".\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.";
  }
  return "You have chosen to subscribe to the topic " + topic_arn +
         ".\nTo confirm the subscription, visit the SubscribeURL included in this message.";
}

std::string signed_text(const Confirmation& confirmation) {
  return "Message\n" + confirmation.message() + "\nMessageId\n" + confirmation.id + "\nSubscribeURL\n" +
         confirmation.subscribe_url + "\nTimestamp\n" + timestamp_text(confirmation.time) + "\nToken\n" +
         confirmation.token + "\nTopicArn\n" + confirmation.topic_arn + "\nType\n" + confirmation.kind + "\n";
}

std::string confirmation_document(const Confirmation& confirmation, const Seal& seal) {
  Lines lines;
  lines.add("Type", confirmation.kind).add("MessageId", confirmation.id).add("Token", confirmation.token);
  lines.add("TopicArn", confirmation.topic_arn).add("Message", confirmation.message());
  lines.add("SubscribeURL", confirmation.subscribe_url).add("Timestamp", timestamp_text(confirmation.time));
  lines.add("SignatureVersion", seal.version).add("Signature", seal.signature);
  lines.add("SigningCertURL", seal.certificate_url);
  return lines.take();
}

}  // namespace cumulet::sns
