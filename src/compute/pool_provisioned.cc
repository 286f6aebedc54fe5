#include <algorithm>

#include "compute/pool.h"

/// Environments that are held ready before anybody calls: provisioned concurrency.
namespace cumulet::compute {

namespace {

constexpr seconds kLongestPause{60};           ///< Between attempts when the function does not initialise.
constexpr std::uint32_t kSandboxAttempts = 3;  ///< To make a sandbox for a snapshot, before it is given up.

}  // namespace

void Pool::provision(std::shared_ptr<const FunctionVersion> version, std::uint32_t count) {
  const std::lock_guard lock(mutex_);
  if (closed_ || count == 0) return;
  const std::string key = version->key;
  Group& group = groups_[key];
  auto held = std::make_shared<FunctionVersion>(*version);
  held->initialization_type = "provisioned-concurrency";
  group.retired = false;
  group.provisioned.version = std::move(held);
  group.provisioned.wanted = count;
  group.provisioned.failures = 0;
  group.provisioned.retry_at = {};
  provisioning_.insert(key);
  release_provisioned(key, count);
  pump();
}

ProvisionState Pool::provisioned(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  ProvisionState state;
  const auto group = groups_.find(key);
  if (group == groups_.end()) return state;
  state.ready = static_cast<std::uint32_t>(group->second.provisioned.ready);
  state.failed = group->second.provisioned.failures > 0;
  return state;
}

/// Under the lock. What is held beyond `left` becomes like any other; what of it is idle ends.
void Pool::release_provisioned(const std::string& key, std::size_t left) {
  Group& group = groups_[key];
  for (const bool idle : {true, false}) {
    for (auto& [environment, member] : members_) {
      if (group.provisioned.alive <= left) return;
      if (member.key != key || !member.provisioned || member.idle != idle) continue;
      member.provisioned = false;
      --group.provisioned.alive;
      if (member.ready) --group.provisioned.ready;
      if (!idle) continue;
      const auto found = std::find(group.idle.begin(), group.idle.end(), member.environment);
      if (found != group.idle.end()) take_from_idle(group, static_cast<std::size_t>(found - group.idle.begin()));
      end_later(member.environment);
    }
  }
}

/// Under the lock. Boots what is missing; invocations that wait go first.
void Pool::fill_provisioned() {
  if (closed_) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  for (auto key = provisioning_.begin(); key != provisioning_.end();) {
    const auto found = groups_.find(*key);
    if (found == groups_.end() || found->second.provisioned.wanted == 0) {
      key = provisioning_.erase(key);
      continue;
    }
    Group& group = found->second;
    // There may be many snapshots, and they rarely want anything: fill_at adds them when they do.
    const bool enough = group.provisioned.alive >= group.provisioned.wanted || group.provisioned.retry_at > now;
    if (group.provisioned.snapshots && enough) {
      key = provisioning_.erase(key);
      continue;
    }
    ++key;
    // A snapshot is nobody's wait: an initialisation that is goes first.
    if (group.provisioned.snapshots && group.booting > 0) continue;
    while (group.provisioned.alive < group.provisioned.wanted && group.provisioned.retry_at <= now) {
      if (booting_ >= boots_at_once_) return;
      if (members_.size() >= limit_ && !evict_oldest()) return;
      begin_boot(group, group.provisioned.version, next_loop_++ % parts_.loops.size(), true);
    }
  }
}

/// Under the lock, on a loop.
void Pool::provisioned_boot_ended(Environment& environment, const Result<BootOutcome>& outcome) {
  Provisioned& provisioned = groups_[environment.version().key].provisioned;
  if (outcome && outcome->kind == BootOutcome::Kind::kReady) {
    const auto member = members_.find(&environment);
    if (member == members_.end() || !member->second.provisioned) return;
    member->second.ready = true;
    ++provisioned.ready;
    provisioned.failures = 0;
    tell_of_snapshot(provisioned, outcome);
    return;
  }
  provisioned.failures = std::min(provisioned.failures + 1, 10u);
  const seconds pause = std::min(seconds(1u << provisioned.failures), kLongestPause);
  fill_at(provisioned, std::chrono::steady_clock::now() + pause);
  const bool ours = !outcome || outcome->kind == BootOutcome::Kind::kPlatformFailed;
  if (provisioned.heard.empty() || (ours && provisioned.failures < kSandboxAttempts)) return;
  provisioned.wanted = 0;
  tell_of_snapshot(provisioned, outcome);
}

/// Under the lock. What is missing then is booted, not before.
void Pool::fill_at(Provisioned& provisioned, SteadyTime time) {
  provisioned.retry_at = time;
  Loop& loop = parts_.loops.at(0);
  loop.post([this, time, &loop, key = provisioned.version->key] {
    loop.at(time, [this, key] {
      const std::lock_guard lock(mutex_);
      if (groups_.contains(key)) provisioning_.insert(key);
      pump();
    });
  });
}

}  // namespace cumulet::compute
