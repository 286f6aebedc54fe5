#include "services/lambda/durable/checkpoint.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/lambda.h"
#include "storage/row.h"

namespace cumulet::lambda::durable {
namespace {

namespace api = wire::lambda;
using api::OperationUpdate;

/// The actions that an operation of a type knows.
bool is_action_of(const std::string& type, const std::string& action) {
  if (type == "STEP") return action != "CANCEL";
  if (type == "CONTEXT") return action == "START" || action == "SUCCEED" || action == "FAIL";
  if (type == "EXECUTION") return action == "SUCCEED" || action == "FAIL";
  if (type == "WAIT" || type == "CHAINED_INVOKE") return action == "START" || action == "CANCEL";
  return type == "CALLBACK" && action == "START";
}

/// An operation comes once in a checkpoint; a step or context may start and go on in one.
bool may_follow(const OperationUpdate& update, const std::string& last_action) {
  if (update.type != "STEP" && update.type != "CONTEXT") return false;
  return last_action == "START" && update.action != "START";
}

Result<void> check_sizes(const OperationUpdate& update, bool asynchronous) {
  const bool large = update.type == "EXECUTION" && !asynchronous;
  const std::size_t limit = large ? kMostSyncPayload : kMostPayload;
  if (update.payload && update.payload->size() > limit) {
    return invalid_parameter(update.type + " output payload size must be less than or equal to " +
                             std::to_string(limit) + " bytes.");
  }
  if (update.error && size_of(*update.error) > kMostPayload) {
    return invalid_parameter("Error object size must be less than " + std::to_string(kMostPayload) + " bytes.");
  }
  if (update.action == "SUCCEED" && update.error) {
    return invalid_parameter("Cannot provide an Error for SUCCEED action.");
  }
  if (update.action == "FAIL" && update.payload) return invalid_parameter("Cannot provide a Payload for FAIL action.");
  return {};
}

Result<void> check_same(const OperationUpdate& update, const api::Operation& shown) {
  if (update.type != shown.type) return invalid_parameter("Inconsistent operation type.");
  if (update.sub_type && update.sub_type != shown.sub_type) {
    return invalid_parameter("Inconsistent operation subtype.");
  }
  if (update.name && update.name != shown.name) return invalid_parameter("Inconsistent operation name.");
  if (update.parent_id && update.parent_id != shown.parent_id) {
    return invalid_parameter("Inconsistent parent operation id.");
  }
  return {};
}

bool is_status(const Operation* operation, std::initializer_list<const char*> allowed) {
  return std::any_of(allowed.begin(), allowed.end(),
                     [operation](const char* status) { return operation->shown.status == status; });
}

}  // namespace

Error invalid_parameter(std::string message) {
  return user_error(api::errors::kInvalidParameterValueException, std::move(message));
}

std::size_t size_of(const api::ErrorObject& error) {
  std::size_t size = error.error_message.value_or("").size() + error.error_type.value_or("").size() +
                     error.error_data.value_or("").size();
  if (!error.stack_trace) return size;
  for (const std::string& line : *error.stack_trace) size += line.size();
  return size;
}

std::string CallbackId::text() const {
  storage::RowWriter row;
  row.text(account).text(region).text(execution).text(operation).text(secret);
  return hex_encode(std::move(row).bytes());
}

std::optional<CallbackId> CallbackId::parse(const std::string& text) {
  const std::optional<std::string> bytes = hex_decode(text);
  if (!bytes) return std::nullopt;
  storage::RowReader row(*bytes);
  CallbackId id;
  id.account = row.text();
  id.region = row.text();
  id.execution = row.text();
  id.operation = row.text();
  id.secret = row.text();
  if (!row.ok() || !row.at_end() || id.execution.empty()) return std::nullopt;
  return id;
}

Task<void> Checkpoint::apply(const std::vector<OperationUpdate>& updates) {
  const auto of_execution =
      std::count_if(updates.begin(), updates.end(), [](const auto& update) { return update.type == "EXECUTION"; });
  if (of_execution > 1) co_await fail(invalid_parameter("Cannot checkpoint multiple EXECUTION updates."));
  if (of_execution == 1 && updates.back().type != "EXECUTION") {
    co_await fail(invalid_parameter("EXECUTION checkpoint must be the last update."));
  }
  for (const OperationUpdate& update : updates) co_await apply_one(update);
}

std::vector<api::Operation> Checkpoint::changed() const {
  std::vector<const Operation*> ordered;
  for (const auto& [id, operation] : seen_) {
    if (last_action_.contains(id)) ordered.push_back(&operation);
  }
  std::sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) { return a->sequence < b->sequence; });
  std::vector<api::Operation> changed;
  for (const Operation* operation : ordered) changed.push_back(operation->shown);
  return changed;
}

Task<Operation*> Checkpoint::find(std::string id) {
  if (const auto found = seen_.find(id); found != seen_.end()) co_return &found->second;
  std::optional<Operation> stored =
      co_await session_.store().find_operation(session_.txn(), session_.execution().id, id);
  Operation* found = nullptr;
  if (stored) found = &seen_.emplace(std::move(id), std::move(*stored)).first->second;
  co_return found;
}

Operation& Checkpoint::start(const OperationUpdate& update) {
  Operation& operation = seen_[update.id];
  operation.sequence = session_.execution().next_operation++;
  operation.shown.id = update.id;
  operation.shown.parent_id = update.parent_id;
  operation.shown.name = update.name;
  operation.shown.type = update.type;
  operation.shown.sub_type = update.sub_type;
  operation.shown.start_timestamp = session_.now();
  operation.shown.status = "STARTED";
  return operation;
}

Task<void> Checkpoint::check_parent(const OperationUpdate& update) {
  if (!update.parent_id) co_return;
  const Operation* parent = co_await find(*update.parent_id);
  if (parent == nullptr || parent->shown.type != "CONTEXT") {
    co_await fail(invalid_parameter("Invalid parent operation id."));
  }
}

Task<void> Checkpoint::apply_one(const OperationUpdate& update) {
  const auto last = last_action_.find(update.id);
  if (last != last_action_.end() && !may_follow(update, last->second)) {
    co_await fail(invalid_parameter("Cannot checkpoint multiple operations with the same ID."));
  }
  co_await check_parent(update);
  co_await check_sizes(update, session_.execution().asynchronous);
  if (!is_action_of(update.type, update.action)) {
    co_await fail(invalid_parameter("Invalid action for the given operation type."));
  }
  if (update.type == "EXECUTION") {
    co_await apply_execution(update);
    co_return;
  }
  Operation* operation = co_await find(update.id);
  if (operation != nullptr) co_await check_same(update, operation->shown);
  if (update.type == "STEP") co_await apply_step(update, operation);
  if (update.type == "CONTEXT") co_await apply_context(update, operation);
  if (update.type == "WAIT") co_await apply_wait(update, operation);
  if (update.type == "CALLBACK") co_await apply_callback(update, operation);
  if (update.type == "CHAINED_INVOKE") co_await apply_chain(update, operation);
  last_action_[update.id] = update.action;
  Operation* changed = co_await find(update.id);
  session_.put(*changed);
}

Result<void> Checkpoint::apply_step(const OperationUpdate& update, Operation* operation) {
  if (update.action == "RETRY") {
    if (operation != nullptr && !is_status(operation, {"STARTED", "READY"})) {
      return invalid_parameter("Invalid current STEP state to re-attempt.");
    }
    if (!update.step_options || !update.step_options->next_attempt_delay_seconds) {
      return invalid_parameter("Invalid StepOptions for the given action.");
    }
    if (update.error && update.payload) {
      return invalid_parameter("Cannot provide both error and payload to RETRY a STEP.");
    }
  } else if (update.action == "START") {
    if (operation != nullptr && !is_status(operation, {"READY"})) {
      return invalid_parameter("Invalid current STEP state to start.");
    }
  } else if (operation != nullptr && !is_status(operation, {"STARTED", "READY"})) {
    return invalid_parameter("Invalid current STEP state to close.");
  }
  if (operation == nullptr) {
    operation = &start(update);
    operation->shown.step_details.emplace().attempt = 0;
  }
  if (update.action == "START") {
    operation->shown.status = "STARTED";
    operation->shown.step_details->next_attempt_timestamp.reset();
    api::Event event;
    event.event_type = "StepStarted";
    event.step_started_details.emplace();
    session_.record(std::move(event), operation->shown);
  } else {
    api::StepDetails& details = *operation->shown.step_details;
    details.attempt = details.attempt.value_or(0) + 1;
    details.result = update.payload;
    details.error = update.error;
    if (update.action == "RETRY") {
      retry_step(update, *operation);
    } else {
      close_step(update, *operation);
    }
  }
  return {};
}

void Checkpoint::close_step(const OperationUpdate& update, Operation& operation) {
  const bool good = update.action == "SUCCEED";
  operation.shown.status = good ? "SUCCEEDED" : "FAILED";
  operation.shown.end_timestamp = session_.now();
  operation.shown.step_details->next_attempt_timestamp.reset();
  api::Event event;
  if (good) {
    event.event_type = "StepSucceeded";
    api::StepSucceededDetails& details = event.step_succeeded_details.emplace();
    details.result.payload = update.payload;
    details.retry_details.current_attempt = operation.shown.step_details->attempt;
  } else {
    event.event_type = "StepFailed";
    api::StepFailedDetails& details = event.step_failed_details.emplace();
    details.error.payload = update.error;
    details.retry_details.current_attempt = operation.shown.step_details->attempt;
  }
  session_.record(std::move(event), operation.shown);
}

/// What a step says of its try when there will be another: with an error that it failed, with a payload (a condition
/// that is waited for) that it went well.
void Checkpoint::retry_step(const OperationUpdate& update, Operation& operation) {
  const std::int32_t delay = *update.step_options->next_attempt_delay_seconds;
  operation.shown.status = "PENDING";
  operation.due = session_.now() + seconds(delay);
  operation.shown.step_details->next_attempt_timestamp = operation.due;
  session_.alarm(Alarm::Kind::kOperation, *operation.due, operation.shown.id);
  ++session_.execution().pending;
  api::RetryDetails retry;
  retry.current_attempt = operation.shown.step_details->attempt;
  retry.next_attempt_delay_seconds = delay;
  api::Event event;
  if (update.error || !update.payload) {
    event.event_type = "StepFailed";
    api::StepFailedDetails& details = event.step_failed_details.emplace();
    details.error.payload = update.error;
    details.retry_details = retry;
  } else {
    event.event_type = "StepSucceeded";
    api::StepSucceededDetails& details = event.step_succeeded_details.emplace();
    details.result.payload = update.payload;
    details.retry_details = retry;
  }
  session_.record(std::move(event), operation.shown);
}

Result<void> Checkpoint::apply_context(const OperationUpdate& update, Operation* operation) {
  if (update.action == "START" && operation != nullptr) {
    return invalid_parameter("Cannot start a CONTEXT that already exist.");
  }
  if (operation != nullptr && !is_status(operation, {"STARTED"})) {
    return invalid_parameter("Invalid current CONTEXT state to close.");
  }
  if (operation == nullptr) operation = &start(update);
  api::Event event;
  if (update.action == "START") {
    operation->shown.context_details.emplace();
    event.event_type = "ContextStarted";
    event.context_started_details.emplace();
  } else {
    operation->shown.status = update.action == "SUCCEED" ? "SUCCEEDED" : "FAILED";
    operation->shown.end_timestamp = session_.now();
    api::ContextDetails& details = operation->shown.context_details.emplace();
    if (update.context_options) details.replay_children = update.context_options->replay_children;
    details.result = update.payload;
    details.error = update.error;
    if (update.action == "SUCCEED") {
      event.event_type = "ContextSucceeded";
      event.context_succeeded_details.emplace().result.payload = update.payload;
    } else {
      event.event_type = "ContextFailed";
      event.context_failed_details.emplace().error.payload = update.error;
    }
  }
  session_.record(std::move(event), operation->shown);
  return {};
}

Result<void> Checkpoint::apply_wait(const OperationUpdate& update, Operation* operation) {
  api::Event event;
  if (update.action == "CANCEL") {
    if (operation == nullptr || !is_status(operation, {"STARTED"})) {
      return invalid_parameter("Cannot cancel a WAIT that does not exist or has already completed.");
    }
    session_.silence(Alarm::Kind::kOperation, operation->due.value_or(session_.now()), update.id);
    operation->shown.status = "CANCELLED";
    operation->shown.end_timestamp = session_.now();
    operation->due.reset();
    --session_.execution().pending;
    event.event_type = "WaitCancelled";
    event.wait_cancelled_details.emplace();
    if (update.error) event.wait_cancelled_details->error.emplace().payload = update.error;
  } else {
    if (operation != nullptr) return invalid_parameter("Cannot start a WAIT that already exist.");
    if (!update.wait_options || !update.wait_options->wait_seconds) {
      return invalid_parameter("Invalid WaitOptions for the given action.");
    }
    operation = &start(update);
    operation->seconds = *update.wait_options->wait_seconds;
    operation->due = session_.now() + seconds(operation->seconds);
    operation->shown.wait_details.emplace().scheduled_end_timestamp = operation->due;
    session_.alarm(Alarm::Kind::kOperation, *operation->due, update.id);
    ++session_.execution().pending;
    event.event_type = "WaitStarted";
    api::WaitStartedDetails& details = event.wait_started_details.emplace();
    details.duration = *update.wait_options->wait_seconds;
    details.scheduled_end_timestamp = *operation->due;
  }
  session_.record(std::move(event), operation->shown);
  return {};
}

Result<void> Checkpoint::apply_callback(const OperationUpdate& update, Operation* operation) {
  if (operation != nullptr) return invalid_parameter("Cannot start a CALLBACK that already exist.");
  operation = &start(update);
  CallbackId id;
  id.account = session_.store().account();
  id.region = session_.store().region();
  id.execution = session_.execution().id;
  id.operation = update.id;
  id.secret = random_bytes(16);
  const std::string text = id.text();
  operation->shown.callback_details.emplace().callback_id = text;
  api::Event event;
  event.event_type = "CallbackStarted";
  api::CallbackStartedDetails& details = event.callback_started_details.emplace();
  details.callback_id = text;
  if (update.callback_options) {
    const std::int32_t timeout = update.callback_options->timeout_seconds.value_or(0);
    const std::int32_t beat = update.callback_options->heartbeat_timeout_seconds.value_or(0);
    details.timeout = update.callback_options->timeout_seconds;
    details.heartbeat_timeout = update.callback_options->heartbeat_timeout_seconds;
    if (timeout > 0) {
      operation->due = session_.now() + seconds(timeout);
      session_.alarm(Alarm::Kind::kOperation, *operation->due, update.id);
    }
    if (beat > 0) {
      operation->heartbeat_seconds = beat;
      operation->next_beat = session_.now() + seconds(beat);
      session_.alarm(Alarm::Kind::kHeartbeat, *operation->next_beat, update.id);
    }
  }
  ++session_.execution().pending;
  session_.record(std::move(event), operation->shown);
  return {};
}

Result<void> Checkpoint::apply_chain(const OperationUpdate& update, Operation* operation) {
  if (update.action == "START") {
    if (operation != nullptr) return invalid_parameter("Cannot start an INVOKE that already exist.");
    if (!update.chained_invoke_options) {
      return invalid_parameter("Invalid ChainedInvokeOptions for the given action.");
    }
    const Result<FunctionName> name =
        parse_function_name(update.chained_invoke_options->function_name, session_.store().account(),
                            session_.store().region(), std::nullopt);
    if (!name.ok()) return name.error();
    operation = &start(update);
    operation->shown.chained_invoke_details.emplace();
    ++session_.execution().pending;
    api::Event event;
    event.event_type = "ChainedInvokeStarted";
    api::ChainedInvokeStartedDetails& details = event.chained_invoke_started_details.emplace();
    details.function_name = update.chained_invoke_options->function_name;
    details.tenant_id = update.chained_invoke_options->tenant_id;
    details.input.emplace().payload = update.payload;
    session_.record(std::move(event), operation->shown);
    session_.run_function(name->qualified_arn(), update.payload.value_or(""), update.id,
                          details.tenant_id.value_or(""));
    return {};
  }
  if (operation == nullptr || !is_status(operation, {"STARTED"})) {
    return invalid_parameter("Cannot cancel an INVOKE that does not exist or has already completed.");
  }
  operation->shown.status = "CANCELLED";
  operation->shown.end_timestamp = session_.now();
  --session_.execution().pending;
  return {};
}

Task<void> Checkpoint::apply_execution(const OperationUpdate& update) {
  Ending ending;
  ending.status = update.action == "SUCCEED" ? "SUCCEEDED" : "FAILED";
  if (update.action == "SUCCEED") {
    ending.result = update.payload.value_or("");
  } else {
    ending.error = update.error.value_or(api::ErrorObject());
  }
  co_await session_.complete(std::move(ending));
}

}  // namespace cumulet::lambda::durable
