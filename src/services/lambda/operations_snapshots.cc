#include "base/log.h"
#include "services/lambda/configuration.h"
#include "services/lambda/lambda.h"
#include "services/lambda/snapshots.h"

/// Snapshots of published versions: their making, in the background, and what came of it.
namespace cumulet::lambda {
namespace {

namespace api = wire::lambda;
using storage::Transaction;

/// What a document {"errorMessage":…} of a failed initialisation says, as far as it is to be shown.
std::string reason_of(const compute::SnapshotResult& result) {
  constexpr std::size_t kMost = 1000;
  if (result.timed_out) return "The function's initialisation did not end in time.";
  return result.document.substr(0, kMost);
}

}  // namespace

/// After the commit that published it.
void Lambda::begin_snapshot(const Configuration& published) {
  if (published.state != "Pending" || !starts_from_snapshot(published)) return;
  std::optional<FunctionName> name = parse_function_arn(published.function_arn.value_or(""));
  if (!name) return;
  name->qualifier = published.version;
  SnapshotRow row;
  row.name = *name;
  row.revision = published.revision_id.value_or("");
  cumulet::start(follow_snapshot(std::move(row)), [](const Result<void>& done) {
    if (!done) log::error("what became of a snapshot was not recorded", {{"why", done.error().message()}});
  });
}

Task<compute::SnapshotResult> Lambda::snapshot_once(FunctionName name) {
  const std::shared_ptr<const compute::FunctionVersion> version = co_await load_version(name, true);
  co_return co_await engine_.make_snapshot(version);
}

Task<void> Lambda::follow_snapshot(SnapshotRow wanted) {
  Result<compute::SnapshotResult> result = co_await attempt(snapshot_once(wanted.name));
  // The next start goes on.
  if (!result && result.error().is(errors::kServiceUnavailable)) co_return;
  compute::SnapshotResult outcome;
  if (result) {
    outcome = *result;
  } else {
    outcome.document = result.error().message();
  }
  const Store store(wanted.name.account, wanted.name.region);
  const std::uint64_t number = version_number(wanted.name.qualifier.value_or("")).value_or(0);
  bool gone = false;
  const auto finish = [&](Transaction& txn) -> Task<void> {
    gone = false;
    const std::optional<SnapshotRow> current = co_await find_snapshot(txn, wanted.name);
    std::optional<VersionRow> row = co_await store.find_version(txn, wanted.name.name, number);
    gone = !row || row->configuration.revision_id != wanted.revision;
    if (!current || current->revision != wanted.revision) co_return;
    erase_snapshot(txn, wanted.name);
    if (gone) co_return;
    Configuration& c = row->configuration;
    c.state = outcome.made ? "Active" : "Failed";
    c.state_reason.reset();
    c.state_reason_code.reset();
    if (outcome.made) {
      c.snap_start->optimization_status = "On";
    } else {
      c.state_reason = reason_of(outcome);
      c.state_reason_code = reason_code_of(outcome.error_type, outcome.timed_out);
    }
    store.put_version(txn, wanted.name.name, number, *row);
  };
  co_await storage::transact(database_, finish);
  if (!gone) co_return;
  Configuration deleted;
  deleted.version = wanted.name.qualifier;
  deleted.revision_id = wanted.revision;
  engine_.retire(engine_key(wanted.name, deleted));
}

Task<void> Lambda::resume_snapshots() {
  const auto read = [](Transaction& txn) -> Task<std::vector<SnapshotRow>> { return list_snapshots(txn); };
  const std::vector<SnapshotRow> rows = co_await storage::transact(database_, read);
  for (const SnapshotRow& row : rows) {
    cumulet::start(follow_snapshot(row), [](const Result<void>& done) {
      if (!done) log::error("what became of a snapshot was not recorded", {{"why", done.error().message()}});
    });
  }
}

/// What an invocation of a version hears whose snapshot is not there.
Result<void> Lambda::check_snapshot(const Configuration& c) {
  if (!starts_from_snapshot(c) || c.state == "Active") return {};
  if (c.state == "Pending") {
    return user_error(api::errors::kSnapStartNotReadyException,
                      "Lambda is initializing your function. You can invoke the function when the function state "
                      "becomes Active.");
  }
  return user_error(api::errors::kResourceConflictException,
                    "The operation cannot be performed at this time. The function is currently in the following "
                    "state: Failed");
}

}  // namespace cumulet::lambda
