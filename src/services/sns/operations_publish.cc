#include "services/sns/operations_publish.h"

#include <algorithm>
#include <cstdlib>
#include <set>

#include <simdjson.h>

#include "base/ids.h"
#include "base/text.h"
#include "services/sns/permit.h"

namespace cumulet::sns {
namespace {

namespace api = wire::sns;

constexpr std::size_t kSubjectLimit = 100;
constexpr std::size_t kBatchEntries = 10;
constexpr std::size_t kIdLimit = 128;

Error bad_attribute(std::string message) { return Error(api::errors::kParameterValueInvalid, std::move(message)); }

bool is_number(const std::string& text) {
  char* end = nullptr;
  if (text.empty() || text.find_first_not_of("0123456789+-.eE") != std::string::npos) return false;
  std::strtod(text.c_str(), &end);
  return end == text.c_str() + text.size();
}

bool is_attribute_name(const std::string& name) {
  return !name.empty() && name.size() <= 256 && name.front() != '.' && name.back() != '.' &&
         name.find("..") == std::string::npos && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                  c == '.';
         });
}

Result<MessageAttribute> attribute_from(const std::string& name, const api::MessageAttributeValue& value) {
  if (!is_attribute_name(name)) {
    return bad_attribute("The message attribute name '" + name +
                         "' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore (_), hyphen (-), and "
                         "period (.) characters, and can't start or end with a period.");
  }
  const std::string kind = value.data_type.substr(0, value.data_type.find('.'));
  if (kind != "String" && kind != "Number" && kind != "Binary") {
    return bad_attribute("The message attribute '" + name +
                         "' has an invalid message attribute type, the set of supported type prefixes is Binary, "
                         "Number, and String.");
  }
  const std::optional<std::string>& content = kind == "Binary" ? value.binary_value : value.string_value;
  if (!content || content->empty()) {
    return bad_attribute("The message attribute '" + name +
                         "' must contain non-empty message attribute value for message attribute type '" + kind + "'.");
  }
  if (kind == "Number" && !is_number(*content)) {
    return bad_attribute("Could not cast message attribute '" + name + "' value to number.");
  }
  return MessageAttribute(value.data_type, *content);
}

Result<void> check_structure(const std::string& message) {
  thread_local simdjson::dom::parser reader;
  simdjson::dom::element document;
  if (reader.parse(message).get(document) || !document.is_object())
    return invalid("Message Structure - JSON message body failed to parse");
  if (document["default"].error()) return invalid("Message Structure - No default entry in JSON message body");
  return {};
}

bool is_subject(const std::string& text) {
  if (text.empty() || utf8_length(text) > kSubjectLimit) return false;
  return std::none_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

bool is_fifo_id(const std::string& text) {
  return !text.empty() && text.size() <= kIdLimit &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

/// Publish's input and an entry of a batch have the same members.
template <typename Input>
Result<Notification> notification_of(const Input& input, const Topic* topic) {
  Notification notification;
  notification.id = uuid();
  if (input.message.empty()) return invalid("Empty message");
  notification.message = input.message;
  if (input.subject) {
    if (!is_subject(*input.subject)) return invalid("Subject");
    notification.subject = *input.subject;
  }
  if (input.message_structure && !input.message_structure->empty()) {
    if (*input.message_structure != "json") return invalid("MessageStructure");
    Result<void> checked = check_structure(input.message);
    if (!checked.ok()) return std::move(checked).error();
    notification.structured = true;
  }
  if (input.message_attributes) {
    for (const auto& [name, value] : *input.message_attributes) {
      Result<MessageAttribute> attribute = attribute_from(name, value);
      if (!attribute.ok()) return std::move(attribute).error();
      notification.attributes.emplace(name, std::move(*attribute));
    }
  }
  if (notification.size() > kMessageLimit) return invalid("Message too long");
  if (topic == nullptr) return notification;
  if (input.message_group_id) {
    if (!is_fifo_id(*input.message_group_id)) return invalid("MessageGroupId Reason: Invalid value");
    notification.group = *input.message_group_id;
  }
  if (input.message_deduplication_id && !topic->fifo()) {
    return invalid(
        "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for "
        "this topic type");
  }
  if (input.message_deduplication_id) {
    if (!is_fifo_id(*input.message_deduplication_id)) return invalid("MessageDeduplicationId Reason: Invalid value");
    notification.deduplication = *input.message_deduplication_id;
  }
  if (!topic->fifo()) return notification;
  if (notification.group.empty()) return invalid("The MessageGroupId parameter is required for FIFO topics");
  if (notification.deduplication.empty() && topic->attribute("ContentBasedDeduplication") != "true") {
    return invalid(
        "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly");
  }
  return notification;
}

bool is_entry_id(const std::string& id) {
  return !id.empty() && id.size() <= 80 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

Result<void> check_batch(const std::vector<api::PublishBatchRequestEntry>& entries) {
  if (entries.empty()) {
    return Error(api::errors::kEmptyBatchRequest, "The batch request doesn't contain any entries.");
  }
  if (entries.size() > kBatchEntries) {
    return Error(api::errors::kTooManyEntriesInBatchRequest,
                 "The batch request contains more entries than permissible.");
  }
  std::set<std::string> ids;
  std::size_t bytes = 0;
  for (const api::PublishBatchRequestEntry& entry : entries) {
    if (!is_entry_id(entry.id)) {
      return Error(api::errors::kInvalidBatchEntryId,
                   "The Id of a batch entry in a batch request doesn't abide by the specification.");
    }
    if (!ids.insert(entry.id).second) {
      return Error(api::errors::kBatchEntryIdsNotDistinct,
                   "Two or more batch entries in the request have the same Id.");
    }
    bytes += entry.message.size();
    if (!entry.message_attributes) continue;
    for (const auto& [name, value] : *entry.message_attributes) {
      bytes += name.size() + value.data_type.size() + value.string_value.value_or("").size() +
               value.binary_value.value_or("").size();
    }
  }
  if (bytes > kMessageLimit) {
    return Error(api::errors::kBatchRequestTooLong,
                 "The length of all the batch messages put together is more than the limit.");
  }
  return {};
}

}  // namespace

void PublishOperations::register_on(wire::Service& service) {
  service.on<api::Publish>([this](Call& c, const auto& in) { return publish(c, in); });
  service.on<api::PublishBatch>([this](Call& c, const auto& in) { return publish_batch(c, in); });
}

Task<std::shared_ptr<const TopicView>> PublishOperations::topic_of(const Call& call, std::string arn,
                                                                   std::string parameter) {
  const TopicName name = co_await parse_topic_arn(arn, call.region, parameter);
  std::shared_ptr<const TopicView> view = co_await parts_.views.find(name);
  co_await permit(call, name, view->topic, "Publish");
  co_return view;
}

Task<std::vector<Receipt>> PublishOperations::accept(std::shared_ptr<const TopicView> topic,
                                                     std::vector<Notification> notifications) {
  const std::int64_t now = parts_.clock.now_millis();
  for (Notification& notification : notifications) {
    notification.topic_arn = topic->name.arn();
    notification.time = now;
    count(parts_, topic->name, "PublishSize", static_cast<double>(notification.size()), "Bytes");
  }
  count(parts_, topic->name, "NumberOfMessagesPublished", static_cast<double>(notifications.size()));
  if (topic->topic.fifo()) co_return co_await fifo_.append(*topic, notifications);
  co_await fan_out_.accept(topic, notifications);
  std::vector<Receipt> receipts;
  for (const Notification& notification : notifications) receipts.emplace_back(notification.id, "");
  co_return receipts;
}

Task<api::PublishResponse> PublishOperations::publish(Call& call, const api::PublishInput& input) {
  const int targets = (input.topic_arn ? 1 : 0) + (input.target_arn ? 1 : 0) + (input.phone_number ? 1 : 0);
  if (targets == 0) co_return invalid("TopicArn or TargetArn Reason: no value for required parameter");
  if (targets > 1) co_return invalid("TopicArn, TargetArn and PhoneNumber Reason: only one of them can be given");
  if (input.phone_number) co_return co_await publish_to_phone(call, input);
  if (input.target_arn && parse_endpoint_arn(*input.target_arn)) co_return co_await publish_to_device(input);
  const std::string arn = input.topic_arn ? *input.topic_arn : *input.target_arn;
  const std::shared_ptr<const TopicView> topic =
      co_await topic_of(call, arn, input.topic_arn ? "TopicArn" : "TargetArn");
  std::vector<Notification> one;
  one.push_back(co_await notification_of(input, &topic->topic));
  const std::vector<Receipt> receipts = co_await accept(topic, std::move(one));
  api::PublishResponse output;
  output.message_id = receipts.front().id;
  if (!receipts.front().sequence.empty()) output.sequence_number = receipts.front().sequence;
  co_return output;
}

Task<api::PublishResponse> PublishOperations::publish_to_phone(Call& call, const api::PublishInput& input) {
  const std::string number = phone_number(*input.phone_number);
  if (number.empty()) {
    co_return invalid("PhoneNumber Reason: " + *input.phone_number + " is not valid to publish to");
  }
  if (!sms_.configured()) {
    co_return invalid("PhoneNumber Reason: this server has no SMS gateway (option --sms-gateway)");
  }
  const Notification notification = co_await notification_of(input, nullptr);
  SmsMessage message(call.account(), call.region, number, message_for(notification, "sms"), notification.id);
  message.take_attributes(notification.attributes);
  const Result<void> sent = co_await attempt(sms_.send(std::move(message)));
  if (!sent.ok() && sent.error().http_status() >= 500) {
    co_return Error(api::errors::kInternalError, sent.error().message());
  }
  if (!sent.ok()) co_return invalid("PhoneNumber Reason: " + sent.error().message());
  api::PublishResponse output;
  output.message_id = notification.id;
  co_return output;
}

Task<api::PublishResponse> PublishOperations::publish_to_device(const api::PublishInput& input) {
  Notification notification = co_await notification_of(input, nullptr);
  notification.time = parts_.clock.now_millis();
  const std::string id = notification.id;
  co_await push_.accept(*input.target_arn, std::move(notification));
  api::PublishResponse output;
  output.message_id = id;
  co_return output;
}

/// Entries that are wrong by themselves fail by themselves; the others are one transaction.
Task<api::PublishBatchResponse> PublishOperations::publish_batch(Call& call, const api::PublishBatchInput& input) {
  const std::vector<api::PublishBatchRequestEntry>& entries = input.publish_batch_request_entries;
  const std::shared_ptr<const TopicView> topic = co_await topic_of(call, input.topic_arn, "TopicArn");
  co_await check_batch(entries);
  api::PublishBatchResponse output;
  output.successful.emplace();
  output.failed.emplace();
  std::vector<Notification> notifications;
  std::vector<std::string> ids;
  for (const api::PublishBatchRequestEntry& entry : entries) {
    Result<Notification> notification = notification_of(entry, &topic->topic);
    if (notification.ok()) {
      notifications.push_back(std::move(*notification));
      ids.push_back(entry.id);
      continue;
    }
    api::BatchResultErrorEntry& failed = output.failed->emplace_back();
    failed.id = entry.id;
    failed.code = notification.error().code();
    failed.message = notification.error().message();
    failed.sender_fault = true;
  }
  if (notifications.empty()) co_return output;
  const std::vector<Receipt> receipts = co_await accept(topic, std::move(notifications));
  for (std::size_t i = 0; i < receipts.size(); ++i) {
    api::PublishBatchResultEntry& entry = output.successful->emplace_back();
    entry.id = ids[i];
    entry.message_id = receipts[i].id;
    if (!receipts[i].sequence.empty()) entry.sequence_number = receipts[i].sequence;
  }
  co_return output;
}

}  // namespace cumulet::sns
