#include "services/lambda/durable/executions.h"

#include <utility>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/durable/checkpoint.h"
#include "services/lambda/lambda.h"
#include "wire/json_writer.h"

namespace cumulet::lambda::durable {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

/// Beyond an execution's own time: for its alarm, and for what is under way.
constexpr seconds kGrace{60};

}  // namespace

Executions::Executions(Tools tools)
    : tools_(std::move(tools)),
      ledger_(tools_.clock, tools_.outbox),
      timetable_(
          tools_.database, tools_.clock, "lambda-durable",
          [this](Transaction& txn, Timestamp due, std::string id) { return on_alarm(txn, due, std::move(id)); }) {
  ledger_.timetable = &timetable_;
  tools_.database.on_commit(endings_prefix(), [this](std::string_view key) {
    const std::optional<std::string> id = id_of_ending(key);
    if (!id) return;
    const std::lock_guard lock(mutex_);
    const auto [first, last] = waiting_.equal_range(*id);
    for (auto each = first; each != last; ++each) each->second.resolve(true);
    waiting_.erase(first, last);
  });
}

Task<Execution> Executions::begin(Start start) {
  const auto put = [this, &start](Transaction& txn) { return begin_in(txn, start); };
  co_return co_await storage::transact(tools_.database, put);
}

Task<Execution> Executions::begin_in(Transaction& txn, Start start) {
  const FunctionName& function = start.target.function;
  const Store store(function.account, function.region);
  const std::string digest = hex_encode(sha256(start.payload));
  if (!start.id.empty()) {
    std::optional<Execution> same = co_await store.find(txn, start.id);
    if (same) co_return std::move(*same);
  }
  if (!start.name.empty()) {
    const std::optional<std::string> id = co_await store.find_name(txn, function.name, start.name);
    std::optional<Execution> same;
    if (id) same = co_await store.find(txn, *id);
    if (same && same->payload_digest == digest) co_return std::move(*same);
    if (same) {
      co_await fail(user_error(
          api::errors::kDurableExecutionAlreadyStartedException,
          "A durable execution with the name " + start.name + " has already been started with a different payload."));
    }
  }
  Execution execution;
  execution.id = start.id.empty() ? uuid() : start.id;
  execution.name = start.name.empty() ? execution.id : start.name;
  execution.function = function.name;
  execution.version = start.target.version;
  execution.invoked_arn = function.qualified_arn();
  execution.timeout_seconds = start.target.timeout_seconds;
  execution.retention_days = start.target.retention_days;
  execution.payload_digest = digest;
  execution.trace = start.trace;
  execution.asynchronous = start.asynchronous;
  execution.parent = start.parent;
  Session session(ledger_, txn, store, std::move(execution));
  session.begin(start.payload);
  co_return session.execution();
}

Task<Ending> Executions::end_of(Store store, Execution execution) {
  const Deferred<bool> ended;
  {
    const std::lock_guard lock(mutex_);
    waiting_.emplace(execution.id, ended);
  }
  const auto read = [&store, &execution](Transaction& txn) { return store.find_ending(txn, execution.id); };
  std::optional<Ending> ending = co_await storage::transact(tools_.database, read);
  if (!ending) {
    const SteadyTime deadline = std::chrono::steady_clock::now() + seconds(execution.timeout_seconds) + kGrace;
    const Result<bool> waited = co_await attempt(ended.wait_until(
        deadline, Error(api::errors::kServiceException, "The durable execution did not end in time.")));
    if (waited.ok()) ending = co_await storage::transact(tools_.database, read);
  }
  ended.resolve(true);
  {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = waiting_.equal_range(execution.id);
    for (auto each = first; each != last;) each = each->second.resolved() ? waiting_.erase(each) : std::next(each);
  }
  if (!ending) co_await fail(api::errors::kServiceException, "The durable execution did not end in time.");
  co_return std::move(*ending);
}

Task<void> Executions::on_alarm(Transaction& txn, Timestamp due, std::string id) {
  const std::optional<Alarm> alarm = Alarm::parse(id);
  if (!alarm) co_return;
  const Store store(alarm->account, alarm->region);
  std::optional<Execution> execution = co_await store.find(txn, alarm->execution);
  if (!execution) co_return;
  const bool over = execution->is_over();
  Session session(ledger_, txn, store, std::move(*execution));
  if (alarm->kind == Alarm::Kind::kRetention) {
    if (over) co_await session.erase();
    co_return;
  }
  if (over) co_return;
  if (alarm->kind == Alarm::Kind::kExecution) {
    Ending ending;
    ending.status = "TIMED_OUT";
    ending.error = error_object(
        "TimedOut", "Execution timed out after " + std::to_string(session.execution().timeout_seconds) + " seconds.");
    co_await session.complete(std::move(ending));
  } else {
    co_await end_operation(session, *alarm, due);
  }
  session.save();
}

Task<void> Executions::end_operation(Session& session, const Alarm& alarm, Timestamp due) {
  std::optional<Operation> operation =
      co_await session.store().find_operation(session.txn(), alarm.execution, alarm.operation);
  if (!operation || operation->is_over()) co_return;
  const bool beat = alarm.kind == Alarm::Kind::kHeartbeat;
  if ((beat ? operation->next_beat : operation->due) != due) co_return;  // It was put off.
  api::Event event;
  if (operation->shown.type == "STEP") {
    session.settle(*operation, "READY");
  } else if (operation->shown.type == "WAIT") {
    event.event_type = "WaitSucceeded";
    event.wait_succeeded_details.emplace().duration = static_cast<std::int32_t>(operation->seconds);
    session.record(std::move(event), operation->shown);
    session.settle(*operation, "SUCCEEDED");
  } else if (operation->shown.type == "CALLBACK") {
    const api::ErrorObject error = error_object(beat ? "Callback.Heartbeat" : "Callback.Timeout",
                                                beat ? "Callback timed out on heartbeat" : "Callback timed out");
    operation->shown.callback_details->error = error;
    event.event_type = "CallbackTimedOut";
    event.callback_timed_out_details.emplace().error.payload = error;
    session.record(std::move(event), operation->shown);
    session.settle(*operation, "TIMED_OUT");
  }
}

std::string arn_of(const Store& store, const Execution& e) {
  return "arn:aws:lambda:" + store.region() + ":" + store.account() + ":function:" + e.function + ":" + e.version +
         "/durable-execution/" + e.name + "/" + e.id;
}

Task<Execution> require_execution(Transaction& txn, Store store, std::string arn) {
  const std::size_t slash = arn.rfind('/');
  std::optional<Execution> execution;
  if (slash != std::string::npos) execution = co_await store.find(txn, arn.substr(slash + 1));
  if (!execution || arn_of(store, *execution) != arn) {
    co_await fail(user_error(api::errors::kResourceNotFoundException, "Durable execution not found: " + arn));
  }
  co_return std::move(*execution);
}

compute::InvocationResult result_of(const Ending& ending) {
  compute::InvocationResult result;
  if (ending.status == "SUCCEEDED") {
    result.payload = ending.result.value_or("");
    return result;
  }
  const api::ErrorObject error = ending.error.value_or(api::ErrorObject());
  result.function_error = "Unhandled";
  wire::JsonWriter json;
  json.begin_object().key("errorType").string(error.error_type.value_or(ending.status));
  json.key("errorMessage").string(error.error_message.value_or(""));
  if (error.error_data) json.key("errorData").string(*error.error_data);
  if (error.stack_trace) {
    json.key("stackTrace").begin_array();
    for (const std::string& line : *error.stack_trace) json.string(line);
    json.end_array();
  }
  result.payload = json.end_object().take();
  return result;
}

}  // namespace cumulet::lambda::durable
