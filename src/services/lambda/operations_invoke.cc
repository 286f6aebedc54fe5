#include <simdjson.h>

#include "base/ids.h"
#include "base/text.h"
#include "services/lambda/lambda.h"
#include "services/lambda/lineage.h"
#include "services/lambda/permission.h"
#include "services/lambda/tenancy.h"

namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::size_t kSyncLimit = 6291456;
constexpr std::size_t kAsyncLimit = 1048576;
constexpr std::size_t kClientContextLimit = 3583;
constexpr std::size_t kKeptParser = 64 * 1024;

Error bad_content(std::string message) {
  return user_error(api::errors::kInvalidRequestContentException, std::move(message));
}

Error too_large(std::size_t limit) {
  return user_error(api::errors::kRequestTooLargeException, "Request must be smaller than " + std::to_string(limit) +
                                                                " bytes for the InvokeFunction operation");
}

/// The caller's trace, or a new one.
std::string trace_of(const net::Request& request, Timestamp now) {
  const std::string_view given = request.headers.get("X-Amzn-Trace-Id");
  if (given.starts_with("Root=") && given.size() < 512) return std::string(given);
  return new_trace(now);
}

Error recursive() {
  return user_error(api::errors::kRecursiveInvocationException,
                    "Lambda has detected your function being invoked in a recursive loop with other AWS resources and "
                    "stopped your function's invocation.");
}

Result<std::string> client_context(const std::optional<std::string>& given) {
  if (!given || given->empty()) return std::string();
  if (given->size() > kClientContextLimit) return bad_content("Client context must be no more than 3583 bytes.");
  std::optional<std::string> text = base64_decode(*given);
  if (!text || json_problem(*text)) return bad_content("Client context must be a valid Base64-encoded JSON object.");
  return std::move(*text);
}

}  // namespace

std::optional<std::string> json_problem(const std::string& text) {
  simdjson::error_code error;
  if (text.size() <= kKeptParser) {
    thread_local simdjson::dom::parser parser;
    error = parser.parse(text).error();
  } else {
    simdjson::dom::parser parser;  // A parser keeps a multiple of the largest text that it has seen.
    error = parser.parse(text).error();
  }
  if (error == simdjson::SUCCESS) return std::nullopt;
  return simdjson::error_message(error);
}

void Lambda::register_invoke() {
  service_.on<api::Invoke>([this](Call& c, const auto& in) { return invoke_operation(c, in); });
  service_.on<api::InvokeWithResponseStream>([this](Call& c, const auto& in) { return invoke_streaming(c, in); });
  service_.on<api::InvokeAsync>([this](Call& c, const auto& in) { return invoke_async(c, in); });
}

Task<api::InvocationResponse> Lambda::invoke_operation(Call& call, const api::InvocationRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  const std::string type = input.invocation_type.value_or("RequestResponse");
  const bool event = type == "Event";
  std::string payload = input.payload.value_or("");
  const std::size_t limit = event ? kAsyncLimit : kSyncLimit;
  if (payload.size() > limit) co_await fail(too_large(limit));
  if (payload.empty()) payload = "{}";
  const Runnable target = co_await runnable(name);
  const std::string tenant = input.tenant_id.value_or("");
  co_await check_tenant(*target.version, tenant);
  const bool durable = target.durable.timeout_seconds > 0;
  if (input.durable_execution_name && !durable) {
    co_await fail(user_error(api::errors::kInvalidParameterValueException,
                             "The function is not durable: DurableExecutionName cannot be given."));
  }
  if (const std::optional<std::string> problem = json_problem(payload)) {
    co_await fail(
        bad_content("Could not parse request body into json: Could not parse payload into json: " + *problem));
  }
  std::string context = co_await client_context(input.client_context);

  api::InvocationResponse output;
  if (type == "DryRun") {
    output.status_code = 204;
    co_return output;
  }
  if (durable) {
    Lineage lineage = next_hop(trace_of(call.http, call.time), name.arn());
    if (lineage.hops > kMostHops && target.stops_recursion) co_await fail(recursive());
    co_return co_await invoke_durable(call, input, target, std::move(payload), std::move(lineage.header));
  }
  if (event) {
    const std::string trace = trace_of(call.http, call.time);
    co_await record_invocation(target, std::move(payload), trace, tenant, call);
    output.status_code = 202;
    co_return output;
  }
  compute::Invocation invocation;
  invocation.request_id = call.request_id;
  invocation.payload = std::move(payload);
  invocation.client_context = std::move(context);
  invocation.tenant_id = tenant;
  const Lineage lineage = next_hop(trace_of(call.http, call.time), name.arn());
  if (lineage.hops > kMostHops && target.stops_recursion) co_await fail(recursive());
  invocation.trace_id = lineage.header;
  invocation.tail = input.log_type == "Tail";
  call.reply_headers.add("X-Amzn-Trace-Id", invocation.trace_id);
  const bool tail = invocation.tail;
  compute::InvocationResult result = co_await run(target, std::move(invocation));
  output.status_code = 200;
  output.payload = std::move(result.payload);
  if (!result.function_error.empty()) output.function_error = std::move(result.function_error);
  if (tail) output.log_result = base64_encode(result.log_tail);
  output.executed_version = target.version->version;
  co_return output;
}

Task<api::InvokeWithResponseStreamResponse> Lambda::invoke_streaming(
    Call& call, const api::InvokeWithResponseStreamRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, input.qualifier);
  std::string payload = input.payload.value_or("");
  if (payload.size() > kSyncLimit) co_await fail(too_large(kSyncLimit));
  if (payload.empty()) payload = "{}";
  const Runnable target = co_await runnable(name);
  if (const std::optional<std::string> problem = json_problem(payload)) {
    co_await fail(
        bad_content("Could not parse request body into json: Could not parse payload into json: " + *problem));
  }
  compute::Invocation invocation;
  invocation.client_context = co_await client_context(input.client_context);
  invocation.tenant_id = input.tenant_id.value_or("");
  co_await check_tenant(*target.version, invocation.tenant_id);
  api::InvokeWithResponseStreamResponse output;
  if (input.invocation_type == "DryRun") {
    output.status_code = 204;
    co_return output;
  }
  invocation.request_id = call.request_id;
  invocation.payload = std::move(payload);
  const Lineage lineage = next_hop(trace_of(call.http, call.time), name.arn());
  if (lineage.hops > kMostHops && target.stops_recursion) co_await fail(recursive());
  invocation.trace_id = lineage.header;
  invocation.tail = input.log_type == "Tail";
  const bool tail = invocation.tail;
  call.reply_headers.add("X-Amzn-Trace-Id", invocation.trace_id);
  const StreamedInvocation under_way = begin_streaming(target, std::move(invocation));
  std::optional<compute::InvocationResult> whole;
  const bool streams = co_await under_way.stream->begun();
  if (!streams) whole = co_await under_way.done.wait();
  output.status_code = 200;
  output.executed_version = target.version->version;
  output.response_stream_content_type = "application/vnd.amazon.eventstream";
  output.event_stream = make_event_stream(under_way, std::move(whole), tail);
  co_return output;
}

StreamedInvocation Lambda::begin_streaming(Runnable target, compute::Invocation invocation) {
  const StreamedInvocation under_way;
  if (options_.exact_streaming) under_way.stream->pace();
  invocation.stream = under_way.stream;
  cumulet::start(run_to_the_end(std::move(target), std::move(invocation)),
                 [under_way](Result<compute::InvocationResult> result) {
                   under_way.done.resolve(std::move(result));
                   under_way.stream->end(compute::ResponseEnd());
                 });
  return under_way;
}

Task<compute::InvocationResult> Lambda::run_to_the_end(Runnable target, compute::Invocation invocation) {
  co_return co_await run(target, std::move(invocation));
}

Task<api::InvokeAsyncResponse> Lambda::invoke_async(Call& call, const api::InvokeAsyncRequest& input) {
  const FunctionName name =
      co_await parse_function_name(input.function_name, call.account(), call.region, std::nullopt);
  std::string payload;
  if (input.invoke_args) payload = co_await read_all(*input.invoke_args, 262144, too_large(262144));
  if (payload.empty()) payload = "{}";
  const Runnable target = co_await runnable(name);
  if (const std::optional<std::string> problem = json_problem(payload)) {
    co_await fail(bad_content("Could not parse request body into json: " + *problem));
  }
  co_await check_tenant(*target.version, std::string());
  const std::string trace = trace_of(call.http, call.time);
  co_await record_invocation(target, std::move(payload), trace, std::string(), call);
  api::InvokeAsyncResponse output;
  output.status = 202;
  co_return output;
}

Task<void> Lambda::record_invocation(const Runnable& runnable, std::string payload, std::string trace,
                                     std::string tenant, Call& call) {
  const auto record = [&](Transaction& txn) -> Task<void> {
    events::Event event;
    event.id = call.request_id;
    event.account = runnable.version->account;
    event.region = runnable.version->region;
    event.target_arn = runnable.arn;
    event.source_arn = call.caller.arn;
    event.payload = payload;
    event.attributes["@TraceHeader"] = trace;
    if (!tenant.empty()) event.attributes[kTenantAttribute] = tenant;
    outbox_.record(txn, std::move(event));
    co_return;
  };
  co_await storage::transact(database_, record);
}

Task<compute::InvocationResult> Lambda::run(const Runnable& runnable, compute::Invocation invocation) {
  if (runnable.durable.timeout_seconds > 0) co_return co_await run_durable(runnable, std::move(invocation));
  co_return co_await run_once(runnable, std::move(invocation));
}

Task<compute::InvocationResult> Lambda::run_once(const Runnable& runnable, compute::Invocation invocation) {
  co_await check_tenant(*runnable.version, invocation.tenant_id);
  invocation.invoked_arn = runnable.arn;
  const std::shared_ptr<InvocationMetrics> metrics = runnable.metrics;
  if (metrics) metrics->began();
  const bool recurs = metrics && hops_of(invocation.trace_id) > 1;
  Result<compute::InvocationResult> result =
      co_await attempt(engine_.invoke(runnable.version, std::move(invocation), runnable.allowance));
  if (metrics && result.ok()) metrics->ended(!result->function_error.empty(), result->duration_ms);
  if (recurs && result.ok()) metrics->recurred(result->duration_ms);
  if (metrics && !result.ok() && result.error().http_status() == 429) metrics->throttled();
  if (metrics && !result.ok() && result.error().http_status() != 429) metrics->broke_off();
  co_return std::move(result);
}

Result<void> Lambda::permit(const Runnable& runnable, const std::string& source_arn, const std::string& account) const {
  if (!options_.services_need_permission) return {};
  return check_permission(*runnable.policy, runnable.arn, source_arn, account);
}

/// What event source mappings run: with the function's own role, so no policy is asked.
Task<BatchReply> Lambda::invoke_batch(const MappingRow& mapping, std::string payload, std::string trace) {
  const std::optional<FunctionName> name = parse_function_arn(mapping.function());
  if (!name) co_await fail(function_not_found(mapping.function()));
  const Runnable target = co_await runnable(*name);
  compute::Invocation invocation;
  invocation.request_id = uuid();
  invocation.payload = std::move(payload);
  const Lineage lineage = next_hop(trace.empty() ? new_trace(clock_.now()) : trace, name->arn());
  if (lineage.hops > kMostHops && target.stops_recursion) {
    if (target.metrics) target.metrics->recursion_stopped();
    co_await fail(recursive());
  }
  invocation.trace_id = lineage.header;
  BatchReply reply;
  reply.request_id = invocation.request_id;
  reply.executed_version = target.version->version;
  compute::InvocationResult result = co_await run(target, std::move(invocation));
  reply.payload = std::move(result.payload);
  reply.function_error = std::move(result.function_error);
  co_return reply;
}

Task<events::FunctionReply> Lambda::invoke(std::string function, std::string payload, std::string source_arn) {
  const std::optional<FunctionName> name = parse_function_arn(function);
  if (!name) co_await fail(function_not_found(function));
  if (payload.size() > kSyncLimit) co_await fail(too_large(kSyncLimit));
  const Runnable target = co_await runnable(*name);
  co_await permit(target, source_arn, name->account);
  compute::Invocation invocation;
  invocation.request_id = uuid();
  invocation.payload = std::move(payload);
  compute::InvocationResult result = co_await run(target, std::move(invocation));
  co_return events::FunctionReply(std::move(result.payload), std::move(result.function_error));
}

}  // namespace cumulet::lambda
