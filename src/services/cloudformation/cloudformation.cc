#include "services/cloudformation/cloudformation.h"

#include "base/ids.h"
#include "base/log.h"

namespace cumulet::cloudformation {

CloudFormation::CloudFormation(storage::Database& database, const Clock& clock, const wire::Directory& directory,
                               events::Outbox& outbox)
    : database_(database),
      clock_(clock),
      directory_(directory),
      outbox_(outbox),
      service_(wire::cloudformation::model()),
      sequence_(static_cast<std::uint64_t>(clock.now().time_since_epoch().count())) {
  register_stacks();
  register_change_sets();
  register_reading();
}

void CloudFormation::start(Loop& loop) {
  loop_ = &loop;
  loop.post([this] {
    const auto read = [](storage::Transaction& txn) { return list_jobs(txn); };
    cumulet::start(storage::transact(database_, read), [this](Result<std::vector<Job>> jobs) {
      if (!jobs.ok()) {
        log::error("cannot look for unfinished stacks", {{"why", jobs.error().message()}});
        return;
      }
      for (Job& job : *jobs) begin(std::move(job));
    });
  });
}

void CloudFormation::record_work(storage::Transaction& txn, const Store& store, const Stack& stack) {
  StackEvent event;
  event.id = uuid();
  event.logical_id = stack.name;
  event.physical_id = stack.id;
  event.type = "AWS::CloudFormation::Stack";
  event.status = stack.status;
  event.reason = stack.reason.empty() && !stack.status.starts_with("REVIEW") ? "User Initiated" : stack.reason;
  event.time = clock_.now_millis();
  store.put_stack(txn, stack);
  store.put_event(txn, outbox_, stack.id, sequence_++, event);
  if (stack.status.ends_with("_IN_PROGRESS") && !stack.status.starts_with("REVIEW")) store.put_job(txn, stack);
}

void CloudFormation::begin(Job job) {
  Loop* loop = loop_.load();
  if (loop == nullptr) return;  // Before the start: the job is found then.
  loop->post([this, job] {
    auto deployment = std::make_shared<Deployment>(database_, clock_, directory_, outbox_, types_, sequence_, job);
    cumulet::start(deployment->run(), [deployment, watch = watch_, job](const Result<void>& done) {
      if (!done.ok()) {
        log::error("a stack's deployment stopped", {{"stack", job.stack_name}, {"why", done.error().message()}});
      }
      watch->ended(job.stack_id);
    });
  });
}

}  // namespace cumulet::cloudformation
