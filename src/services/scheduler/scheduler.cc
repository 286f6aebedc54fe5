#include "services/scheduler/scheduler.h"

#include "wire/arn.h"

namespace cumulet::scheduler {

namespace api = wire::scheduler;

Scheduler::Scheduler(storage::Database& database, const Clock& clock, events::Outbox& outbox,
                     const wire::Directory& directory, const wire::NamedOperations& operations,
                     events::MetricSink& metrics)
    : database_(database),
      clock_(clock),
      outbox_(outbox),
      operations_(operations),
      metrics_(metrics),
      service_(api::model()),
      directed_(database, outbox, clock, directory),
      due_(database, clock, "scheduler", [this](storage::Transaction& txn, Timestamp due, std::string id) {
        return invoke(txn, due, std::move(id));
      }) {
  register_schedules();
  register_groups();
  register_tags();
}

Error invalid(std::string message) { return Error(api::errors::kValidationException, std::move(message)); }
Error not_found(std::string message) { return Error(api::errors::kResourceNotFoundException, std::move(message)); }

std::string schedule_arn(const Store& store, const std::string& group, const std::string& name) {
  return wire::make_arn("scheduler", store.region(), store.account(), "schedule/" + group + "/" + name);
}

std::string group_arn(const Store& store, const std::string& name) {
  return wire::make_arn("scheduler", store.region(), store.account(), "schedule-group/" + name);
}

Task<Group> require_group(Store store, storage::Transaction& txn, std::string name) {
  std::optional<Group> group = co_await store.find_group(txn, name);
  if (group) co_return std::move(*group);
  if (name != kDefaultGroup) co_return not_found("Schedule group " + name + " does not exist.");
  Group standard;
  standard.shown.name = name;
  standard.shown.arn = group_arn(store, name);
  standard.shown.state = "ACTIVE";
  co_return standard;
}

}  // namespace cumulet::scheduler
