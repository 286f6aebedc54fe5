#include <algorithm>

#include "compute/pool.h"

/// Environments that have initialised and wait to be restored: the snapshots of versions with SnapStart. One is kept
/// for each version, some more for a while when several invocations needed one at once; whoever needs an environment
/// takes it, and another one is made.
namespace cumulet::compute {
namespace {

/// Not while the invocation that took the last one still needs the processor.
constexpr milliseconds kMakeAfter{150};
/// Of a version that is called several times at once.
constexpr std::size_t kMostSnapshots = 4;
/// Longer than any initialisation may take, with those that failed before it.
constexpr std::chrono::minutes kSnapshotLimit{20};

}  // namespace

Task<BootOutcome> Pool::make_snapshot(std::shared_ptr<const FunctionVersion> version) {
  const Deferred<BootOutcome> made;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) co_return Error(errors::kServiceUnavailable, "The server is shutting down.");
    Group& group = groups_[version->key];
    group.retired = false;
    keep_snapshot(group, version);
    group.provisioned.heard.push_back(made);
    group.provisioned.retry_at = {};
    provisioning_.insert(version->key);
    if (group.provisioned.ready > 0) {
      tell_of_snapshot(group.provisioned, BootOutcome(BootOutcome::Kind::kReady, "", ""));
    }
    pump();
  }
  co_return co_await made.wait_until(std::chrono::steady_clock::now() + kSnapshotLimit,
                                     Error("Sandbox.Failure", 500, "the snapshot was not made in time"));
}

/// Under the lock. The version is in use: there shall be a snapshot of it.
void Pool::keep_snapshot(Group& group, const std::shared_ptr<const FunctionVersion>& version) {
  Provisioned& provisioned = group.provisioned;
  provisioned.last_use = std::chrono::steady_clock::now();
  if (provisioned.wanted > 0 || group.retired) return;
  provisioned.version = version;
  provisioned.wanted = 1;
  provisioned.snapshots = true;
  provisioned.failures = 0;
  fill_at(provisioned, provisioned.last_use + kMakeAfter);
}

/// Under the lock. An invocation has to wait for an initialisation while others run: more at once are to be expected.
void Pool::missed_snapshot(Group& group) {
  Provisioned& provisioned = group.provisioned;
  if (!provisioned.snapshots || provisioned.wanted == 0 || group.alive <= provisioned.alive) return;
  provisioned.wanted = std::min(provisioned.wanted + 1, kMostSnapshots);
}

/// Under the lock. From now on it is like any other environment of its version.
void Pool::begin_use(Group& group, const std::shared_ptr<Environment>& environment) {
  if (!group.provisioned.snapshots) return;
  const auto found = members_.find(environment.get());
  if (found == members_.end() || !std::exchange(found->second.unused, false)) return;
  if (!std::exchange(found->second.provisioned, false)) return;
  --group.provisioned.alive;
  if (found->second.ready) --group.provisioned.ready;
  fill_at(group.provisioned, std::chrono::steady_clock::now() + kMakeAfter);
}

/// Under the lock.
void Pool::tell_of_snapshot(Provisioned& provisioned, const Result<BootOutcome>& outcome) {
  for (const Deferred<BootOutcome>& waiting : provisioned.heard) {
    waiting.resolve(outcome ? Result<BootOutcome>(*outcome) : Result<BootOutcome>(outcome.error()));
  }
  provisioned.heard.clear();
}

}  // namespace cumulet::compute
