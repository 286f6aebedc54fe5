#include <algorithm>
#include <utility>

#include "base/text.h"
#include "services/lambda/durable/checkpoint.h"
#include "services/lambda/durable/executions.h"
#include "services/lambda/lambda.h"

/// Executions as their users see them.
namespace cumulet::lambda::durable {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::size_t kUsual = 100;
constexpr std::size_t kMost = 1000;
/// Executions looked at for one page of a filtered list.
constexpr std::size_t kMostRead = 10'000;

std::size_t page_size(const std::optional<std::int32_t>& wanted) {
  if (!wanted || *wanted <= 0) return kUsual;
  return std::min<std::size_t>(static_cast<std::size_t>(*wanted), kMost);
}

template <typename Data>
void hide(std::optional<Data>& data) {
  if (!data) return;
  data->payload.reset();
  data->truncated = true;
}

template <typename Details>
void hide_result(std::optional<Details>& details) {
  if (!details) return;
  details->result.payload.reset();
  details->result.truncated = true;
}

template <typename Details>
void hide_error(std::optional<Details>& details) {
  if (!details) return;
  details->error.payload.reset();
  details->error.truncated = true;
}

template <typename Details>
void hide_maybe_error(std::optional<Details>& details) {
  if (!details || !details->error) return;
  details->error->payload.reset();
  details->error->truncated = true;
}

/// Without what was passed in and given back.
void hide_data(api::Event& event) {
  if (event.execution_started_details) {
    event.execution_started_details->input.payload.reset();
    event.execution_started_details->input.truncated = true;
  }
  if (event.chained_invoke_started_details) hide(event.chained_invoke_started_details->input);
  hide_result(event.execution_succeeded_details);
  hide_result(event.context_succeeded_details);
  hide_result(event.step_succeeded_details);
  hide_result(event.chained_invoke_succeeded_details);
  hide_result(event.callback_succeeded_details);
  hide_error(event.execution_failed_details);
  hide_error(event.execution_stopped_details);
  hide_error(event.context_failed_details);
  hide_error(event.step_failed_details);
  hide_error(event.chained_invoke_failed_details);
  hide_error(event.chained_invoke_timed_out_details);
  hide_error(event.chained_invoke_stopped_details);
  hide_error(event.callback_failed_details);
  hide_error(event.callback_timed_out_details);
  hide_maybe_error(event.execution_timed_out_details);
  hide_maybe_error(event.wait_cancelled_details);
  hide_maybe_error(event.invocation_completed_details);
  if (event.execution_paused_details) hide(event.execution_paused_details->reason);
  if (event.execution_resumed_details) hide(event.execution_resumed_details->reason);
}

api::Execution summary(const Store& store, const Execution& execution) {
  api::Execution shown;
  shown.durable_execution_arn = arn_of(store, execution);
  shown.durable_execution_name = execution.name;
  shown.function_arn = execution.invoked_arn;
  shown.status = execution.status;
  shown.start_timestamp = execution.start;
  shown.end_timestamp = execution.end;
  return shown;
}

bool is_wanted(const Execution& execution, const FunctionName& function,
               const api::ListDurableExecutionsByFunctionRequest& input) {
  if (function.qualifier && execution.version != *function.qualifier &&
      execution.invoked_arn != function.qualified_arn()) {
    return false;
  }
  if (input.durable_execution_name && execution.name != *input.durable_execution_name) return false;
  if (input.started_after && execution.start <= *input.started_after) return false;
  if (input.started_before && execution.start >= *input.started_before) return false;
  if (!input.statuses || input.statuses->empty()) return true;
  return std::find(input.statuses->begin(), input.statuses->end(), execution.status) != input.statuses->end();
}

}  // namespace

Task<api::GetDurableExecutionResponse> Executions::get(Call& call, const api::GetDurableExecutionRequest& input) {
  const Store store(call.account(), call.region);
  const auto read = [&](Transaction& txn) -> Task<api::GetDurableExecutionResponse> {
    const Execution execution = co_await require_execution(txn, store, input.durable_execution_arn);
    api::GetDurableExecutionResponse shown;
    shown.durable_execution_arn = arn_of(store, execution);
    shown.durable_execution_name = execution.name;
    shown.function_arn = execution.invoked_arn;
    shown.start_timestamp = execution.start;
    shown.status = execution.status;
    shown.end_timestamp = execution.end;
    shown.version = execution.version;
    const bool with_data = input.include_execution_data.value_or(true);
    shown.execution_data_included = with_data;
    api::DurableConfig& times = shown.durable_config.emplace();
    times.execution_timeout = static_cast<std::int32_t>(execution.timeout_seconds);
    times.retention_period_in_days = static_cast<std::int32_t>(execution.retention_days);
    if (!execution.is_over()) shown.expected_execution_timeout_timestamp = execution.deadline();
    if (execution.pause) {
      api::PauseDetails& details = shown.pause_details.emplace();
      details.pause_request_timestamp = execution.pause->requested;
      details.execution_timeout_paused = execution.pause->stops_timeout;
      if (with_data && !execution.pause->reason.empty()) details.reason = execution.pause->reason;
    }
    if (!execution.trace.empty()) shown.trace_header.emplace().x_amzn_trace_id = execution.trace;
    if (!with_data) co_return shown;
    const std::optional<Operation> first = co_await store.find_operation(txn, execution.id, execution.id);
    if (first && first->shown.execution_details) shown.input_payload = first->shown.execution_details->input_payload;
    const std::optional<Ending> ending = co_await store.find_ending(txn, execution.id);
    if (ending) {
      shown.result = ending->result;
      shown.error = ending->error;
    }
    co_return shown;
  };
  co_return co_await storage::transact(tools_.database, read);
}

Task<api::GetDurableExecutionHistoryResponse> Executions::get_history(
    Call& call, const api::GetDurableExecutionHistoryRequest& input) {
  const Store store(call.account(), call.region);
  const bool reverse = input.reverse_order.value_or(false);
  const std::size_t limit = page_size(input.max_items);
  std::uint64_t from = 0;
  if (input.marker && !input.marker->empty()) {
    const std::optional<std::int64_t> marker = parse_int(*input.marker);
    if (!marker || *marker <= 0) co_await fail(invalid_parameter("Invalid Marker."));
    from = static_cast<std::uint64_t>(*marker);
  }
  const auto read = [&](Transaction& txn) -> Task<api::GetDurableExecutionHistoryResponse> {
    const Execution execution = co_await require_execution(txn, store, input.durable_execution_arn);
    api::GetDurableExecutionHistoryResponse shown;
    shown.events = co_await store.events(txn, execution.id, from, reverse, limit);
    if (shown.events.empty()) co_return shown;
    const auto last = static_cast<std::uint64_t>(shown.events.back().event_id.value_or(0));
    if (!reverse && last + 1 < execution.next_event) shown.next_marker = std::to_string(last + 1);
    if (reverse && last > 1) shown.next_marker = std::to_string(last - 1);
    co_return shown;
  };
  api::GetDurableExecutionHistoryResponse output = co_await storage::transact(tools_.database, read);
  if (!input.include_execution_data.value_or(true)) {
    for (api::Event& event : output.events) hide_data(event);
  }
  co_return output;
}

Task<api::ListDurableExecutionsByFunctionResponse> Executions::list(
    Call& call, const api::ListDurableExecutionsByFunctionRequest& input) {
  const FunctionName function =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  (void)co_await tools_.resolve(FunctionName(function.account, function.region, function.name));
  const Store store(function.account, function.region);
  const std::size_t limit = page_size(input.max_items);
  std::string after;
  if (input.marker && !input.marker->empty()) {
    const std::optional<std::string> marker = hex_decode(*input.marker);
    if (!marker) co_await fail(invalid_parameter("Invalid Marker."));
    after = *marker;
  }
  const bool oldest_first = input.reverse_order.value_or(false);
  const auto read = [&](Transaction& txn) -> Task<api::ListDurableExecutionsByFunctionResponse> {
    api::ListDurableExecutionsByFunctionResponse shown;
    std::vector<api::Execution>& executions = shown.durable_executions.emplace();
    std::string place = after;
    for (std::size_t looked_at = 0; looked_at < kMostRead;) {
      const auto found = co_await store.list(txn, function.name, place, oldest_first, limit);
      if (found.empty()) co_return shown;
      for (const auto& [id, at] : found) {
        if (executions.size() == limit) {
          shown.next_marker = hex_encode(place);
          co_return shown;
        }
        const std::optional<Execution> execution = co_await store.find(txn, id);
        if (execution && is_wanted(*execution, function, input)) executions.push_back(summary(store, *execution));
        place = at;
        ++looked_at;
      }
    }
    shown.next_marker = hex_encode(place);
    co_return shown;
  };
  co_return co_await storage::transact(tools_.database, read);
}

}  // namespace cumulet::lambda::durable
