#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "events/directed.h"
#include "events/metric_sink.h"
#include "events/outbox.h"
#include "events/timetable.h"
#include "services/scheduler/store.h"
#include "storage/database.h"
#include "wire/directory.h"
#include "wire/generated/scheduler.h"
#include "wire/named_operations.h"
#include "wire/service.h"

namespace cumulet::scheduler {

/// EventBridge Scheduler: schedules and their groups.
/// https://docs.aws.amazon.com/scheduler/latest/APIReference/
///
/// Each schedule's next invocation is an entry of a timetable. When it falls due, one transaction records what the
/// target gets and enters the invocation after it.
class Scheduler final : public events::Target {
 public:
  Scheduler(storage::Database& database, const Clock& clock, events::Outbox& outbox, const wire::Directory& directory,
            const wire::NamedOperations& operations, events::MetricSink& metrics);

  const wire::Service& service() const { return service_; }

  /// Invocations on their way to a target.
  Task<events::Outcome> deliver(const events::Event& event) override;

  void start(Loop& loop) { due_.start(loop); }
  void clock_moved() { due_.clock_moved(); }
  void drain(SteadyTime deadline) { due_.drain(deadline); }

 private:
  using Call = wire::Call;
  template <typename Operation>
  using Out = Task<typename Operation::Output>;

  // operations_schedules.cc
  void register_schedules();
  Out<wire::scheduler::CreateSchedule> create_schedule(Call& call, const wire::scheduler::CreateScheduleInput& input);
  Out<wire::scheduler::UpdateSchedule> update_schedule(Call& call, const wire::scheduler::UpdateScheduleInput& input);
  Out<wire::scheduler::DeleteSchedule> delete_schedule(Call& call, const wire::scheduler::DeleteScheduleInput& input);
  Out<wire::scheduler::GetSchedule> get_schedule(Call& call, const wire::scheduler::GetScheduleInput& input);
  Out<wire::scheduler::ListSchedules> list_schedules(Call& call, const wire::scheduler::ListSchedulesInput& input);
  Result<void> check(const wire::scheduler::GetScheduleOutput& schedule) const;

  // operations_groups.cc
  void register_groups();
  Out<wire::scheduler::CreateScheduleGroup> create_group(Call& call,
                                                         const wire::scheduler::CreateScheduleGroupInput& input);
  Out<wire::scheduler::DeleteScheduleGroup> delete_group(Call& call,
                                                         const wire::scheduler::DeleteScheduleGroupInput& input);
  Out<wire::scheduler::GetScheduleGroup> get_group(Call& call, const wire::scheduler::GetScheduleGroupInput& input);
  Out<wire::scheduler::ListScheduleGroups> list_groups(Call& call,
                                                       const wire::scheduler::ListScheduleGroupsInput& input);
  void register_tags();

  // invocation.cc
  /// Enters the next invocation after `after` instead of the one that is entered; none when it is disabled or over.
  void enter(storage::Transaction& txn, const Store& store, Schedule& schedule, Timestamp after) const;
  void leave(storage::Transaction& txn, const Store& store, const Schedule& schedule) const;
  Task<void> invoke(storage::Transaction& txn, Timestamp due, std::string id);
  Task<events::Outcome> invoke_universal(const events::Event& event);
  void count(const Store& store, const std::string& group, std::string_view metric) const;

  storage::Database& database_;
  const Clock& clock_;
  events::Outbox& outbox_;
  const wire::NamedOperations& operations_;
  events::MetricSink& metrics_;
  wire::Service service_;
  events::DirectedDelivery directed_;
  events::Timetable due_;  ///< Ids: account, region, group, name.
};

Error invalid(std::string message);
Error not_found(std::string message);
std::string schedule_arn(const Store& store, const std::string& group, const std::string& name);
std::string group_arn(const Store& store, const std::string& name);
inline Store store_of(const wire::Call& call) { return Store(call.account(), call.region); }
/// Fails with ResourceNotFoundException; the group "default" is always there.
Task<Group> require_group(Store store, storage::Transaction& txn, std::string name);

}  // namespace cumulet::scheduler
