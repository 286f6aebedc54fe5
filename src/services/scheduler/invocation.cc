#include <algorithm>
#include <cstring>

#include "base/body.h"
#include "base/ids.h"
#include "base/text.h"
#include "events/schedule_expression.h"
#include "services/scheduler/scheduler.h"
#include "services/scheduler/target.h"
#include "storage/row.h"
#include "wire/arn.h"

/// From a due time to the target.
namespace cumulet::scheduler {
namespace {

namespace api = wire::scheduler;
using events::DirectedOutcome;

constexpr std::int64_t kLongestAge = 86400;

std::string entry_id(const Store& store, const Schedule& schedule) {
  storage::RowWriter row;
  row.text(store.account()).text(store.region()).text(*schedule.shown.group_name).text(*schedule.shown.name);
  return std::move(row).bytes();
}

std::chrono::minutes window_of(const api::GetScheduleOutput& schedule) {
  if (!schedule.flexible_time_window || schedule.flexible_time_window->mode != "FLEXIBLE") {
    return std::chrono::minutes(0);
  }
  return std::chrono::minutes(schedule.flexible_time_window->maximum_window_in_minutes.value_or(0));
}

Timestamp somewhere_in(Timestamp from, std::chrono::minutes window) {
  if (window.count() == 0) return from;
  std::uint64_t random = 0;
  std::memcpy(&random, random_bytes(sizeof(random)).data(), sizeof(random));
  const auto seconds_long = static_cast<std::uint64_t>(window.count()) * 60;
  return from + seconds(static_cast<std::int64_t>(random % seconds_long));
}

/// The next time that the expression names between the start and the end date.
std::optional<Timestamp> next_tick(const api::GetScheduleOutput& schedule, Timestamp after) {
  const auto expression = events::ScheduleExpression::parse(schedule.schedule_expression.value_or(""), true);
  const auto zone = events::TimeZone::find(schedule.schedule_expression_timezone.value_or("UTC"));
  if (!expression || !zone) return std::nullopt;
  const std::chrono::microseconds moment(1);
  if (expression->is_once()) return expression->next(after, after, *zone);
  const Timestamp base = schedule.start_date.value_or(schedule.creation_date.value_or(after));
  if (schedule.start_date) after = std::max(after, *schedule.start_date - moment);
  const std::optional<Timestamp> tick = expression->next(after, base, *zone);
  if (tick && schedule.end_date && *tick > *schedule.end_date) return std::nullopt;
  return tick;
}

events::RetryRules retry_rules(const api::GetScheduleOutput& schedule, const std::string& execution_id,
                               Timestamp tick) {
  events::RetryRules rules;
  const api::Target& target = *schedule.target;
  if (target.retry_policy) {
    rules.max_age_seconds = target.retry_policy->maximum_event_age_in_seconds.value_or(kLongestAge);
    rules.max_retries = target.retry_policy->maximum_retry_attempts.value_or(185);
  }
  if (target.dead_letter_config) rules.dead_letter_arn = target.dead_letter_config->arn.value_or("");
  rules.dead_letter_attributes["SCHEDULE_ARN"] = *schedule.arn;
  rules.dead_letter_attributes["EXECUTION_ID"] = execution_id;
  rules.dead_letter_attributes["SCHEDULED_TIME"] = iso8601(tick);
  return rules;
}

}  // namespace

void Scheduler::leave(storage::Transaction& txn, const Store& store, const Schedule& schedule) const {
  if (schedule.tick) due_.erase(txn, schedule.due, entry_id(store, schedule));
}

void Scheduler::enter(storage::Transaction& txn, const Store& store, Schedule& schedule, Timestamp after) const {
  leave(txn, store, schedule);
  schedule.tick.reset();
  if (schedule.shown.state.value_or("ENABLED") == "ENABLED") schedule.tick = next_tick(schedule.shown, after);
  if (!schedule.tick) return;
  schedule.due = somewhere_in(*schedule.tick, window_of(schedule.shown));
  due_.put(txn, schedule.due, entry_id(store, schedule));
}

/// What fell due while the server was down, or the clock jumped over it, happens once, unless it is older than the
/// retry policy lets an invocation become.
Task<void> Scheduler::invoke(storage::Transaction& txn, Timestamp due, std::string id) {
  storage::RowReader reader(id);
  std::string account = reader.text();
  std::string region = reader.text();
  const Store store(std::move(account), std::move(region));
  std::string group = reader.text();
  std::string name = reader.text();
  std::optional<Schedule> schedule = co_await store.find(txn, group, name);
  if (!schedule || !schedule->tick || schedule->due != due || !schedule->shown.target) co_return;
  const Timestamp tick = *schedule->tick;
  const Timestamp now = clock_.now();
  const std::string execution_id = uuid();
  const events::RetryRules rules = retry_rules(schedule->shown, execution_id, tick);
  if (now - due <= seconds(rules.max_age_seconds)) {
    const std::string lane = wire::make_arn("scheduler", store.region(), store.account(), "lane/" + group + "/" + name);
    events::Event event = event_for(schedule->shown, store.account(), store.region(), tick, execution_id);
    outbox_.record(txn, events::directed(lane, std::move(event), rules));
  } else {
    count(store, group, "InvocationDroppedCount");
  }
  const bool missed = tick + window_of(schedule->shown) < now;
  enter(txn, store, *schedule, missed ? now : tick);
  if (!schedule->tick && schedule->shown.action_after_completion.value_or("NONE") == "DELETE") {
    store.erase(txn, group, name);
  } else {
    store.put(txn, *schedule);
  }
}

Task<events::Outcome> Scheduler::deliver(const events::Event& in_lane) {
  const std::optional<wire::Arn> lane = wire::parse_arn(in_lane.target_arn);
  if (!lane || lane->resource_type() != "lane") co_return co_await invoke_universal(in_lane);
  const std::vector<std::string_view> parts = split(lane->resource, '/');
  const Store store(lane->account, lane->region);
  const std::string group(parts.size() > 1 ? parts[1] : "");
  events::Event event = in_lane;
  event.payload = replace_all(std::move(event.payload), kAttemptNumber, std::to_string(in_lane.attempt + 1));
  DirectedOutcome result = co_await directed_.deliver(event);
  count(store, group, "InvocationAttemptCount");
  if (result.kind != DirectedOutcome::Kind::kDelivered) count(store, group, "TargetErrorCount");
  if (result.kind == DirectedOutcome::Kind::kGivenUp) count(store, group, "InvocationDroppedCount");
  if (result.dead_letter) count(store, group, "InvocationsSentToDeadLetterCount");
  co_return std::move(result.outcome);
}

/// An operation of another service, in the name of the schedule's account.
Task<events::Outcome> Scheduler::invoke_universal(const events::Event& event) {
  const std::optional<UniversalTarget> target = universal_target(event.target_arn);
  if (!target) co_return events::Outcome::dropped("Scheduler has no target of this kind: " + event.target_arn);
  net::Request request;
  request.method = "POST";
  request.body = std::make_unique<StringBody>("");
  wire::Call call(request);
  call.caller.account = event.account;
  call.caller.arn = "arn:aws:iam::" + event.account + ":root";
  call.caller.unique_id = event.account;
  call.request_id = event.id;
  call.region = event.region;
  call.time = clock_.now();
  co_await operations_.run(target->service, target->operation, call, event.payload);
  co_return events::Outcome::delivered();
}

void Scheduler::count(const Store& store, const std::string& group, std::string_view metric) const {
  events::MetricSample sample(store.account(), store.region(), "AWS/Scheduler", metric);
  sample.dimensions.emplace_back("ScheduleGroup", group);
  metrics_.record(std::move(sample));
}

}  // namespace cumulet::scheduler
