#include "events/directed.h"

#include <algorithm>

#include "base/body.h"
#include "base/ids.h"
#include "base/text.h"
#include "events/prompt_delivery.h"
#include "wire/arn.h"
#include "wire/generated/lambda.h"

namespace cumulet::events {
namespace {

constexpr std::string_view kTarget = "!target";
constexpr std::string_view kDeadLetter = "!dead-letter";
constexpr std::string_view kMaxAge = "!max-age";
constexpr std::string_view kMaxRetries = "!max-retries";
constexpr std::string_view kLetter = "!letter.";
constexpr milliseconds kLongestPause{600'000};

std::string attribute(const Event& event, std::string_view name) {
  const auto found = event.attributes.find(std::string(name));
  return found == event.attributes.end() ? std::string() : found->second;
}

/// Exponential, up to ten minutes, spread over the upper half so that failures do not come back together.
milliseconds pause_after(std::uint32_t attempt) {
  const milliseconds longest = std::min(kLongestPause, milliseconds(1000) * (1u << std::min(attempt, 10u)));
  const auto random = static_cast<unsigned char>(random_bytes(1).front());
  return longest / 2 + longest / 2 * random / 255;
}

std::string error_code(const std::string& reason) {
  const std::string lower = to_lower(reason);
  const auto says = [&lower](std::string_view word) { return lower.find(word) != std::string::npos; };
  if (says("permission") || says("not authorized") || says("access denied")) return "NO_PERMISSIONS";
  if (says("not exist") || says("not found") || says("no service")) return "NO_RESOURCE";
  if (says("thrott") || says("too many") || says("rate exceeded")) return "THROTTLING";
  return "SDK_CLIENT_ERROR";
}

}  // namespace

Event directed(std::string lane_arn, Event event, const RetryRules& rules) {
  event.attributes[std::string(kTarget)] = std::move(event.target_arn);
  event.attributes[std::string(kMaxAge)] = std::to_string(rules.max_age_seconds);
  event.attributes[std::string(kMaxRetries)] = std::to_string(rules.max_retries);
  if (!rules.dead_letter_arn.empty()) {
    event.attributes[std::string(kDeadLetter)] = rules.dead_letter_arn;
    for (const auto& [name, value] : rules.dead_letter_attributes) {
      event.attributes[std::string(kLetter) + name] = value;
    }
  }
  event.target_arn = std::move(lane_arn);
  return event;
}

std::string directed_target(const Event& in_lane) { return attribute(in_lane, kTarget); }

Task<DirectedOutcome> DirectedDelivery::deliver(const Event& in_lane) {
  Event event = in_lane;
  event.target_arn = directed_target(in_lane);
  std::erase_if(event.attributes, [](const auto& entry) { return entry.first.starts_with('!'); });
  const std::int64_t max_age = parse_int(attribute(in_lane, kMaxAge)).value_or(0);
  const std::int64_t max_retries = parse_int(attribute(in_lane, kMaxRetries)).value_or(0);
  const auto age = std::chrono::duration_cast<seconds>(clock_.now() - in_lane.recorded).count();
  if (in_lane.attempt > 0 && age > max_age) {
    co_return co_await give_up(in_lane, "MaximumEventAgeInSeconds", "The event is too old.");
  }
  const bool look_first = !attribute(in_lane, kDeadLetter).empty();
  Result<Outcome> tried = co_await attempt(hand_over(std::move(event), look_first));
  if (tried.ok() && tried->kind == Outcome::Kind::kDelivered) {
    co_return DirectedOutcome(DirectedOutcome::Kind::kDelivered, Outcome::delivered(), false);
  }
  const std::string reason = tried.ok() ? tried->reason : tried.error().message();
  const bool final = tried.ok() ? tried->kind == Outcome::Kind::kDropped
                                : tried.error().http_status() >= 400 && tried.error().http_status() < 429;
  if (final) co_return co_await give_up(in_lane, "", reason);
  if (in_lane.attempt >= max_retries) co_return co_await give_up(in_lane, "MaximumRetryAttempts", reason);
  Outcome again =
      Outcome::retry(std::max(pause_after(in_lane.attempt), tried.ok() ? tried->retry_in : milliseconds(0)), reason);
  if (tried.ok()) again.notes = tried->notes;
  co_return DirectedOutcome(DirectedOutcome::Kind::kRetry, std::move(again), false);
}

Task<Outcome> DirectedDelivery::hand_over(Event event, bool look_first) {
  const std::optional<wire::Arn> arn = wire::parse_arn(event.target_arn);
  if (!arn || arn->service != "lambda") co_return co_await prompt_delivery(outbox_).deliver_now(event);
  if (look_first) co_await check_function(event);
  const auto record = [this, &event](storage::Transaction& txn) -> Task<void> {
    outbox_.record(txn, event);
    co_return;
  };
  co_await storage::transact(database_, record);
  co_return Outcome::delivered();
}

/// A function that is not there fails now, while the event can still go to the dead-letter queue.
Task<void> DirectedDelivery::check_function(const Event& event) {
  net::Request request;
  request.method = "GET";
  request.body = std::make_unique<StringBody>("");
  wire::Call call(request);
  call.caller.account = event.account;
  call.caller.arn = "arn:aws:iam::" + event.account + ":root";
  call.caller.unique_id = event.account;
  call.region = event.region;
  call.time = clock_.now();
  wire::lambda::GetFunctionConfigurationRequest input;
  input.function_name = event.target_arn;
  co_await directory_.call<wire::lambda::GetFunctionConfiguration>("lambda", call, std::move(input));
}

Task<DirectedOutcome> DirectedDelivery::give_up(const Event& in_lane, std::string condition, std::string reason) {
  DirectedOutcome result(DirectedOutcome::Kind::kGivenUp, Outcome::dropped(reason), false);
  const std::string queue = attribute(in_lane, kDeadLetter);
  if (queue.empty()) co_return result;
  Event letter;
  letter.account = in_lane.account;
  letter.region = in_lane.region;
  letter.source_arn = in_lane.source_arn;
  letter.target_arn = queue;
  letter.payload = in_lane.payload;
  for (const auto& [name, value] : in_lane.attributes) {
    if (name.starts_with(kLetter)) letter.attributes[name.substr(kLetter.size())] = value;
  }
  letter.attributes["TARGET_ARN"] = directed_target(in_lane);
  letter.attributes["ERROR_CODE"] = error_code(reason);
  letter.attributes["ERROR_MESSAGE"] = reason.empty() ? "The target could not be invoked." : reason.substr(0, 1024);
  letter.attributes["RETRY_ATTEMPTS#Number"] = std::to_string(in_lane.attempt);
  if (!condition.empty()) letter.attributes["EXHAUSTED_RETRY_CONDITION"] = condition;
  const auto record = [this, &letter](storage::Transaction& txn) -> Task<void> {
    outbox_.record(txn, letter);
    co_return;
  };
  co_await storage::transact(database_, record);
  result.dead_letter = true;
  co_return result;
}

}  // namespace cumulet::events
