#include "base/ids.h"
#include "services/lambda/durable/executions.h"
#include "services/lambda/lambda.h"

/// How Lambda's doors lead to durable functions: who invokes one starts an execution.
namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;

constexpr std::int64_t kLongestWait = 900;

durable::Target target_of(const Runnable& runnable) {
  durable::Target target;
  const std::optional<FunctionName> name = parse_function_arn(runnable.arn);
  if (name) target.function = *name;
  target.version = runnable.version->version;
  target.timeout_seconds = runnable.durable.timeout_seconds;
  target.retention_days = runnable.durable.retention_days;
  target.stops_recursion = runnable.stops_recursion;
  return target;
}

Result<void> check_synchronous(const Runnable& runnable) {
  if (runnable.durable.timeout_seconds <= kLongestWait) return {};
  return user_error(
      api::errors::kInvalidParameterValueException,
      "You cannot synchronously invoke a durable function with an executionTimeout greater than 15 minutes.");
}

}  // namespace

std::unique_ptr<durable::Executions> Lambda::make_executions() {
  durable::Tools tools(database_, outbox_, clock_);
  tools.resolve = [this](FunctionName name) -> Task<durable::Target> {
    const Runnable found = co_await runnable(std::move(name));
    co_return target_of(found);
  };
  tools.run = [this](FunctionName name, compute::Invocation invocation) -> Task<compute::InvocationResult> {
    Runnable found = co_await runnable(std::move(name));
    found.arn = invocation.invoked_arn;
    co_return co_await run_once(found, std::move(invocation));
  };
  auto executions = std::make_unique<durable::Executions>(std::move(tools));
  executions->register_operations(service_);
  return executions;
}

Task<DurableTerms> Lambda::durable_terms(FunctionName name) {
  const auto read = [this, &name](storage::Transaction& txn) { return require_version(txn, name); };
  const VersionRow row = co_await storage::transact(database_, read);
  DurableTerms terms;
  if (!row.configuration.durable_config) co_return terms;
  terms.timeout_seconds = row.configuration.durable_config->execution_timeout.value_or(0);
  terms.retention_days = row.configuration.durable_config->retention_period_in_days.value_or(0);
  co_return terms;
}

Task<api::InvocationResponse> Lambda::invoke_durable(Call& call, const api::InvocationRequest& input,
                                                     const Runnable& runnable, std::string payload, std::string trace) {
  const bool event = input.invocation_type == "Event";
  durable::Start start;
  start.target = target_of(runnable);
  if (!start.target.function.qualifier) {
    co_await fail(user_error(api::errors::kInvalidParameterValueException,
                             "You cannot invoke a durable function using an unqualified ARN."));
  }
  if (!event) co_await check_synchronous(runnable);
  start.name = input.durable_execution_name.value_or("");
  start.payload = std::move(payload);
  call.reply_headers.add("X-Amzn-Trace-Id", trace);
  start.trace = std::move(trace);
  start.asynchronous = event;
  const durable::Execution execution = co_await executions_->begin(std::move(start));
  const durable::Store store(runnable.version->account, runnable.version->region);
  api::InvocationResponse output;
  output.durable_execution_arn = durable::arn_of(store, execution);
  output.status_code = event ? 202 : 200;
  if (event) co_return output;
  const durable::Ending ending = co_await executions_->end_of(store, execution);
  compute::InvocationResult result = durable::result_of(ending);
  output.payload = std::move(result.payload);
  if (!result.function_error.empty()) output.function_error = std::move(result.function_error);
  output.executed_version = execution.version;
  co_return output;
}

Task<compute::InvocationResult> Lambda::run_durable(const Runnable& runnable, compute::Invocation invocation) {
  co_await check_synchronous(runnable);
  durable::Start start;
  start.target = target_of(runnable);
  start.payload = invocation.payload.empty() ? "{}" : std::move(invocation.payload);
  start.trace = std::move(invocation.trace_id);
  const durable::Execution execution = co_await executions_->begin(std::move(start));
  const durable::Store store(runnable.version->account, runnable.version->region);
  const durable::Ending ending = co_await executions_->end_of(store, execution);
  co_return durable::result_of(ending);
}

Task<events::Outcome> Lambda::start_durable(const events::Event& event, const Runnable& runnable, std::string trace) {
  durable::Start start;
  start.target = target_of(runnable);
  start.id = event.id;
  start.payload = event.payload.empty() ? "{}" : event.payload;
  start.trace = std::move(trace);
  start.asynchronous = true;
  co_await executions_->begin(std::move(start));
  co_return events::Outcome::delivered();
}

}  // namespace cumulet::lambda
