#include <utility>

#include "base/text.h"
#include "services/lambda/durable/checkpoint.h"
#include "services/lambda/durable/invocation.h"
#include "services/lambda/lambda.h"

/// What functions and their helpers report: checkpoints, callbacks, stops.
namespace cumulet::lambda::durable {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::chrono::minutes kRepeatable{15};
constexpr std::size_t kMostState = 1000;
constexpr std::size_t kUsualState = 100;
constexpr std::size_t kMostTold = 3u << 20;

Store store_of(const wire::Call& call) { return Store(call.account(), call.region); }

/// Checkpoints and states name what they cannot find as a bad parameter.
Task<Execution> require_own(Transaction& txn, Store store, std::string arn) {
  Result<Execution> execution = co_await attempt(require_execution(txn, store, arn));
  if (!execution.ok() && execution.error().http_status() == 404) {
    co_await fail(invalid_parameter(execution.error().message()));
  }
  co_return std::move(execution);
}

Error stale_token() { return invalid_parameter("Invalid checkpoint token"); }

Error quota(const Execution& execution) {
  const bool many = execution.next_operation > kMostOperations + 1;
  return invalid_parameter(
      many ? "The durable execution exceeds the limit of " + std::to_string(kMostOperations) + " operations."
           : "The durable execution exceeds the limit of " + std::to_string(kMostBytes) + " bytes of stored data.");
}

/// What a function is told after a checkpoint: what it changed, and what changed meanwhile; as much as fits.
Task<void> tell(Session& session, const Checkpoint& checkpoint, api::CheckpointUpdatedExecutionState& told) {
  std::vector<api::Operation>& operations = told.operations.emplace(checkpoint.changed());
  std::size_t bytes = 0;
  std::vector<std::string>& finished = session.execution().finished;
  std::size_t taken = 0;
  for (; taken < finished.size() && bytes < kMostTold; ++taken) {
    const std::optional<Operation> operation =
        co_await session.store().find_operation(session.txn(), session.execution().id, finished[taken]);
    if (!operation) continue;
    bytes += encode_operation(*operation).size();
    operations.push_back(operation->shown);
  }
  finished.erase(finished.begin(), finished.begin() + static_cast<std::ptrdiff_t>(taken));
}

}  // namespace

void Executions::register_operations(wire::Service& service) {
  service.on<api::CheckpointDurableExecution>([this](Call& c, const auto& in) { return checkpoint(c, in); });
  service.on<api::GetDurableExecutionState>([this](Call& c, const auto& in) { return get_state(c, in); });
  service.on<api::StopDurableExecution>([this](Call& c, const auto& in) { return stop(c, in); });
  service.on<api::GetDurableExecution>([this](Call& c, const auto& in) { return get(c, in); });
  service.on<api::GetDurableExecutionHistory>([this](Call& c, const auto& in) { return get_history(c, in); });
  service.on<api::ListDurableExecutionsByFunction>([this](Call& c, const auto& in) { return list(c, in); });
  register_callbacks(service);
  register_pauses(service);
}

Task<api::CheckpointDurableExecutionResponse> Executions::checkpoint(
    Call& call, const api::CheckpointDurableExecutionRequest& input) {
  const auto put = [this, &call, &input](Transaction& txn) { return checkpoint_in(txn, call, input); };
  co_return co_await storage::transact(tools_.database, put);
}

Task<api::CheckpointDurableExecutionResponse> Executions::checkpoint_in(
    Transaction& txn, Call& call, const api::CheckpointDurableExecutionRequest& input) {
  const Store store = store_of(call);
  Execution found = co_await require_own(txn, store, input.durable_execution_arn);
  Session session(ledger_, txn, store, std::move(found));
  Execution& execution = session.execution();
  Checkpoint checkpoint(session);
  api::CheckpointDurableExecutionResponse output;
  output.new_execution_state.operations.emplace();
  const bool repeated = input.client_token && input.client_token == execution.last_client_token &&
                        input.checkpoint_token == execution.last_token &&
                        session.now() - execution.last_checkpoint < kRepeatable;
  if (repeated) {
    if (!execution.is_over() && !execution.is_paused()) output.checkpoint_token = execution.token;
    if (!input.updates) co_return output;
    for (const api::OperationUpdate& update : *input.updates) {
      const std::optional<Operation> operation = co_await store.find_operation(txn, execution.id, update.id);
      if (operation) output.new_execution_state.operations->push_back(operation->shown);
    }
    co_return output;
  }
  if (execution.token.empty() || input.checkpoint_token != execution.token) co_await fail(stale_token());
  // It ended meanwhile: without a token the function knows that it is not to go on.
  if (execution.is_over()) co_return output;
  const std::vector<api::OperationUpdate> none;
  co_await checkpoint.apply(input.updates ? *input.updates : none);
  if (execution.next_operation > kMostOperations + 1 || execution.bytes > kMostBytes) {
    const Error exceeded = quota(execution);
    Ending ending;
    ending.status = "FAILED";
    ending.error = error_object(exceeded.code(), exceeded.message());
    co_await session.complete(std::move(ending));
  }
  execution.last_token = execution.token;
  execution.last_client_token = input.client_token.value_or("");
  execution.last_checkpoint = session.now();
  execution.token = new_token();
  co_await tell(session, checkpoint, output.new_execution_state);
  if (execution.pause && !execution.is_over()) session.put_off(true);
  if (!execution.is_over() && !execution.is_paused()) output.checkpoint_token = execution.token;
  session.save();
  co_return output;
}

Task<api::GetDurableExecutionStateResponse> Executions::get_state(Call& call,
                                                                  const api::GetDurableExecutionStateRequest& input) {
  std::uint64_t from = 0;
  if (input.marker && !input.marker->empty()) {
    const std::optional<std::int64_t> marker = parse_int(*input.marker);
    if (!marker || *marker < 0) co_await fail(invalid_parameter("Invalid Marker."));
    from = static_cast<std::uint64_t>(*marker);
  }
  const std::int32_t wanted = input.max_items.value_or(0);
  const std::size_t limit =
      wanted <= 0 ? kUsualState : std::min<std::size_t>(static_cast<std::size_t>(wanted), kMostState);
  const auto read = [&](Transaction& txn) -> Task<Page> {
    const Store store = store_of(call);
    const Execution execution = co_await require_own(txn, store, input.durable_execution_arn);
    if (execution.token.empty() || input.checkpoint_token != execution.token) co_await fail(stale_token());
    co_return co_await page(txn, store, execution.id, from, limit);
  };
  Page found = co_await storage::transact(tools_.database, read);
  api::GetDurableExecutionStateResponse output;
  output.operations = std::move(found.operations);
  if (found.next != 0) output.next_marker = std::to_string(found.next);
  co_return output;
}

Task<api::StopDurableExecutionResponse> Executions::stop(Call& call, const api::StopDurableExecutionRequest& input) {
  if (input.error && size_of(*input.error) > kMostPayload) {
    co_await fail(invalid_parameter("Error object size must be less than " + std::to_string(kMostPayload) + " bytes."));
  }
  const auto put = [&](Transaction& txn) -> Task<Timestamp> {
    const Store store = store_of(call);
    Execution execution = co_await require_execution(txn, store, input.durable_execution_arn);
    if (execution.is_over()) co_return execution.end.value_or(execution.start);
    Session session(ledger_, txn, store, std::move(execution));
    Ending ending;
    ending.status = "STOPPED";
    ending.error = input.error.value_or(error_object("Execution.Stopped", "The durable execution was stopped."));
    co_await session.complete(std::move(ending));
    session.save();
    co_return session.now();
  };
  api::StopDurableExecutionResponse output;
  output.stop_timestamp = co_await storage::transact(tools_.database, put);
  co_return output;
}

Task<void> Executions::on_callback(Call& call, std::string callback_id,
                                   std::function<void(Session& session, Operation& operation)> change) {
  const std::optional<CallbackId> id = CallbackId::parse(callback_id);
  if (!id) co_await fail(invalid_parameter("Invalid callback id."));
  const auto put = [&](Transaction& txn) -> Task<void> {
    const Store store = store_of(call);
    std::optional<Execution> execution;
    std::optional<Operation> operation;
    if (id->account == store.account() && id->region == store.region()) {
      execution = co_await store.find(txn, id->execution);
    }
    if (execution) operation = co_await store.find_operation(txn, id->execution, id->operation);
    if (!operation || !operation->shown.callback_details ||
        operation->shown.callback_details->callback_id != callback_id) {
      co_await fail(user_error(api::errors::kResourceNotFoundException, "Callback not found: " + callback_id));
    }
    if (execution->is_over() || operation->is_over()) {
      co_await fail(user_error(api::errors::kCallbackTimeoutException,
                               "The callback has expired or was closed already: " + callback_id));
    }
    Session session(ledger_, txn, store, std::move(*execution));
    change(session, *operation);
    session.save();
  };
  co_await storage::transact(tools_.database, put);
}

void Executions::register_callbacks(wire::Service& service) {
  using Success = api::SendDurableExecutionCallbackSuccess;
  using Failure = api::SendDurableExecutionCallbackFailure;
  using Heartbeat = api::SendDurableExecutionCallbackHeartbeat;
  service.on<Success>([this](Call& call, const Success::Input& input) -> Task<Success::Output> {
    const std::string result = input.result.value_or("");
    if (!is_utf8(result)) co_await fail(invalid_parameter("Result must be UTF-8 text."));
    const auto change = [&result](Session& session, Operation& operation) {
      operation.shown.callback_details->result = result;
      api::Event event;
      event.event_type = "CallbackSucceeded";
      event.callback_succeeded_details.emplace().result.payload = result;
      session.record(std::move(event), operation.shown);
      session.settle(operation, "SUCCEEDED");
    };
    co_await on_callback(call, input.callback_id, change);
    co_return Success::Output();
  });
  service.on<Failure>([this](Call& call, const Failure::Input& input) -> Task<Failure::Output> {
    const api::ErrorObject error = input.error.value_or(api::ErrorObject());
    if (size_of(error) > kMostPayload) {
      co_await fail(
          invalid_parameter("Error object size must be less than " + std::to_string(kMostPayload) + " bytes."));
    }
    const auto change = [&error](Session& session, Operation& operation) {
      operation.shown.callback_details->error = error;
      api::Event event;
      event.event_type = "CallbackFailed";
      event.callback_failed_details.emplace().error.payload = error;
      session.record(std::move(event), operation.shown);
      session.settle(operation, "FAILED");
    };
    co_await on_callback(call, input.callback_id, change);
    co_return Failure::Output();
  });
  service.on<Heartbeat>([this](Call& call, const Heartbeat::Input& input) -> Task<Heartbeat::Output> {
    const auto change = [](Session& session, Operation& operation) {
      if (operation.heartbeat_seconds == 0) return;
      if (operation.next_beat) session.silence(Alarm::Kind::kHeartbeat, *operation.next_beat, operation.shown.id);
      operation.next_beat = session.now() + seconds(operation.heartbeat_seconds);
      session.alarm(Alarm::Kind::kHeartbeat, *operation.next_beat, operation.shown.id);
      session.put(operation);
    };
    co_await on_callback(call, input.callback_id, change);
    co_return Heartbeat::Output();
  });
}

}  // namespace cumulet::lambda::durable
