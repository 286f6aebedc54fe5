#include <set>

#include "access/policy.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/sqs/errors.h"
#include "services/sqs/message_rules.h"
#include "services/sqs/sqs.h"
#include "wire/arn.h"

namespace cumulet::sqs {
namespace {

namespace api = wire::sqs;
using SystemAttributes = std::map<std::string, api::MessageSystemAttributeValue>;

constexpr std::int32_t kMaxDelay = 900;
constexpr std::size_t kMaxEntries = 10;
constexpr std::string_view kTraceHeader = "AWSTraceHeader";

/// What SendMessage and one entry of SendMessageBatch have in common, without copying.
struct Given {
  const std::string& body;
  const std::optional<std::int32_t>& delay;
  const std::optional<std::map<std::string, api::MessageAttributeValue>>& attributes;
  const std::optional<SystemAttributes>& system;
  const std::optional<std::string>& deduplication_id;
  const std::optional<std::string>& group;
};

/// A message that passed every rule of its queue, and its digests.
struct Accepted {
  Accepted() = default;
  Outgoing outgoing;
  std::size_t bytes = 0;
  std::optional<std::string> attributes_md5;
  std::optional<std::string> system_md5;
};

Error bad_value(const std::string& value, std::string_view parameter, std::string_view reason) {
  return invalid_parameter("Value " + value + " for parameter " + std::string(parameter) +
                           " is invalid. Reason: " + std::string(reason));
}

Result<void> check_identifiers(const QueueSettings& queue, const Given& given) {
  constexpr std::string_view kForm =
      "must be 1 to 128 in length and can only include alphanumeric and punctuation characters.";
  if (given.group && !is_valid_fifo_id(*given.group)) {
    return bad_value(*given.group, "MessageGroupId", std::string("MessageGroupId ") + std::string(kForm));
  }
  if (given.deduplication_id && !queue.fifo) {
    return bad_value(*given.deduplication_id, "MessageDeduplicationId",
                     "The request includes a parameter that is not valid for this queue type.");
  }
  if (given.deduplication_id && !is_valid_fifo_id(*given.deduplication_id)) {
    return bad_value(*given.deduplication_id, "MessageDeduplicationId",
                     std::string("MessageDeduplicationId ") + std::string(kForm));
  }
  if (!queue.fifo) return {};
  if (!given.group) return Error("MissingParameter", 400, "The request must contain the parameter MessageGroupId.");
  if (!given.deduplication_id && !queue.content_based_deduplication) {
    return invalid_parameter(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly");
  }
  return {};
}

Result<std::uint32_t> delay_of(const QueueSettings& queue, const Given& given) {
  if (!given.delay) return queue.delay_seconds;
  const std::int32_t delay = *given.delay;
  if (queue.fifo && delay != 0) {
    return bad_value(std::to_string(delay), "DelaySeconds",
                     "The request include parameter that is not valid for this queue type.");
  }
  if (delay < 0 || delay > kMaxDelay) {
    return bad_value(std::to_string(delay), "DelaySeconds", "DelaySeconds must be >= 0 and <= 900.");
  }
  return static_cast<std::uint32_t>(delay);
}

/// The trace header, as the attribute that it is digested as.
Result<std::map<std::string, Attribute>> system_attributes_of(const SystemAttributes& given) {
  std::map<std::string, Attribute> attributes;
  for (const auto& [name, value] : given) {
    if (name != kTraceHeader) {
      return invalid_parameter("Message system attribute name '" + name + "' is invalid.");
    }
    if (value.data_type != "String" || !value.string_value || value.string_value->empty()) {
      return invalid_parameter("The message system attribute '" + name + "' must contain a non-empty string value.");
    }
    Attribute attribute;
    attribute.data_type = value.data_type;
    attribute.value = *value.string_value;
    attributes.emplace(name, std::move(attribute));
  }
  return attributes;
}

std::string deduplication_key(const QueueSettings& queue, const MessageContent& content) {
  if (!queue.fifo) return {};
  // A group's id is at most 128 characters and has no line breaks.
  if (queue.deduplication_scope == "messageGroup") return content.group + "\n" + content.deduplication_id;
  return content.deduplication_id;
}

Result<Accepted> accept(const QueueSettings& queue, const Given& given, const std::string& sender) {
  if (given.body.empty()) {
    return Error("MissingParameter", 400, "The request must contain the parameter MessageBody.");
  }
  if (!has_allowed_characters(given.body)) {
    return Error(api::errors::kInvalidMessageContents,
                 "Invalid characters in the message body. Valid characters are: #x9 | #xA | #xD | #x20 to #xD7FF | "
                 "#xE000 to #xFFFD | #x10000 to #x10FFFF.");
  }
  Result<void> identifiers = check_identifiers(queue, given);
  if (!identifiers) return std::move(identifiers).error();
  const Result<std::uint32_t> delay = delay_of(queue, given);
  if (!delay) return delay.error();
  Accepted accepted;
  MessageContent& content = accepted.outgoing.content;
  if (given.attributes) {
    Result<std::map<std::string, Attribute>> attributes = attributes_from(*given.attributes);
    if (!attributes) return std::move(attributes).error();
    content.attributes = std::move(*attributes);
    accepted.attributes_md5 = md5_of(content.attributes);
  }
  if (given.system && !given.system->empty()) {
    const Result<std::map<std::string, Attribute>> system = system_attributes_of(*given.system);
    if (!system) return system.error();
    accepted.system_md5 = md5_of(*system);
    content.trace_header = system->begin()->second.value;
  }
  accepted.bytes = message_bytes(given.body, content.attributes);
  if (accepted.bytes > queue.maximum_message_size) {
    return invalid_parameter("One or more parameters are invalid. Reason: Message must be shorter than " +
                             std::to_string(queue.maximum_message_size) + " bytes.");
  }
  content.id = uuid();
  content.body = given.body;
  content.sender_id = sender;
  content.group = given.group.value_or("");
  if (queue.fifo) {
    content.deduplication_id = given.deduplication_id ? *given.deduplication_id : hex_encode(sha256(given.body));
  }
  accepted.outgoing.delay_seconds = *delay;
  accepted.outgoing.deduplication_key = deduplication_key(queue, content);
  return accepted;
}

std::string sequence_number(std::uint64_t sequence) {
  const std::string digits = std::to_string(sequence);
  return std::string(20 - std::min<std::size_t>(20, digits.size()), '0') + digits;
}

api::BatchResultErrorEntry failed_entry(const std::string& id, const Error& error) {
  api::BatchResultErrorEntry entry;
  entry.id = id;
  entry.sender_fault = error.http_status() < 500;
  entry.code = error.code();
  entry.message = error.message();
  return entry;
}

Result<void> check_entries(const std::vector<api::SendMessageBatchRequestEntry>& entries) {
  if (entries.empty()) {
    return Error(api::errors::kEmptyBatchRequest,
                 "There should be at least one SendMessageBatchRequestEntry in the request.");
  }
  if (entries.size() > kMaxEntries) {
    return Error(api::errors::kTooManyEntriesInBatchRequest,
                 "Maximum number of entries per request are 10. You have sent " + std::to_string(entries.size()) + ".");
  }
  std::set<std::string_view> ids;
  std::size_t bytes = 0;
  for (const api::SendMessageBatchRequestEntry& entry : entries) {
    if (!is_valid_entry_id(entry.id)) {
      return Error(api::errors::kInvalidBatchEntryId,
                   "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
                   "most 80 letters long.");
    }
    if (!ids.insert(entry.id).second) {
      return Error(api::errors::kBatchEntryIdsNotDistinct, "Id " + entry.id + " repeated.");
    }
    bytes += entry.message_body.size();
    for (const auto& [name, value] :
         entry.message_attributes.value_or(std::map<std::string, api::MessageAttributeValue>())) {
      bytes += name.size() + value.data_type.size() + value.string_value.value_or("").size() +
               value.binary_value.value_or("").size();
    }
  }
  if (bytes > kMaxMessageBytes) {
    return Error(api::errors::kBatchRequestTooLong, "Batch requests cannot be longer than " +
                                                        std::to_string(kMaxMessageBytes) + " bytes. You have sent " +
                                                        std::to_string(bytes) + " bytes.");
  }
  return {};
}

std::string sender_of(const wire::Call& call) {
  return call.caller.unique_id.empty() ? call.caller.account : call.caller.unique_id;
}

}  // namespace

void Sqs::register_send() {
  service_.on<api::SendMessage>([this](Call& c, const auto& in) { return send_message(c, in); });
  service_.on<api::SendMessageBatch>([this](Call& c, const auto& in) { return send_batch(c, in); });
}

Task<api::SendMessageOutput> Sqs::send_message(Call& call, const api::SendMessageInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "SendMessage");
  const std::shared_ptr<const QueueRow> row = queue->row();
  const Given given{input.message_body,
                    input.delay_seconds,
                    input.message_attributes,
                    input.message_system_attributes,
                    input.message_deduplication_id,
                    input.message_group_id};
  Accepted accepted = co_await accept(row->settings, given, sender_of(call));
  std::vector<Outgoing> messages;
  messages.push_back(std::move(accepted.outgoing));
  const std::vector<Sent> sent = co_await queue->send(std::move(messages));
  queue->metrics().note(QueueMetric::kSent, 1);
  queue->metrics().note(QueueMetric::kSentBytes, static_cast<double>(accepted.bytes));
  api::SendMessageOutput output;
  output.message_id = sent.front().message_id;
  output.md5_of_message_body = md5_of(input.message_body);
  output.md5_of_message_attributes = std::move(accepted.attributes_md5);
  output.md5_of_message_system_attributes = std::move(accepted.system_md5);
  if (row->settings.fifo) output.sequence_number = sequence_number(sent.front().sequence);
  co_return output;
}

Task<api::SendMessageBatchOutput> Sqs::send_batch(Call& call, const api::SendMessageBatchInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "SendMessage");
  const std::shared_ptr<const QueueRow> row = queue->row();
  co_await check_entries(input.entries);
  api::SendMessageBatchOutput output;
  std::vector<Outgoing> messages;
  std::size_t bytes = 0;
  for (const api::SendMessageBatchRequestEntry& entry : input.entries) {
    const Given given{entry.message_body,
                      entry.delay_seconds,
                      entry.message_attributes,
                      entry.message_system_attributes,
                      entry.message_deduplication_id,
                      entry.message_group_id};
    Result<Accepted> accepted = accept(row->settings, given, sender_of(call));
    if (!accepted) {
      output.failed.push_back(failed_entry(entry.id, accepted.error()));
      continue;
    }
    bytes += accepted->bytes;
    api::SendMessageBatchResultEntry entry_result;
    entry_result.id = entry.id;
    entry_result.md5_of_message_body = md5_of(entry.message_body);
    entry_result.md5_of_message_attributes = std::move(accepted->attributes_md5);
    entry_result.md5_of_message_system_attributes = std::move(accepted->system_md5);
    output.successful.push_back(std::move(entry_result));
    messages.push_back(std::move(accepted->outgoing));
  }
  if (messages.empty()) co_return output;
  const std::vector<Sent> sent = co_await queue->send(std::move(messages));
  for (std::size_t i = 0; i < sent.size(); ++i) {
    output.successful[i].message_id = sent[i].message_id;
    if (row->settings.fifo) output.successful[i].sequence_number = sequence_number(sent[i].sequence);
  }
  queue->metrics().note(QueueMetric::kSent, static_cast<double>(sent.size()));
  queue->metrics().note(QueueMetric::kSentBytes, static_cast<double>(bytes) / static_cast<double>(sent.size()));
  co_return output;
}

namespace {

/// "sns.amazonaws.com" for an event that a topic caused.
std::string principal_of(const events::Event& event) {
  const std::optional<wire::Arn> source = wire::parse_arn(event.source_arn);
  return source ? source->service + ".amazonaws.com" : std::string();
}

/// The service may send: it does so for the queue's own account, or the queue's policy lets it in.
bool may_deliver(const events::Event& event, const QueueName& name, const QueueRow& row, const std::string& principal) {
  if (event.account.empty() || event.account == name.account) return true;
  if (row.settings.policy.empty() || principal.empty()) return false;
  const Result<access::Policy> policy = access::parse_policy(row.settings.policy, access::PolicyKind::kResource);
  if (!policy) return false;
  access::Question question;
  question.service_principal = principal;
  question.action = "sqs:SendMessage";
  question.resource = name.arn();
  question.context["aws:sourcearn"] = {event.source_arn};
  question.context["aws:sourceaccount"] = {event.account};
  return access::evaluate(*policy, question) == access::Decision::kAllow;
}

/// A parameter of the event, "@DelaySeconds"; nothing when the event has none.
std::optional<std::string> parameter_of(const events::Event& event, std::string_view name) {
  const auto found = event.attributes.find("@" + std::string(name));
  if (found == event.attributes.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

/// "Name" is a text, "Name#Type" a value of that type.
std::map<std::string, api::MessageAttributeValue> message_attributes_of(const events::Event& event) {
  std::map<std::string, api::MessageAttributeValue> attributes;
  for (const auto& [key, text] : event.attributes) {
    if (key.starts_with("@")) continue;
    const std::size_t mark = key.find('#');
    api::MessageAttributeValue value;
    value.data_type = mark == std::string::npos ? "String" : key.substr(mark + 1);
    if (value.data_type.starts_with("Binary")) {
      value.binary_value = base64_decode(text).value_or("");
    } else {
      value.string_value = text;
    }
    attributes.emplace(key.substr(0, mark), std::move(value));
  }
  return attributes;
}

}  // namespace

Task<events::Outcome> Sqs::deliver(const events::Event& event) {
  const std::optional<QueueName> name = parse_queue_arn(event.target_arn);
  if (!name) co_return events::Outcome::dropped("not a queue: " + event.target_arn);
  const Queue queue = co_await queues_.find(*name);
  if (queue == nullptr) co_return events::Outcome::dropped("there is no queue " + event.target_arn);
  const std::shared_ptr<const QueueRow> row = queue->row();
  const std::string principal = principal_of(event);
  if (!may_deliver(event, *name, *row, principal)) {
    co_return events::Outcome::dropped("the policy of " + event.target_arn + " does not allow it");
  }
  const std::optional<std::map<std::string, api::MessageAttributeValue>> attributes = message_attributes_of(event);
  std::optional<std::int32_t> delay;
  if (const std::optional<std::string> text = parameter_of(event, "DelaySeconds")) {
    delay = static_cast<std::int32_t>(std::min<std::int64_t>(parse_int(*text).value_or(0), kMaxDelay));
  }
  const std::optional<std::string> group = parameter_of(event, "MessageGroupId");
  std::optional<std::string> deduplication_id = parameter_of(event, "MessageDeduplicationId");
  if (row->settings.fifo && !deduplication_id && !row->settings.content_based_deduplication) {
    deduplication_id = event.id;  // The same through all retries: a second delivery leaves no second message.
  }
  const std::optional<SystemAttributes> no_system;
  const Given given{event.payload, delay, attributes, no_system, deduplication_id, group};
  Result<Accepted> accepted = accept(row->settings, given, principal.empty() ? event.account : principal);
  if (!accepted) co_return events::Outcome::dropped(accepted.error().message());
  accepted->outgoing.content.trace_header = parameter_of(event, kTraceHeader).value_or("");
  const std::size_t bytes = accepted->bytes;
  std::vector<Outgoing> messages;
  messages.push_back(std::move(accepted->outgoing));
  const Result<std::vector<Sent>> sent = co_await attempt(queue->send(std::move(messages)));
  if (!sent && sent.error().is(api::errors::kQueueDoesNotExist)) {
    co_return events::Outcome::dropped("the queue is gone: " + event.target_arn);
  }
  if (!sent) co_return sent.error();
  queue->metrics().note(QueueMetric::kSent, 1);
  queue->metrics().note(QueueMetric::kSentBytes, static_cast<double>(bytes));
  co_return events::Outcome::delivered();
}

}  // namespace cumulet::sqs
