#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/deferred.h"
#include "compute/engine.h"
#include "events/outbox.h"
#include "events/timetable.h"
#include "services/lambda/durable/session.h"
#include "services/lambda/durable/store.h"
#include "services/lambda/function_name.h"
#include "storage/database.h"
#include "wire/service.h"

namespace cumulet::lambda::durable {

/// A function version, as executions see it.
struct Target {
  FunctionName function;  ///< As asked for: with the qualifier, if there was one.
  std::string version;
  std::int64_t timeout_seconds = 0;  ///< Of executions; 0 when the function is not durable.
  std::int64_t retention_days = 0;
  bool stops_recursion = true;
};

/// What executions need from Lambda.
struct Tools {
  Tools(storage::Database& d, events::Outbox& o, const Clock& c) : database(d), outbox(o), clock(c) {}
  storage::Database& database;
  events::Outbox& outbox;
  const Clock& clock;
  /// Fails with ResourceNotFoundException.
  std::function<Task<Target>(FunctionName)> resolve;
  /// One invocation of the function, as `invoked_arn` or by its name.
  std::function<Task<compute::InvocationResult>(FunctionName, compute::Invocation)> run;
};

/// A wish for an execution.
struct Start {
  Target target;
  std::string id;    ///< Empty: a new one.
  std::string name;  ///< Empty: like the id.
  std::string payload;
  std::string trace;
  bool asynchronous = false;
  ChainLink parent;
};

/// Durable executions: their API, and what carries them on. An execution's function is invoked by an event of the
/// outbox, with what it did so far; it reports its steps by checkpoints and ends with PENDING while something has to
/// happen first: a wait's end, a callback, another function's end. That calls it again. Each change is one transaction,
/// with the alarm or event that it needs, so a crash loses nothing: the event is delivered again, and the function
/// replays. https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html
class Executions {
 public:
  explicit Executions(Tools tools);

  void register_operations(wire::Service& service);
  void start(Loop& loop) { timetable_.start(loop); }
  void clock_moved() { timetable_.clock_moved(); }
  void drain(SteadyTime deadline) { timetable_.drain(deadline); }

  /// A new execution, or the one of this name with the same payload. With another payload it fails with
  /// DurableExecutionAlreadyStartedException.
  Task<Execution> begin(Start start);
  /// Waits for the end of an execution.
  Task<Ending> end_of(Store store, Execution execution);

  /// Whether the event concerns an execution that runs already.
  static bool concerns(const events::Event& event);
  Task<events::Outcome> deliver(const events::Event& event);

 private:
  using Call = wire::Call;
  struct Invocation;
  struct Page;

  // executions.cc
  Task<Execution> begin_in(storage::Transaction& txn, Start start);
  Task<void> on_alarm(storage::Transaction& txn, Timestamp due, std::string id);
  Task<void> end_operation(Session& session, const Alarm& alarm, Timestamp due);

  // invocation.cc
  Task<events::Outcome> invoke(const events::Event& event);
  Task<std::optional<Invocation>> begin_invocation(storage::Transaction& txn, const events::Event& event);
  Task<events::Outcome> end_invocation(storage::Transaction& txn, const events::Event& event,
                                       const Invocation& invocation, const Result<compute::InvocationResult>& result);
  Task<void> take_answer(Session& session, const std::string& answer);
  Task<events::Outcome> run_chained(const events::Event& event);
  Task<void> end_chained(const events::Event& event, Ending ending);
  Task<bool> is_awaited(const events::Event& event);
  /// The operations from `from` on that a replay needs.
  Task<Page> page(storage::Transaction& txn, Store store, std::string id, std::uint64_t from, std::size_t limit);

  // operations.cc
  Task<wire::lambda::CheckpointDurableExecutionResponse> checkpoint(
      Call& call, const wire::lambda::CheckpointDurableExecutionRequest& input);
  Task<wire::lambda::CheckpointDurableExecutionResponse> checkpoint_in(
      storage::Transaction& txn, Call& call, const wire::lambda::CheckpointDurableExecutionRequest& input);
  Task<wire::lambda::GetDurableExecutionStateResponse> get_state(
      Call& call, const wire::lambda::GetDurableExecutionStateRequest& input);
  Task<wire::lambda::StopDurableExecutionResponse> stop(Call& call,
                                                        const wire::lambda::StopDurableExecutionRequest& input);
  /// `change` sees the callback's operation, which waits still.
  Task<void> on_callback(Call& call, std::string callback_id,
                         std::function<void(Session& session, Operation& operation)> change);
  void register_callbacks(wire::Service& service);

  // pauses.cc
  void register_pauses(wire::Service& service);
  Task<wire::lambda::PauseDurableExecutionResponse> pause(Call& call,
                                                          const wire::lambda::PauseDurableExecutionRequest& input);
  Task<wire::lambda::ResumeDurableExecutionResponse> resume(Call& call,
                                                            const wire::lambda::ResumeDurableExecutionRequest& input);
  Task<wire::lambda::DeleteDurableExecutionResponse> erase(Call& call,
                                                           const wire::lambda::DeleteDurableExecutionRequest& input);

  // reading.cc
  Task<wire::lambda::GetDurableExecutionResponse> get(Call& call,
                                                      const wire::lambda::GetDurableExecutionRequest& input);
  Task<wire::lambda::GetDurableExecutionHistoryResponse> get_history(
      Call& call, const wire::lambda::GetDurableExecutionHistoryRequest& input);
  Task<wire::lambda::ListDurableExecutionsByFunctionResponse> list(
      Call& call, const wire::lambda::ListDurableExecutionsByFunctionRequest& input);

  const Tools tools_;
  Ledger ledger_;
  events::Timetable timetable_;

  std::mutex mutex_;
  std::multimap<std::string, Deferred<bool>, std::less<>> waiting_;  ///< By the execution's id.
};

/// arn:aws:lambda:…:function:NAME:VERSION/durable-execution/NAME/ID
std::string arn_of(const Store& store, const Execution& execution);
/// The execution that an ARN means; fails with ResourceNotFoundException.
Task<Execution> require_execution(storage::Transaction& txn, Store store, std::string arn);
/// What an invocation says of how its execution ended.
compute::InvocationResult result_of(const Ending& ending);

}  // namespace cumulet::lambda::durable
