#include "base/text.h"
#include "events/schedule_expression.h"
#include "services/scheduler/scheduler.h"
#include "services/scheduler/target.h"
#include "storage/row.h"
#include "wire/document.h"

namespace cumulet::scheduler {
namespace {

namespace api = wire::scheduler;
using Shown = api::GetScheduleOutput;

constexpr std::int32_t kPage = 100;

/// "group" and "name" of the last one, as a token.
std::string token_of(const Schedule& schedule) {
  storage::RowWriter row;
  row.text(*schedule.shown.group_name).text(*schedule.shown.name);
  return base64_encode(std::move(row).bytes());
}

Task<std::pair<std::string, std::string>> parse_token(std::optional<std::string> token) {
  if (!token || token->empty()) co_return std::pair<std::string, std::string>();
  const std::optional<std::string> bytes = base64_decode(*token);
  if (!bytes) co_return invalid("Invalid NextToken.");
  storage::RowReader row(*bytes);
  std::string group = row.text();
  std::string name = row.text();
  if (!row.ok()) co_return invalid("Invalid NextToken.");
  co_return std::pair(std::move(group), std::move(name));
}

void complete(Shown& schedule) {
  if (!schedule.group_name) schedule.group_name = std::string(kDefaultGroup);
  if (!schedule.state) schedule.state = "ENABLED";
  if (!schedule.schedule_expression_timezone) schedule.schedule_expression_timezone = "UTC";
  if (!schedule.action_after_completion) schedule.action_after_completion = "NONE";
  api::Target& target = *schedule.target;
  if (!target.retry_policy) target.retry_policy.emplace();
  if (!target.retry_policy->maximum_event_age_in_seconds) target.retry_policy->maximum_event_age_in_seconds = 86400;
  if (!target.retry_policy->maximum_retry_attempts) target.retry_policy->maximum_retry_attempts = 185;
}

}  // namespace

void Scheduler::register_schedules() {
  service_.on<api::CreateSchedule>([this](Call& c, const auto& in) { return create_schedule(c, in); });
  service_.on<api::UpdateSchedule>([this](Call& c, const auto& in) { return update_schedule(c, in); });
  service_.on<api::DeleteSchedule>([this](Call& c, const auto& in) { return delete_schedule(c, in); });
  service_.on<api::GetSchedule>([this](Call& c, const auto& in) { return get_schedule(c, in); });
  service_.on<api::ListSchedules>([this](Call& c, const auto& in) { return list_schedules(c, in); });
}

Result<void> Scheduler::check(const Shown& schedule) const {
  const std::string expression = schedule.schedule_expression.value_or("");
  if (!events::ScheduleExpression::parse(expression, true)) {
    return invalid("Invalid Schedule Expression " + expression + ".");
  }
  const std::string zone = schedule.schedule_expression_timezone.value_or("UTC");
  if (!events::TimeZone::find(zone)) return invalid("Invalid ScheduleExpressionTimezone " + zone + ".");
  if (schedule.start_date && schedule.end_date && *schedule.start_date >= *schedule.end_date) {
    return invalid("The StartDate must be before the EndDate.");
  }
  if (schedule.end_date && *schedule.end_date <= clock_.now()) {
    return invalid("The EndDate you specify must be in the future.");
  }
  const bool flexible = schedule.flexible_time_window->mode == "FLEXIBLE";
  const bool has_window = schedule.flexible_time_window->maximum_window_in_minutes.has_value();
  if (flexible && !has_window) {
    return invalid("MaximumWindowInMinutes must be specified when FlexibleTimeWindow is FLEXIBLE.");
  }
  if (!flexible && has_window) {
    return invalid("MaximumWindowInMinutes cannot be specified when FlexibleTimeWindow is OFF.");
  }
  return check_target(*schedule.target, operations_);
}

Task<api::CreateScheduleOutput> Scheduler::create_schedule(Call& call, const api::CreateScheduleInput& input) {
  const Store store = store_of(call);
  Schedule schedule;
  schedule.shown = co_await wire::read_output<api::GetSchedule>(wire::input_document<api::CreateSchedule>(input));
  // In the model it stands in the address, not in the body.
  schedule.shown.name = input.name;
  complete(schedule.shown);
  co_await check(schedule.shown);
  schedule.client_token = input.client_token.value_or("");
  schedule.shown.arn = schedule_arn(store, *schedule.shown.group_name, input.name);
  const Timestamp now = std::chrono::floor<milliseconds>(clock_.now());
  schedule.shown.creation_date = schedule.shown.last_modification_date = now;
  const auto create = [&](storage::Transaction& txn) -> Task<void> {
    co_await require_group(store, txn, *schedule.shown.group_name);
    const std::optional<Schedule> there = co_await store.find(txn, *schedule.shown.group_name, input.name);
    if (there) {
      if (!schedule.client_token.empty() && there->client_token == schedule.client_token) co_return;
      co_await fail(api::errors::kConflictException, "Schedule " + input.name + " already exists.");
    }
    Schedule fresh = schedule;
    // A rate without a start date begins at once.
    enter(txn, store, fresh, now - std::chrono::microseconds(1));
    store.put(txn, fresh);
  };
  co_await storage::transact(database_, create);
  api::CreateScheduleOutput output;
  output.schedule_arn = *schedule.shown.arn;
  co_return output;
}

Task<api::UpdateScheduleOutput> Scheduler::update_schedule(Call& call, const api::UpdateScheduleInput& input) {
  const Store store = store_of(call);
  Shown wanted = co_await wire::read_output<api::GetSchedule>(wire::input_document<api::UpdateSchedule>(input));
  wanted.name = input.name;
  complete(wanted);
  co_await check(wanted);
  const auto change = [&](storage::Transaction& txn) -> Task<std::string> {
    std::optional<Schedule> schedule = co_await store.find(txn, *wanted.group_name, input.name);
    if (!schedule) co_return not_found("Schedule " + input.name + " does not exist.");
    Shown shown = wanted;
    shown.arn = schedule->shown.arn;
    shown.creation_date = schedule->shown.creation_date;
    shown.last_modification_date = std::chrono::floor<milliseconds>(clock_.now());
    schedule->shown = std::move(shown);
    enter(txn, store, *schedule, clock_.now());
    store.put(txn, *schedule);
    co_return *schedule->shown.arn;
  };
  api::UpdateScheduleOutput output;
  output.schedule_arn = co_await storage::transact(database_, change);
  co_return output;
}

Task<api::DeleteScheduleOutput> Scheduler::delete_schedule(Call& call, const api::DeleteScheduleInput& input) {
  const Store store = store_of(call);
  const std::string group = input.group_name.value_or(std::string(kDefaultGroup));
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<Schedule> schedule = co_await store.find(txn, group, input.name);
    if (!schedule) co_await fail(not_found("Schedule " + input.name + " does not exist."));
    leave(txn, store, *schedule);
    store.erase(txn, group, input.name);
  };
  co_await storage::transact(database_, erase);
  co_return api::DeleteScheduleOutput();
}

Task<Shown> Scheduler::get_schedule(Call& call, const api::GetScheduleInput& input) {
  const Store store = store_of(call);
  const std::string group = input.group_name.value_or(std::string(kDefaultGroup));
  const auto read = [&](storage::Transaction& txn) -> Task<Shown> {
    const std::optional<Schedule> schedule = co_await store.find(txn, group, input.name);
    if (!schedule) co_return not_found("Schedule " + input.name + " does not exist.");
    co_return schedule->shown;
  };
  co_return co_await storage::transact(database_, read);
}

Task<api::ListSchedulesOutput> Scheduler::list_schedules(Call& call, const api::ListSchedulesInput& input) {
  const Store store = store_of(call);
  const auto limit = static_cast<std::size_t>(input.max_results.value_or(kPage));
  const std::pair<std::string, std::string> after = co_await parse_token(input.next_token);
  const auto read = [&](storage::Transaction& txn) -> Task<std::vector<Schedule>> {
    if (input.group_name) co_await require_group(store, txn, *input.group_name);
    co_return co_await store.list(txn, input.group_name, input.name_prefix.value_or(""), after, limit + 1);
  };
  std::vector<Schedule> schedules = co_await storage::transact(database_, read);
  api::ListSchedulesOutput output;
  if (schedules.size() > limit) {
    schedules.resize(limit);
    output.next_token = token_of(schedules.back());
  }
  for (const Schedule& schedule : schedules) {
    if (input.state && schedule.shown.state != input.state) continue;
    api::ScheduleSummary& summary = output.schedules.emplace_back();
    summary.arn = schedule.shown.arn;
    summary.name = schedule.shown.name;
    summary.group_name = schedule.shown.group_name;
    summary.state = schedule.shown.state;
    summary.creation_date = schedule.shown.creation_date;
    summary.last_modification_date = schedule.shown.last_modification_date;
    summary.target.emplace().arn = schedule.shown.target->arn;
  }
  co_return output;
}

}  // namespace cumulet::scheduler
