#include "services/lambda/durable/executions.h"
#include "services/lambda/lambda.h"

/// Executions that are held, go on, and are forgotten at a user's wish.
namespace cumulet::lambda::durable {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::chrono::minutes kRepeatable{15};

Error conflict(const Execution& execution, const char* wish) {
  return user_error(api::errors::kResourceConflictException, "The durable execution cannot be " + std::string(wish) +
                                                                 " while its status is " + execution.status + ".");
}

/// True when the request is the one that was done already.
bool is_repeated(const Repeatable& last, const std::optional<std::string>& token, Timestamp now) {
  return token && *token == last.token && now - last.at < kRepeatable;
}

void remember(Repeatable& last, const std::optional<std::string>& token, Timestamp now) {
  last.token = token.value_or("");
  last.at = now;
}

}  // namespace

void Executions::register_pauses(wire::Service& service) {
  service.on<api::PauseDurableExecution>([this](Call& c, const auto& in) { return pause(c, in); });
  service.on<api::ResumeDurableExecution>([this](Call& c, const auto& in) { return resume(c, in); });
  service.on<api::DeleteDurableExecution>([this](Call& c, const auto& in) { return erase(c, in); });
}

Task<api::PauseDurableExecutionResponse> Executions::pause(Call& call, const api::PauseDurableExecutionRequest& input) {
  const auto put = [&](Transaction& txn) -> Task<void> {
    const Store store(call.account(), call.region);
    Execution found = co_await require_execution(txn, store, input.durable_execution_arn);
    Session session(ledger_, txn, store, std::move(found));
    Execution& execution = session.execution();
    if (is_repeated(execution.last_pause, input.client_token, session.now())) co_return;
    if (execution.is_over() || execution.pause) co_await fail(conflict(execution, "paused"));
    Pause& wish = execution.pause.emplace();
    wish.requested = session.now();
    wish.reason = input.reason.value_or("");
    wish.stops_timeout = input.execution_timeout_paused.value_or(true);
    execution.status = "PAUSING";
    remember(execution.last_pause, input.client_token, session.now());
    const bool is_invoked = !execution.token.empty();
    if (!is_invoked) session.pause();
    session.save();
  };
  co_await storage::transact(tools_.database, put);
  co_return api::PauseDurableExecutionResponse();
}

Task<api::ResumeDurableExecutionResponse> Executions::resume(Call& call,
                                                             const api::ResumeDurableExecutionRequest& input) {
  const auto put = [&](Transaction& txn) -> Task<void> {
    const Store store(call.account(), call.region);
    Execution found = co_await require_execution(txn, store, input.durable_execution_arn);
    Session session(ledger_, txn, store, std::move(found));
    Execution& execution = session.execution();
    if (is_repeated(execution.last_resumption, input.client_token, session.now())) co_return;
    if (!execution.pause) co_await fail(conflict(execution, "resumed"));
    remember(execution.last_resumption, input.client_token, session.now());
    session.resume(input.reason.value_or(""));
    session.save();
  };
  co_await storage::transact(tools_.database, put);
  co_return api::ResumeDurableExecutionResponse();
}

Task<api::DeleteDurableExecutionResponse> Executions::erase(Call& call,
                                                            const api::DeleteDurableExecutionRequest& input) {
  const auto remove = [&](Transaction& txn) -> Task<Timestamp> {
    const Store store(call.account(), call.region);
    Execution execution = co_await require_execution(txn, store, input.durable_execution_arn);
    if (!execution.is_over()) co_await fail(conflict(execution, "deleted"));
    Session session(ledger_, txn, store, std::move(execution));
    co_await session.erase();
    co_return session.now();
  };
  api::DeleteDurableExecutionResponse output;
  output.deletion_request_timestamp = co_await storage::transact(tools_.database, remove);
  co_return output;
}

}  // namespace cumulet::lambda::durable
