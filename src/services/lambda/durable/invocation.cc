#include "services/lambda/durable/invocation.h"

#include <map>
#include <utility>

#include <simdjson.h>

#include "base/ids.h"
#include "base/log.h"
#include "services/lambda/durable/checkpoint.h"
#include "services/lambda/event_source/poller.h"
#include "services/lambda/lambda.h"
#include "services/lambda/lineage.h"
#include "services/lambda/tenancy.h"
#include "wire/json.h"
#include "wire/json_writer.h"

namespace cumulet::lambda::durable {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::size_t kFirstPage = 1000;
constexpr std::size_t kPageBytes = 3u << 20;
constexpr milliseconds kShortestPause{1000};
constexpr milliseconds kLongestPause{300'000};

std::int64_t millis(Timestamp time) { return time.time_since_epoch().count() / 1000; }

void write_error(const std::optional<api::ErrorObject>& error, wire::JsonWriter& json) {
  if (!error) return;
  json.key("Error").begin_object();
  if (error->error_message) json.key("ErrorMessage").string(*error->error_message);
  if (error->error_type) json.key("ErrorType").string(*error->error_type);
  if (error->error_data) json.key("ErrorData").string(*error->error_data);
  if (error->stack_trace) {
    json.key("StackTrace").begin_array();
    for (const std::string& line : *error->stack_trace) json.string(line);
    json.end_array();
  }
  json.end_object();
}

void write_text(std::string_view name, const std::optional<std::string>& text, wire::JsonWriter& json) {
  if (text) json.key(name).string(*text);
}

void write_time(std::string_view name, const std::optional<Timestamp>& time, wire::JsonWriter& json) {
  if (time) json.key(name).integer(millis(*time));
}

void write_step(const api::StepDetails& step, wire::JsonWriter& json) {
  json.key("StepDetails").begin_object().key("Attempt").integer(step.attempt.value_or(0));
  write_time("NextAttemptTimestamp", step.next_attempt_timestamp, json);
  write_text("Result", step.result, json);
  write_error(step.error, json);
  json.end_object();
}

void write_details(const api::Operation& operation, wire::JsonWriter& json) {
  if (operation.execution_details) {
    json.key("ExecutionDetails").begin_object();
    write_text("InputPayload", operation.execution_details->input_payload, json);
    json.end_object();
  }
  if (operation.step_details) write_step(*operation.step_details, json);
  if (operation.context_details) {
    const api::ContextDetails& context = *operation.context_details;
    json.key("ContextDetails").begin_object();
    if (context.replay_children) json.key("ReplayChildren").boolean(*context.replay_children);
    write_text("Result", context.result, json);
    write_error(context.error, json);
    json.end_object();
  }
  if (operation.wait_details) {
    json.key("WaitDetails").begin_object();
    write_time("ScheduledEndTimestamp", operation.wait_details->scheduled_end_timestamp, json);
    json.end_object();
  }
  if (operation.callback_details) {
    json.key("CallbackDetails").begin_object();
    write_text("CallbackId", operation.callback_details->callback_id, json);
    write_text("Result", operation.callback_details->result, json);
    write_error(operation.callback_details->error, json);
    json.end_object();
  }
  if (operation.chained_invoke_details) {
    json.key("ChainedInvokeDetails").begin_object();
    write_text("Result", operation.chained_invoke_details->result, json);
    write_error(operation.chained_invoke_details->error, json);
    json.end_object();
  }
}

/// As functions receive it: times are milliseconds.
void write_operation(const api::Operation& operation, wire::JsonWriter& json) {
  json.begin_object().key("Id").string(operation.id);
  write_text("ParentId", operation.parent_id, json);
  write_text("Name", operation.name, json);
  json.key("Type").string(operation.type);
  write_text("SubType", operation.sub_type, json);
  json.key("StartTimestamp").integer(millis(operation.start_timestamp));
  write_time("EndTimestamp", operation.end_timestamp, json);
  json.key("Status").string(operation.status);
  write_details(operation, json);
  json.end_object();
}

std::string attribute_of(const events::Event& event, const char* name) {
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? std::string() : found->second;
}

bool is_hidden(const std::map<std::string, OperationPlace>& places, const std::string& parent) {
  const auto found = places.find(parent);
  if (found == places.end()) return false;
  return found->second.hides_children || is_hidden(places, found->second.parent);
}

/// A function's own error document, as an error of an execution.
api::ErrorObject error_of_answer(const std::string& answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  api::ErrorObject error;
  if (parser.parse(answer).get(document) != simdjson::SUCCESS) {
    error.error_message = answer;
    return error;
  }
  const auto read = [&document](const char* name) {
    std::optional<std::string> text;
    std::string_view found;
    if (document[name].get(found) == simdjson::SUCCESS) text = std::string(found);
    return text;
  };
  error.error_message = read("errorMessage");
  error.error_type = read("errorType");
  error.error_data = read("errorData");
  simdjson::dom::array lines;
  if (document["stackTrace"].get(lines) != simdjson::SUCCESS) return error;
  std::vector<std::string>& trace = error.stack_trace.emplace();
  for (const simdjson::dom::element line : lines) {
    std::string_view text;
    if (line.get(text) == simdjson::SUCCESS) trace.emplace_back(text);
  }
  return error;
}

Ending failed(std::string type, std::string message) {
  Ending ending;
  ending.status = "FAILED";
  ending.error = error_object(std::move(type), std::move(message));
  return ending;
}

}  // namespace

bool Executions::concerns(const events::Event& event) {
  return event.attributes.contains(kExecutionAttribute) || event.attributes.contains(kChainAttribute);
}

Task<events::Outcome> Executions::deliver(const events::Event& event) {
  const bool chained = event.attributes.contains(kChainAttribute);
  if (chained) co_return co_await run_chained(event);
  co_return co_await invoke(event);
}

Task<events::Outcome> Executions::invoke(const events::Event& event) {
  const auto prepare = [this, &event](Transaction& txn) { return begin_invocation(txn, event); };
  std::optional<Invocation> invocation = co_await storage::transact(tools_.database, prepare);
  if (!invocation) co_return events::Outcome::delivered();
  compute::Invocation call;
  call.request_id = invocation->request_id;
  call.payload = std::move(invocation->payload);
  call.invoked_arn = invocation->invoked_arn;
  call.trace_id = invocation->trace;
  const Result<compute::InvocationResult> result = co_await attempt(tools_.run(invocation->function, std::move(call)));
  const auto finish = [&](Transaction& txn) { return end_invocation(txn, event, *invocation, result); };
  co_return co_await storage::transact(tools_.database, finish);
}

Task<Executions::Page> Executions::page(Transaction& txn, Store store, std::string id, std::uint64_t from,
                                        std::size_t limit) {
  const std::map<std::string, OperationPlace> places = co_await store.places(txn, id);
  Page page;
  std::size_t bytes = 0;
  while (true) {
    const std::vector<Operation> rows = co_await store.operations(txn, id, from, limit + 1, kPageBytes);
    if (rows.empty()) co_return page;
    for (const Operation& row : rows) {
      if (page.operations.size() >= limit || bytes > kPageBytes) {
        page.next = row.sequence;
        co_return page;
      }
      from = row.sequence + 1;
      if (row.shown.parent_id && is_hidden(places, *row.shown.parent_id)) continue;
      bytes += encode_operation(row).size();
      page.operations.push_back(row.shown);
    }
  }
}

Task<std::optional<Executions::Invocation>> Executions::begin_invocation(Transaction& txn, const events::Event& event) {
  const Store store(event.account, event.region);
  std::optional<Invocation> invocation;
  std::optional<Execution> execution = co_await store.find(txn, attribute_of(event, kExecutionAttribute));
  if (!execution || execution->is_over() || execution->invocation != event.id) co_return invocation;
  if (execution->pause) {
    Session session(ledger_, txn, store, std::move(*execution));
    session.put_off(true);
    session.save();
    co_return invocation;
  }
  const Page first = co_await page(txn, store, execution->id, 0, kFirstPage);
  execution->token = new_token();
  execution->last_token.clear();
  execution->last_client_token.clear();
  execution->wake = false;
  wire::JsonWriter json;
  json.begin_object().key("DurableExecutionArn").string(arn_of(store, *execution));
  json.key("CheckpointToken").string(execution->token).key("UpdatedOperationIds").begin_array();
  for (const std::string& id : execution->finished) json.string(id);
  json.end_array().key("InitialExecutionState").begin_object().key("Operations").begin_array();
  for (const api::Operation& operation : first.operations) write_operation(operation, json);
  json.end_array();
  json.key("NextMarker").string(first.next == 0 ? std::string() : std::to_string(first.next));
  json.end_object().end_object();
  execution->finished.clear();
  store.put(txn, *execution);
  invocation.emplace();
  invocation->function = FunctionName(event.account, event.region, execution->function, execution->version);
  invocation->invoked_arn = execution->invoked_arn;
  invocation->request_id = uuid();
  invocation->payload = json.take();
  invocation->trace = execution->trace.empty() ? new_trace(tools_.clock.now()) : execution->trace;
  invocation->started = shown_now(tools_.clock);
  co_return invocation;
}

Task<events::Outcome> Executions::end_invocation(Transaction& txn, const events::Event& event,
                                                 const Invocation& invocation,
                                                 const Result<compute::InvocationResult>& result) {
  const Store store(event.account, event.region);
  std::optional<Execution> execution = co_await store.find(txn, attribute_of(event, kExecutionAttribute));
  if (!execution) co_return events::Outcome::delivered();
  const bool passed = execution->is_over() || execution->invocation != event.id;
  Session session(ledger_, txn, store, std::move(*execution));
  const milliseconds pause = growing_pause(event.attempt, kShortestPause, kLongestPause);
  events::Outcome outcome = events::Outcome::delivered();
  if (result.ok()) {
    api::Event completed;
    completed.event_type = "InvocationCompleted";
    api::InvocationCompletedDetails& details = completed.invocation_completed_details.emplace();
    details.start_timestamp = invocation.started;
    details.end_timestamp = session.now();
    details.request_id = invocation.request_id;
    details.error.emplace();
    if (!result->function_error.empty()) details.error->payload = error_of_answer(result->payload);
    session.record(std::move(completed));
  }
  if (!passed) session.execution().token.clear();
  if (passed) {
    // It was stopped, or timed out, while the function ran.
  } else if (!result.ok() && result.error().http_status() == 404) {
    co_await session.complete(failed("ResourceNotFoundException", result.error().message()));
  } else if (session.execution().pause && (!result.ok() || !result->function_error.empty())) {
    session.put_off(true);
  } else if (!result.ok()) {
    outcome = events::Outcome::retry(pause, result.error().message());
  } else if (!result->function_error.empty()) {
    outcome = events::Outcome::retry(pause, "the function failed");
  } else {
    co_await take_answer(session, result->payload);
  }
  session.save();
  co_return outcome;
}

/// What the function said of its execution, which goes on, or ends.
Task<void> Executions::take_answer(Session& session, const std::string& answer) {
  // An answer has the members of the operation that shows an execution.
  api::GetDurableExecutionResponse said;
  wire::Findings findings;
  wire::decode_json(answer, *api::GetDurableExecution::model().output, &said, false, findings);
  Ending ending;
  ending.status = said.status;
  if (findings.fatal || (said.status != "SUCCEEDED" && said.status != "FAILED" && said.status != "PENDING")) {
    ending = failed("InvalidParameterValueException", "Invalid Status in invocation output.");
  } else if (said.status == "SUCCEEDED") {
    ending.result = said.result.value_or("");
    if (session.execution().asynchronous && ending.result->size() > kMostPayload) {
      ending = failed("InvalidParameterValueException",
                      "Result size must be less than or equal to " + std::to_string(kMostPayload) + " bytes.");
    }
  } else if (said.status == "FAILED") {
    ending.error = said.error.value_or(api::ErrorObject());
  } else if (session.execution().pause && (session.execution().wake || session.execution().pending > 0)) {
    session.put_off(session.execution().wake);
    co_return;
  } else if (session.execution().wake) {
    session.invoke_again();
    co_return;
  } else if (session.execution().pending > 0) {
    session.execution().due = false;
    co_return;
  } else {
    ending = failed("InvalidParameterValueException", "Cannot return PENDING status with no pending operations.");
  }
  co_await session.complete(std::move(ending));
}

Task<bool> Executions::is_awaited(const events::Event& event) {
  const Store store(event.account, event.region);
  const auto read = [&](Transaction& txn) -> Task<bool> {
    const std::string id = attribute_of(event, kChainAttribute);
    const std::optional<Execution> execution = co_await store.find(txn, id);
    if (!execution || execution->is_over()) co_return false;
    const std::optional<Operation> operation =
        co_await store.find_operation(txn, id, attribute_of(event, kChainOperation));
    co_return operation && !operation->is_over();
  };
  co_return co_await storage::transact(tools_.database, read);
}

Task<void> Executions::end_chained(const events::Event& event, Ending ending) {
  const Store store(event.account, event.region);
  const auto put = [&](Transaction& txn) -> Task<void> {
    std::optional<Execution> execution = co_await store.find(txn, attribute_of(event, kChainAttribute));
    if (!execution || execution->is_over()) co_return;
    std::optional<Operation> operation =
        co_await store.find_operation(txn, execution->id, attribute_of(event, kChainOperation));
    if (!operation || operation->is_over()) co_return;
    Session session(ledger_, txn, store, std::move(*execution));
    settle_chain(session, *operation, ending);
    session.save();
  };
  co_await storage::transact(tools_.database, put);
}

/// Another function, for an operation of an execution: to its end, or as an execution that will tell its own.
Task<events::Outcome> Executions::run_chained(const events::Event& event) {
  const std::optional<FunctionName> name = parse_function_arn(event.target_arn);
  const bool awaited = co_await is_awaited(event);
  if (!name || !awaited) co_return events::Outcome::delivered();
  const milliseconds pause = growing_pause(event.attempt, kShortestPause, kLongestPause);
  const Result<Target> target = co_await attempt(tools_.resolve(*name));
  if (!target.ok() && target.error().http_status() == 404) {
    co_await end_chained(event, failed("ResourceNotFoundException", target.error().message()));
    co_return events::Outcome::delivered();
  }
  if (!target.ok()) co_return events::Outcome::retry(pause, target.error().message());
  const std::string trace = attribute_of(event, "@TraceHeader");
  const Lineage lineage = next_hop(trace.empty() ? new_trace(tools_.clock.now()) : trace, name->arn());
  if (lineage.hops > kMostHops && target->stops_recursion) {
    co_await end_chained(event, failed("RecursiveInvocationException",
                                       "Lambda stopped the invocation because it is part of a recursive loop."));
    co_return events::Outcome::delivered();
  }
  if (target->timeout_seconds > 0) {
    Start child;
    child.target = *target;
    child.id = event.id;
    child.payload = event.payload.empty() ? "{}" : event.payload;
    child.trace = lineage.header;
    child.asynchronous = true;
    child.parent.execution = attribute_of(event, kChainAttribute);
    child.parent.operation = attribute_of(event, kChainOperation);
    co_await begin(std::move(child));
    co_return events::Outcome::delivered();
  }
  compute::Invocation call;
  call.request_id = event.id;
  call.payload = event.payload.empty() ? "{}" : event.payload;
  call.invoked_arn = event.target_arn;
  call.trace_id = lineage.header;
  call.tenant_id = attribute_of(event, kTenantAttribute);
  const Result<compute::InvocationResult> result = co_await attempt(tools_.run(*name, std::move(call)));
  Ending ending;
  const bool refused = !result.ok() && (result.error().http_status() == 404 || result.error().http_status() == 400);
  if (!result.ok() && !refused) {
    co_return events::Outcome::retry(pause, result.error().message());
  }
  if (!result.ok()) {
    ending = failed(result.error().code(), result.error().message());
  } else if (result->function_error.empty()) {
    ending.status = "SUCCEEDED";
    ending.result = result->payload;
  } else {
    ending.status = "FAILED";
    ending.error = error_of_answer(result->payload);
  }
  co_await end_chained(event, std::move(ending));
  co_return events::Outcome::delivered();
}

}  // namespace cumulet::lambda::durable
