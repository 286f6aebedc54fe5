#include <set>

#include "services/sqs/errors.h"
#include "services/sqs/message_rules.h"
#include "services/sqs/sqs.h"

namespace cumulet::sqs {
namespace {

namespace api = wire::sqs;

constexpr std::int32_t kMaxVisibility = 43'200;
constexpr std::int32_t kMaxWait = 20;
constexpr std::size_t kMaxEntries = 10;

Error out_of_range(std::int32_t value, std::string_view parameter, std::string_view range) {
  return invalid_parameter("Value " + std::to_string(value) + " for parameter " + std::string(parameter) +
                           " is invalid. Reason: Must be " + std::string(range) + ", if provided.");
}

Result<ReceiveOptions> options_from(const api::ReceiveMessageInput& input, const QueueSettings& queue) {
  ReceiveOptions options;
  const std::int32_t count = input.max_number_of_messages.value_or(1);
  if (count < 1 || count > 10) return out_of_range(count, "MaxNumberOfMessages", "between 1 and 10");
  options.count = static_cast<std::size_t>(count);
  if (input.visibility_timeout) {
    const std::int32_t timeout = *input.visibility_timeout;
    if (timeout < 0 || timeout > kMaxVisibility) {
      return out_of_range(timeout, "VisibilityTimeout", "between 0 and 43200");
    }
    options.visibility_seconds = static_cast<std::uint32_t>(timeout);
  }
  const std::int32_t wait = input.wait_time_seconds.value_or(static_cast<std::int32_t>(queue.receive_wait_seconds));
  if (wait < 0 || wait > kMaxWait) return out_of_range(wait, "WaitTimeSeconds", ">= 0 and <= 20");
  if (wait > 0) options.wait_until = std::chrono::steady_clock::now() + std::chrono::seconds(wait);
  if (input.receive_request_attempt_id && !input.receive_request_attempt_id->empty()) {
    if (!queue.fifo) {
      return invalid_parameter("Value " + *input.receive_request_attempt_id +
                               " for parameter ReceiveRequestAttemptId is invalid. Reason: The request includes a "
                               "parameter that is not valid for this queue type.");
    }
    if (!is_valid_fifo_id(*input.receive_request_attempt_id)) {
      return invalid_parameter(
          "Value " + *input.receive_request_attempt_id +
          " for parameter ReceiveRequestAttemptId is invalid. Reason: ReceiveRequestAttemptId must be 1 to 128 in "
          "length and can only include alphanumeric and punctuation characters.");
    }
    options.attempt_id = *input.receive_request_attempt_id;
  }
  return options;
}

Result<std::vector<std::string>> system_attributes_wanted(const api::ReceiveMessageInput& input) {
  static const std::set<std::string, std::less<>> kKnown{"All",
                                                         "SenderId",
                                                         "SentTimestamp",
                                                         "ApproximateReceiveCount",
                                                         "AWSTraceHeader",
                                                         "SequenceNumber",
                                                         "MessageDeduplicationId",
                                                         "ApproximateFirstReceiveTimestamp",
                                                         "MessageGroupId",
                                                         "DeadLetterQueueSourceArn"};
  std::vector<std::string> wanted = input.message_system_attribute_names.value_or(std::vector<std::string>());
  const std::vector<std::string> older = input.attribute_names.value_or(std::vector<std::string>());
  wanted.insert(wanted.end(), older.begin(), older.end());
  for (const std::string& name : wanted) {
    if (!kKnown.contains(name)) return Error(api::errors::kInvalidAttributeName, "Unknown Attribute " + name + ".");
  }
  return wanted;
}

std::string millis(Micros time) { return std::to_string(time / 1000); }

std::map<std::string, std::string> system_attributes(const Received& received, const std::vector<std::string>& wanted,
                                                     bool fifo) {
  std::map<std::string, std::string> attributes;
  const auto add = [&](const std::string& name, std::string value) {
    if (!value.empty() && wants_attribute(wanted, name)) attributes.emplace(name, std::move(value));
  };
  const MessageContent& content = received.content;
  add("SenderId", content.sender_id);
  add("SentTimestamp", millis(received.state.sent));
  add("ApproximateReceiveCount", std::to_string(received.state.receives));
  add("ApproximateFirstReceiveTimestamp", millis(received.state.first_received));
  add("AWSTraceHeader", content.trace_header);
  add("MessageGroupId", content.group);
  add("DeadLetterQueueSourceArn", content.dead_letter_source);
  if (fifo) {
    const std::string digits = std::to_string(received.position.sequence);
    add("SequenceNumber", std::string(20 - std::min<std::size_t>(20, digits.size()), '0') + digits);
    add("MessageDeduplicationId", content.deduplication_id);
  }
  return attributes;
}

api::Message shown_message(Received& received, const std::vector<std::string>& system,
                           const std::vector<std::string>& wanted, bool fifo) {
  api::Message message;
  MessageContent& content = received.content;
  message.message_id = content.id;
  message.receipt_handle = std::move(received.handle);
  message.md5_of_body = md5_of(content.body);
  std::map<std::string, std::string> attributes = system_attributes(received, system, fifo);
  if (!attributes.empty()) message.attributes = std::move(attributes);
  std::erase_if(content.attributes, [&](const auto& entry) { return !wants_attribute(wanted, entry.first); });
  if (!content.attributes.empty()) {
    message.md5_of_message_attributes = md5_of(content.attributes);
    message.message_attributes.emplace();
    for (const auto& [name, attribute] : content.attributes) {
      message.message_attributes->emplace(name, sqs::shown(attribute));
    }
  }
  message.body = std::move(content.body);
  return message;
}

Error error_of(const ReceiptOutcome& outcome) {
  const bool unknown = outcome.code == api::errors::kReceiptHandleIsInvalid.code;
  return Error(outcome.code, unknown ? 404 : 400, outcome.message);
}

/// The rules of batches that name messages by their receipts.
template <typename Entries>
Result<void> check_batch(const Entries& entries, std::string_view type) {
  if (entries.empty()) {
    return Error(api::errors::kEmptyBatchRequest,
                 "There should be at least one " + std::string(type) + " in the request.");
  }
  if (entries.size() > kMaxEntries) {
    return Error(api::errors::kTooManyEntriesInBatchRequest,
                 "Maximum number of entries per request are 10. You have sent " + std::to_string(entries.size()) + ".");
  }
  std::set<std::string_view> ids;
  for (const auto& entry : entries) {
    if (!is_valid_entry_id(entry.id)) {
      return Error(api::errors::kInvalidBatchEntryId,
                   "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
                   "most 80 letters long.");
    }
    if (!ids.insert(entry.id).second) {
      return Error(api::errors::kBatchEntryIdsNotDistinct, "Id " + entry.id + " repeated.");
    }
  }
  return {};
}

api::BatchResultErrorEntry failed_entry(const std::string& id, const ReceiptOutcome& outcome) {
  api::BatchResultErrorEntry entry;
  entry.id = id;
  entry.sender_fault = true;
  entry.code = outcome.code;
  entry.message = outcome.message;
  return entry;
}

Error bad_timeout(std::int32_t timeout) {
  return invalid_parameter("Value " + std::to_string(timeout) +
                           " for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer "
                           "between 0 and 43200.");
}

}  // namespace

void Sqs::register_receive() {
  service_.on<api::ReceiveMessage>([this](Call& c, const auto& in) { return receive_message(c, in); });
  service_.on<api::DeleteMessage>([this](Call& c, const auto& in) { return delete_message(c, in); });
  service_.on<api::DeleteMessageBatch>([this](Call& c, const auto& in) { return delete_batch(c, in); });
  service_.on<api::ChangeMessageVisibility>([this](Call& c, const auto& in) { return change_visibility(c, in); });
  service_.on<api::ChangeMessageVisibilityBatch>(
      [this](Call& c, const auto& in) { return change_visibility_batch(c, in); });
}

Task<api::ReceiveMessageOutput> Sqs::receive_message(Call& call, const api::ReceiveMessageInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "ReceiveMessage");
  const std::shared_ptr<const QueueRow> row = queue->row();
  ReceiveOptions options = co_await options_from(input, row->settings);
  const std::vector<std::string> system = co_await system_attributes_wanted(input);
  const std::vector<std::string> wanted = input.message_attribute_names.value_or(std::vector<std::string>());
  if (stopping()) options.wait_until.reset();
  std::vector<Received> received = co_await queue->receive(std::move(options));
  api::ReceiveMessageOutput output;
  if (received.empty()) {
    queue->metrics().note(QueueMetric::kEmptyReceives, 1);
    co_return output;
  }
  queue->metrics().note(QueueMetric::kReceived, static_cast<double>(received.size()));
  output.messages.emplace();
  output.messages->reserve(received.size());
  for (Received& one : received) {
    output.messages->push_back(shown_message(one, system, wanted, row->settings.fifo));
  }
  co_return output;
}

Task<api::DeleteMessageOutput> Sqs::delete_message(Call& call, const api::DeleteMessageInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "DeleteMessage");
  std::vector<std::string> handles(1, input.receipt_handle);
  const std::vector<ReceiptOutcome> outcomes = co_await queue->remove(std::move(handles));
  if (!outcomes.front().code.empty()) co_return error_of(outcomes.front());
  queue->metrics().note(QueueMetric::kDeleted, 1);
  co_return api::DeleteMessageOutput();
}

Task<api::DeleteMessageBatchOutput> Sqs::delete_batch(Call& call, const api::DeleteMessageBatchInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "DeleteMessage");
  co_await check_batch(input.entries, "DeleteMessageBatchRequestEntry");
  std::vector<std::string> handles;
  for (const api::DeleteMessageBatchRequestEntry& entry : input.entries) handles.push_back(entry.receipt_handle);
  const std::vector<ReceiptOutcome> outcomes = co_await queue->remove(std::move(handles));
  api::DeleteMessageBatchOutput output;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const std::string& id = input.entries[i].id;
    if (!outcomes[i].code.empty()) {
      output.failed.push_back(failed_entry(id, outcomes[i]));
      continue;
    }
    output.successful.emplace_back().id = id;
  }
  queue->metrics().note(QueueMetric::kDeleted, static_cast<double>(output.successful.size()));
  co_return output;
}

Task<api::ChangeMessageVisibilityOutput> Sqs::change_visibility(Call& call,
                                                                const api::ChangeMessageVisibilityInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "ChangeMessageVisibility");
  if (input.visibility_timeout < 0 || input.visibility_timeout > kMaxVisibility) {
    co_return bad_timeout(input.visibility_timeout);
  }
  std::vector<std::pair<std::string, std::int32_t>> changes;
  changes.emplace_back(input.receipt_handle, input.visibility_timeout);
  const std::vector<ReceiptOutcome> outcomes = co_await queue->change_visibility(std::move(changes));
  if (!outcomes.front().code.empty()) co_return error_of(outcomes.front());
  co_return api::ChangeMessageVisibilityOutput();
}

Task<api::ChangeMessageVisibilityBatchOutput> Sqs::change_visibility_batch(
    Call& call, const api::ChangeMessageVisibilityBatchInput& input) {
  const Queue queue = co_await permit(call, input.queue_url, "ChangeMessageVisibility");
  co_await check_batch(input.entries, "ChangeMessageVisibilityBatchRequestEntry");
  api::ChangeMessageVisibilityBatchOutput output;
  std::vector<std::pair<std::string, std::int32_t>> changes;
  std::vector<std::string> ids;
  for (const api::ChangeMessageVisibilityBatchRequestEntry& entry : input.entries) {
    const std::int32_t timeout = entry.visibility_timeout.value_or(0);
    if (timeout < 0 || timeout > kMaxVisibility) {
      const Error bad = bad_timeout(timeout);
      const ReceiptOutcome outcome(bad.code(), bad.message());
      output.failed.push_back(failed_entry(entry.id, outcome));
      continue;
    }
    changes.emplace_back(entry.receipt_handle, timeout);
    ids.push_back(entry.id);
  }
  const std::vector<ReceiptOutcome> outcomes = co_await queue->change_visibility(std::move(changes));
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    if (!outcomes[i].code.empty()) {
      output.failed.push_back(failed_entry(ids[i], outcomes[i]));
      continue;
    }
    output.successful.emplace_back().id = ids[i];
  }
  co_return output;
}

}  // namespace cumulet::sqs
