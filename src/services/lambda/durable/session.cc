#include "services/lambda/durable/session.h"

#include <algorithm>
#include <utility>

#include "base/ids.h"
#include "services/lambda/tenancy.h"
#include "storage/row.h"

namespace cumulet::lambda::durable {
namespace {

namespace api = wire::lambda;

constexpr std::chrono::hours kDay{24};
constexpr std::size_t kPageBytes = 4u << 20;

api::EventError event_error(const std::optional<api::ErrorObject>& error) {
  api::EventError shown;
  shown.payload = error.value_or(api::ErrorObject());
  return shown;
}

api::EventResult event_result(const std::optional<std::string>& result) {
  api::EventResult shown;
  shown.payload = result;
  return shown;
}

std::string alarm_id(const Store& store, Alarm::Kind kind, const std::string& execution, const std::string& operation) {
  Alarm alarm;
  alarm.kind = kind;
  alarm.account = store.account();
  alarm.region = store.region();
  alarm.execution = execution;
  alarm.operation = operation;
  return alarm.bytes();
}

api::Event ending_event(const Ending& ending) {
  api::Event event;
  if (ending.status == "SUCCEEDED") {
    event.event_type = "ExecutionSucceeded";
    event.execution_succeeded_details.emplace().result = event_result(ending.result);
  } else if (ending.status == "TIMED_OUT") {
    event.event_type = "ExecutionTimedOut";
    event.execution_timed_out_details.emplace().error = event_error(ending.error);
  } else if (ending.status == "STOPPED") {
    event.event_type = "ExecutionStopped";
    event.execution_stopped_details.emplace().error = event_error(ending.error);
  } else {
    event.event_type = "ExecutionFailed";
    event.execution_failed_details.emplace().error = event_error(ending.error);
  }
  return event;
}

}  // namespace

std::string Alarm::bytes() const {
  storage::RowWriter row;
  row.number(static_cast<std::uint64_t>(kind)).text(account).text(region).text(execution).text(operation);
  return std::move(row).bytes();
}

std::optional<Alarm> Alarm::parse(std::string_view bytes) {
  storage::RowReader row(bytes);
  Alarm alarm;
  alarm.kind = static_cast<Kind>(row.number());
  alarm.account = row.text();
  alarm.region = row.text();
  alarm.execution = row.text();
  alarm.operation = row.text();
  if (!row.ok() || alarm.execution.empty()) return std::nullopt;
  return alarm;
}

Session::Session(const Ledger& ledger, storage::Transaction& txn, Store store, Execution execution)
    : ledger_(ledger),
      txn_(txn),
      store_(std::move(store)),
      execution_(std::move(execution)),
      now_(shown_now(ledger.clock)) {}

void Session::begin(const std::string& payload) {
  execution_.status = "RUNNING";
  execution_.start = now_;
  Operation first;
  first.sequence = execution_.next_operation++;
  first.shown.id = execution_.id;
  first.shown.name = execution_.name;
  first.shown.type = "EXECUTION";
  first.shown.status = "STARTED";
  first.shown.start_timestamp = now_;
  first.shown.execution_details.emplace().input_payload = payload;
  put(first);
  api::Event event;
  event.event_type = "ExecutionStarted";
  event.id = execution_.id;
  event.name = execution_.name;
  event.execution_started_details.emplace().input.payload = payload;
  event.execution_started_details->execution_timeout = static_cast<std::int32_t>(execution_.timeout_seconds);
  record(std::move(event));
  execution_.bytes = 0;  // The input is not what checkpoints wrote.
  alarm(Alarm::Kind::kExecution, execution_.deadline(), "");
  wake();
  store_.add(txn_, execution_);
}

void Session::record(api::Event event) {
  event.event_id = static_cast<std::int32_t>(execution_.next_event++);
  event.event_timestamp = now_;
  execution_.bytes += store_.put_event(txn_, execution_.id, event);
}

void Session::record(api::Event event, const api::Operation& operation) {
  event.id = operation.id;
  event.name = operation.name;
  event.parent_id = operation.parent_id;
  event.sub_type = operation.sub_type;
  record(std::move(event));
}

void Session::put(const Operation& operation) {
  execution_.bytes += store_.put_operation(txn_, execution_.id, operation);
}

void Session::alarm(Alarm::Kind kind, Timestamp due, const std::string& operation) const {
  ledger_.timetable->put(txn_, due, alarm_id(store_, kind, execution_.id, operation));
}

void Session::silence(Alarm::Kind kind, Timestamp due, const std::string& operation) const {
  ledger_.timetable->erase(txn_, due, alarm_id(store_, kind, execution_.id, operation));
}

void Session::silence_all(const Operation& operation) const {
  if (operation.due) silence(Alarm::Kind::kOperation, *operation.due, operation.shown.id);
  if (operation.next_beat) silence(Alarm::Kind::kHeartbeat, *operation.next_beat, operation.shown.id);
}

void Session::pause() {
  Pause& pause = *execution_.pause;
  silence(Alarm::Kind::kExecution, execution_.deadline(), "");
  pause.began = now_;
  alarm(Alarm::Kind::kExecution, execution_.deadline(), "");
  execution_.status = "PAUSED";
  execution_.token.clear();
  api::Event event;
  event.event_type = "ExecutionPaused";
  event.id = execution_.id;
  event.name = execution_.name;
  api::ExecutionPausedDetails& details = event.execution_paused_details.emplace();
  details.pause_request_timestamp = pause.requested;
  if (!pause.reason.empty()) details.reason.emplace().payload = pause.reason;
  details.execution_timeout_paused = pause.stops_timeout;
  record(std::move(event));
}

void Session::put_off(bool wake) {
  execution_.due = false;
  execution_.wake = wake;
  execution_.invocation.clear();
  if (!execution_.is_paused()) pause();
}

void Session::resume(const std::string& reason) {
  const Pause pause = *execution_.pause;
  execution_.status = "RUNNING";
  if (!pause.began) {
    execution_.pause.reset();
    return;
  }
  silence(Alarm::Kind::kExecution, execution_.deadline(), "");
  execution_.pause.reset();
  if (pause.stops_timeout) {
    execution_.extension += std::chrono::duration_cast<milliseconds>(now_ - *pause.began);
  }
  alarm(Alarm::Kind::kExecution, execution_.deadline(), "");
  api::Event event;
  event.event_type = "ExecutionResumed";
  event.id = execution_.id;
  event.name = execution_.name;
  api::ExecutionResumedDetails& details = event.execution_resumed_details.emplace();
  details.resume_request_timestamp = now_;
  if (!reason.empty()) details.reason.emplace().payload = reason;
  record(std::move(event));
  if (execution_.wake && !execution_.due) invoke_again();
}

void Session::wake() {
  if (execution_.is_over()) return;
  if (execution_.due || execution_.is_paused()) {
    execution_.wake = true;
  } else {
    invoke_again();
  }
}

void Session::invoke_again() {
  execution_.due = true;
  execution_.wake = false;
  execution_.invocation = uuid();
  events::Event event;
  event.id = execution_.invocation;
  event.account = store_.account();
  event.region = store_.region();
  event.target_arn = "arn:aws:lambda:" + store_.region() + ":" + store_.account() + ":function:" + execution_.function +
                     ":" + execution_.version;
  event.attributes[kExecutionAttribute] = execution_.id;
  ledger_.outbox.record(txn_, std::move(event));
}

void Session::run_function(const std::string& arn, const std::string& payload, const std::string& operation,
                           const std::string& tenant) {
  events::Event event;
  event.account = store_.account();
  event.region = store_.region();
  event.target_arn = arn;
  event.payload = payload;
  event.attributes[kChainAttribute] = execution_.id;
  event.attributes[kChainOperation] = operation;
  event.attributes["@TraceHeader"] = execution_.trace;
  if (!tenant.empty()) event.attributes[kTenantAttribute] = tenant;
  ledger_.outbox.record(txn_, std::move(event));
}

void Session::settle(Operation& operation, std::string status) {
  operation.shown.status = std::move(status);
  silence_all(operation);
  operation.due.reset();
  operation.next_beat.reset();
  if (operation.is_over()) operation.shown.end_timestamp = now_;
  if (execution_.pending > 0) --execution_.pending;  // Of a step, too, that may be tried again: the function's turn.
  execution_.finished.push_back(operation.shown.id);
  put(operation);
  wake();
}

Task<void> Session::complete(Ending ending) {
  if (execution_.is_over()) co_return;
  silence(Alarm::Kind::kExecution, execution_.deadline(), "");
  execution_.status = ending.status;
  execution_.end = now_;
  execution_.pause.reset();
  execution_.due = false;
  execution_.wake = false;
  execution_.finished.clear();
  api::Event event = ending_event(ending);
  event.id = execution_.id;
  event.name = execution_.name;
  record(std::move(event));
  store_.put_ending(txn_, execution_.id, ending);
  alarm(Alarm::Kind::kRetention, now_ + execution_.retention_days * kDay, "");
  co_await tell_parent(ending);
}

Task<void> Session::tell_parent(const Ending& ending) {
  if (execution_.parent.execution.empty()) co_return;
  std::optional<Execution> parent = co_await store_.find(txn_, execution_.parent.execution);
  if (!parent || parent->is_over()) co_return;
  std::optional<Operation> operation = co_await store_.find_operation(txn_, parent->id, execution_.parent.operation);
  if (!operation || operation->is_over()) co_return;
  Session above(ledger_, txn_, store_, std::move(*parent));
  settle_chain(above, *operation, ending);
  above.save();
}

Task<void> Session::erase() {
  constexpr std::size_t kPage = 1000;
  std::uint64_t from = 0;
  while (true) {
    const std::vector<Operation> page = co_await store_.operations(txn_, execution_.id, from, kPage, kPageBytes);
    if (page.empty()) break;
    for (const Operation& operation : page) silence_all(operation);
    from = page.back().sequence + 1;
  }
  if (execution_.end) silence(Alarm::Kind::kRetention, *execution_.end + execution_.retention_days * kDay, "");
  co_await store_.erase(txn_, execution_);
}

void Session::save() { store_.put(txn_, execution_); }

void settle_chain(Session& session, Operation& operation, const Ending& ending) {
  api::ChainedInvokeDetails& details = operation.shown.chained_invoke_details.emplace();
  api::Event event;
  if (ending.status == "SUCCEEDED") {
    details.result = ending.result;
    event.event_type = "ChainedInvokeSucceeded";
    event.chained_invoke_succeeded_details.emplace().result = event_result(ending.result);
  } else {
    details.error = ending.error.value_or(api::ErrorObject());
    if (ending.status == "TIMED_OUT") {
      event.event_type = "ChainedInvokeTimedOut";
      event.chained_invoke_timed_out_details.emplace().error = event_error(ending.error);
    } else if (ending.status == "STOPPED") {
      event.event_type = "ChainedInvokeStopped";
      event.chained_invoke_stopped_details.emplace().error = event_error(ending.error);
    } else {
      event.event_type = "ChainedInvokeFailed";
      event.chained_invoke_failed_details.emplace().error = event_error(ending.error);
    }
  }
  session.record(std::move(event), operation.shown);
  session.settle(operation, ending.status);
}

api::ErrorObject error_object(std::string type, std::string message) {
  api::ErrorObject error;
  error.error_type = std::move(type);
  error.error_message = std::move(message);
  return error;
}

std::string new_token() {
  constexpr std::size_t kLength = 48;
  return random_text(kLength, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
}

Timestamp shown_now(const Clock& clock) { return std::chrono::time_point_cast<std::chrono::milliseconds>(clock.now()); }

}  // namespace cumulet::lambda::durable
