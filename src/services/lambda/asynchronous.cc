#include <algorithm>

#include "base/text.h"
#include "services/lambda/durable/executions.h"
#include "services/lambda/event_source/poller.h"
#include "services/lambda/invocation_record.h"
#include "services/lambda/lambda.h"
#include "services/lambda/lineage.h"
#include "services/lambda/permission.h"
#include "services/lambda/tenancy.h"

/// Asynchronous invocations: events of the outbox that name a function. Function errors are tried again after one
/// minute and after two, throttles and failures of the platform with growing pauses until the event is too old; what is
/// given up goes to the dead-letter target and the failure destination.
/// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

constexpr std::int32_t kDefaultAge = 21600;
constexpr std::int32_t kDefaultRetries = 2;
constexpr milliseconds kShortestPause{1000};
constexpr milliseconds kLongestPause{300'000};
/// How often the function itself has failed: kept with the event, so that a restart does not begin again.
constexpr const char* kFailures = "@Failures";
constexpr const char* kTrace = "@TraceHeader";

std::string attribute_of(const events::Event& event, const char* name) {
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? std::string() : found->second;
}

std::uint32_t failures_of(const events::Event& event) {
  const std::int64_t count = parse_int(attribute_of(event, kFailures)).value_or(0);
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, 1000));
}

}  // namespace

struct Lambda::Settings {
  Settings() = default;
  std::int32_t age_seconds = kDefaultAge;
  std::int32_t retries = kDefaultRetries;
  std::string on_success;
  std::string on_failure;
  std::string dead_letter;
};

Task<Lambda::Settings> Lambda::settings_of(FunctionName name) {
  const Store store(name.account, name.region);
  const auto read = [&](Transaction& txn) -> Task<Settings> {
    Settings settings;
    const VersionRow row = co_await require_version(txn, name);
    if (row.configuration.dead_letter_config) {
      settings.dead_letter = row.configuration.dead_letter_config->target_arn.value_or("");
    }
    const std::string qualifier = name.qualifier && *name.qualifier != "$LATEST" ? *name.qualifier : std::string();
    const std::optional<api::FunctionEventInvokeConfig> config =
        co_await store.find_event_config(txn, name.name, qualifier);
    if (!config) co_return settings;
    settings.age_seconds = config->maximum_event_age_in_seconds.value_or(kDefaultAge);
    settings.retries = config->maximum_retry_attempts.value_or(kDefaultRetries);
    if (!config->destination_config) co_return settings;
    const api::DestinationConfig& to = *config->destination_config;
    if (to.on_success) settings.on_success = to.on_success->destination.value_or("");
    if (to.on_failure) settings.on_failure = to.on_failure->destination.value_or("");
    co_return settings;
  };
  co_return co_await storage::transact(database_, read);
}

Task<events::Outcome> Lambda::deliver(const events::Event& event) {
  if (durable::Executions::concerns(event)) co_return co_await executions_->deliver(event);
  const std::optional<FunctionName> name = parse_function_arn(event.target_arn);
  if (!name) co_return events::Outcome::dropped("not a function: " + event.target_arn);
  const Result<Settings> settings = co_await attempt(settings_of(*name));
  if (!settings && settings.error().http_status() == 404) {
    co_return events::Outcome::dropped(settings.error().message());
  }
  if (!settings) co_return settings.error();
  const Runnable target = co_await runnable(*name);
  const Result<void> permitted = permit(target, event.source_arn, event.account);
  if (!permitted.ok()) co_return events::Outcome::dropped(permitted.error().message());
  const Result<void> tenant = check_tenant(*target.version, attribute_of(event, kTenantAttribute));
  if (!tenant.ok()) co_return events::Outcome::dropped(tenant.error().message());
  if (target.metrics && event.attempt == 0) target.metrics->event_received();

  InvocationRecord record(event, *name);
  const auto age = clock_.now() - event.recorded;
  if (age > seconds(settings->age_seconds)) {
    record.condition = "EventAgeExceeded";
    co_return co_await give_up(event, *settings, target, std::move(record));
  }
  if (target.allowance.reserved == 0) {
    record.condition = "ZeroReservedConcurrency";
    record.invocations = 0;
    co_return co_await give_up(event, *settings, target, std::move(record));
  }
  std::string trace = attribute_of(event, kTrace);
  if (trace.empty()) trace = new_trace(clock_.now());
  const Lineage lineage = next_hop(trace, name->arn());
  record.trace = lineage.header;
  if (lineage.hops > kMostHops && target.stops_recursion) {
    if (target.metrics) target.metrics->recursion_stopped();
    record.condition = "RecursiveInvocation";
    co_return co_await give_up(event, *settings, target, std::move(record));
  }
  if (target.metrics) target.metrics->event_age(age);
  if (target.durable.timeout_seconds > 0) co_return co_await start_durable(event, target, record.trace);
  co_return co_await try_event(event, *settings, target, std::move(record));
}

Task<events::Outcome> Lambda::try_event(const events::Event& event, const Settings& settings, const Runnable& target,
                                        InvocationRecord record) {
  compute::Invocation invocation;
  invocation.request_id = event.id;
  invocation.payload = event.payload.empty() ? "{}" : event.payload;
  invocation.trace_id = record.trace;
  invocation.tenant_id = attribute_of(event, kTenantAttribute);
  const Result<compute::InvocationResult> result = co_await attempt(run(target, std::move(invocation)));
  std::uint32_t failures = failures_of(event);
  milliseconds pause{0};
  std::string why;
  if (result.ok()) {
    record.invocations = failures + 1;
    record.set_answer(*result, target.version->version);
    if (result->function_error.empty()) {
      record.condition = "Success";
      if (!settings.on_success.empty()) co_await send(settings.on_success, record);
      co_return events::Outcome::delivered();
    }
    why = "the function failed";
    if (++failures > static_cast<std::uint32_t>(settings.retries)) {
      record.condition = "RetriesExhausted";
      co_return co_await give_up(event, settings, target, std::move(record));
    }
    pause = std::chrono::minutes(failures);
  } else {
    why = result.error().message();
    record.error_code = result.error().http_status();
    pause = growing_pause(event.attempt - std::min(event.attempt, failures), kShortestPause, kLongestPause);
  }
  if (clock_.now() - event.recorded + pause > seconds(settings.age_seconds)) {
    record.condition = "EventAgeExceeded";
    co_return co_await give_up(event, settings, target, std::move(record));
  }
  events::Outcome again = events::Outcome::retry(pause, std::move(why));
  again.notes[kFailures] = std::to_string(failures);
  co_return again;
}

Task<events::Outcome> Lambda::give_up(const events::Event& event, const Settings& settings, const Runnable& target,
                                      InvocationRecord record) {
  if (target.metrics) target.metrics->event_dropped();
  if (!settings.on_failure.empty()) co_await send(settings.on_failure, record);
  if (!settings.dead_letter.empty()) {
    const events::Event letter = record.dead_letter(settings.dead_letter);
    const auto put = [&](Transaction& txn) -> Task<void> {
      outbox_.record(txn, letter);
      co_return;
    };
    co_await storage::transact(database_, put);
  }
  co_return events::Outcome::dropped(record.condition + " (" + event.target_arn + ")");
}

/// The record of an invocation, to a destination.
Task<void> Lambda::send(std::string destination, const InvocationRecord& record) {
  const events::Event sent = record.to_destination(destination, clock_.now());
  const auto put = [&](Transaction& txn) -> Task<void> {
    outbox_.record(txn, sent);
    co_return;
  };
  co_await storage::transact(database_, put);
}

}  // namespace cumulet::lambda
