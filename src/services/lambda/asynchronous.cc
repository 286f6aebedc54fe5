#include <algorithm>

#include "base/text.h"
#include "services/lambda/lambda.h"
#include "wire/json_writer.h"

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

}  // namespace

struct Lambda::Settings {
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

std::uint32_t Lambda::failures_of(const std::string& event_id, bool one_more) {
  const std::lock_guard lock(mutex_);
  if (one_more) return ++failures_[event_id];
  const auto found = failures_.find(event_id);
  return found == failures_.end() ? 0 : found->second;
}

void Lambda::forget_failures(const std::string& event_id) {
  const std::lock_guard lock(mutex_);
  failures_.erase(event_id);
}

Task<events::Outcome> Lambda::deliver(const events::Event& event) {
  const std::optional<FunctionName> name = parse_function_arn(event.target_arn);
  if (!name) co_return events::Outcome::dropped("not a function: " + event.target_arn);
  const Result<Settings> settings = co_await attempt(settings_of(*name));
  if (!settings && settings.error().http_status() == 404) {
    forget_failures(event.id);
    co_return events::Outcome::dropped(settings.error().message());
  }
  if (!settings) co_return settings.error();
  const auto age = std::chrono::duration_cast<seconds>(clock_.now() - event.recorded);
  if (age.count() > settings->age_seconds) {
    co_return co_await give_up(event, *name, *settings, nullptr, std::string("EventAgeExceeded"));
  }
  const Runnable target = co_await runnable(*name);
  if (target.reserved == 0) {
    co_return co_await give_up(event, *name, *settings, nullptr, std::string("ZeroReservedConcurrency"));
  }
  compute::Invocation invocation;
  invocation.request_id = event.id;
  invocation.payload = event.payload.empty() ? "{}" : event.payload;
  const Result<compute::InvocationResult> result = co_await attempt(run(target, std::move(invocation)));
  milliseconds pause{0};
  if (!result) {
    pause = seconds(std::min<std::int64_t>(300, std::int64_t{1} << std::min(event.attempt, 9u)));
  } else if (!result->function_error.empty()) {
    const std::uint32_t failures = failures_of(event.id, true);
    if (failures > static_cast<std::uint32_t>(settings->retries)) {
      co_return co_await give_up(event, *name, *settings, &*result, std::string("RetriesExhausted"));
    }
    pause = std::chrono::minutes(failures);
  } else {
    if (!settings->on_success.empty()) {
      co_await send_record(event, *name, settings->on_success, &*result, std::string("Success"), event.attempt + 1);
    }
    forget_failures(event.id);
    co_return events::Outcome::delivered();
  }
  if (age + pause > seconds(settings->age_seconds)) {
    co_return co_await give_up(event, *name, *settings, result ? &*result : nullptr, std::string("EventAgeExceeded"));
  }
  co_return events::Outcome::retry(pause, result ? "the function failed" : result.error().message());
}

Task<events::Outcome> Lambda::give_up(const events::Event& event, const FunctionName& name, const Settings& settings,
                                      const compute::InvocationResult* result, std::string condition) {
  const std::uint32_t tries = condition == "ZeroReservedConcurrency" ? 0 : event.attempt + (result ? 1 : 0);
  if (!settings.on_failure.empty()) co_await send_record(event, name, settings.on_failure, result, condition, tries);
  if (!settings.dead_letter.empty()) {
    const auto record = [&](Transaction& txn) -> Task<void> {
      events::Event letter;
      letter.account = event.account;
      letter.region = event.region;
      letter.target_arn = settings.dead_letter;
      letter.source_arn = name.arn();
      letter.payload = event.payload;
      letter.attributes["RequestID"] = event.id;
      letter.attributes["ErrorCode"] = result ? "200" : "429";
      letter.attributes["ErrorMessage"] = result ? result->payload.substr(0, 1024) : condition;
      outbox_.record(txn, std::move(letter));
      co_return;
    };
    co_await storage::transact(database_, record);
  }
  forget_failures(event.id);
  co_return events::Outcome::dropped(condition + " (" + name.qualified_arn() + ")");
}

/// The record that a destination gets.
Task<void> Lambda::send_record(const events::Event& event, const FunctionName& name, std::string destination,
                               const compute::InvocationResult* result, std::string condition, std::uint32_t tries) {
  wire::JsonWriter json;
  json.begin_object().key("version").string("1.0").key("timestamp").string(iso8601(clock_.now(), true));
  json.key("requestContext").begin_object();
  json.key("requestId").string(event.id);
  json.key("functionArn").string(name.arn() + ":" + name.qualifier.value_or("$LATEST"));
  json.key("condition").string(condition).key("approximateInvokeCount").integer(tries).end_object();
  json.key("requestPayload").raw(json_problem(event.payload) ? "{}" : event.payload);
  if (result) {
    json.key("responseContext").begin_object().key("statusCode").integer(200);
    json.key("executedVersion").string(name.qualifier.value_or("$LATEST"));
    if (!result->function_error.empty()) json.key("functionError").string(result->function_error);
    json.end_object();
    json.key("responsePayload");
    // A runtime of the function's own may answer anything.
    if (json_problem(result->payload)) {
      json.string(is_utf8(result->payload) ? result->payload : base64_encode(result->payload));
    } else {
      json.raw(result->payload);
    }
  }
  json.end_object();
  const std::string payload = json.take();
  const auto record = [&](Transaction& txn) -> Task<void> {
    events::Event sent;
    sent.account = event.account;
    sent.region = event.region;
    sent.target_arn = destination;
    sent.source_arn = name.arn();
    sent.payload = payload;
    outbox_.record(txn, std::move(sent));
    co_return;
  };
  co_await storage::transact(database_, record);
}

}  // namespace cumulet::lambda
