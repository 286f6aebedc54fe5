#include "compute/pool.h"

#include <algorithm>
#include <thread>

#include <unistd.h>

#include "base/log.h"

namespace cumulet::compute {
namespace {

constexpr seconds kInitLimit{10};
constexpr seconds kProvisionedInitLimit{130};
constexpr seconds kWaitLimit{60};
/// A boot that takes longer than this waits on something (the network, a long import): it makes room for another.
constexpr milliseconds kSlowBoot{400};
constexpr std::chrono::minutes kLongestLife{90};
constexpr seconds kAfterLoss{5};
/// A machine that is far too busy does not start a sandbox in time; the next one it may.
constexpr std::uint32_t kAttempts = 3;

std::uint32_t environments_that_fit(std::uint32_t wanted) {
  if (wanted != 0) return wanted;
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  const auto mib = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) >> 20;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(mib / 40, 8, 10'000));
}

Error throttled(const char* reason) {
  return Error("TooManyRequestsException", 429, "Rate Exceeded.").with("Reason", reason).with("Type", "User");
}

}  // namespace

Pool::Pool(EngineParts& parts, Parking& parking)
    : parts_(parts),
      parking_(parking),
      limit_(environments_that_fit(parts.options.max_environments)),
      boots_at_once_(std::max(4u, 2 * std::thread::hardware_concurrency())) {}

Task<Acquired> Pool::acquire(std::shared_ptr<const FunctionVersion> version, std::size_t loop_index) {
  Deferred<Acquired> answer;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) co_return Error(errors::kServiceUnavailable, "The server is shutting down.");
    Group& group = groups_[version->key];
    if (version->snap_start()) keep_snapshot(group, version);
    std::optional<std::size_t> idle = pick_idle(group, loop_index, false);
    if (!idle && version->snap_start()) idle = pick_idle(group, loop_index, true);
    if (idle) {
      std::shared_ptr<Environment> environment = group.idle[*idle];
      take_from_idle(group, *idle);
      begin_use(group, environment);
      co_return Acquired(std::move(environment));
    }
    if (version->snap_start()) missed_snapshot(group);
    Waiter& waiter = group.waiters.emplace_back(version, loop_index);
    answer = waiter.answer;
    wanting_.insert(version->key);
    pump();
  }
  co_return co_await answer.wait_until(std::chrono::steady_clock::now() + kWaitLimit,
                                       throttled("ConcurrentInvocationLimitExceeded"));
}

/// Under the lock. The newest of this loop; if none is, the oldest of another loop.
std::optional<std::size_t> Pool::pick_idle(const Group& group, std::size_t loop_index, bool unused) const {
  std::optional<std::size_t> best;
  for (std::size_t i = group.idle.size(); i-- > 0;) {
    if (group.provisioned.snapshots && members_.at(group.idle[i].get()).unused != unused) continue;
    best = i;
    if (group.idle[i]->loop_index() == loop_index) break;
  }
  return best;
}

void Pool::take_from_idle(Group& group, std::size_t position) {
  members_[group.idle[position].get()].idle = false;
  group.idle.erase(group.idle.begin() + static_cast<std::ptrdiff_t>(position));
}

/// Under the lock.
void Pool::pump() {
  serve_waiters();
  fill_provisioned();
}

/// Begins as many boots as there are invocations that wait for one, within the limits. Under the lock.
void Pool::serve_waiters() {
  for (auto key = wanting_.begin(); key != wanting_.end();) {
    Group& group = groups_[*key];
    std::erase_if(group.waiters, [](const Waiter& waiter) { return waiter.answer.resolved(); });
    while (group.waiters.size() > group.booting) {
      if (booting_ >= boots_at_once_) return;
      if (members_.size() >= limit_ && !evict_oldest()) return;
      const Waiter& waiter = group.waiters[group.booting];
      begin_boot(group, waiter.version, waiter.loop_index, false);
    }
    key = group.waiters.empty() ? wanting_.erase(key) : std::next(key);
  }
}

void Pool::begin_boot(Group& group, const std::shared_ptr<const FunctionVersion>& version, std::size_t loop_index,
                      bool provisioned) {
  const std::optional<Parking::Place> place = parking_.place_of(*version);
  std::unique_ptr<Cell> parked;
  if (place) parked = parking_.take(*place, *version, loop_index);
  if (parked) loop_index = parked->loop_index();
  std::shared_ptr<Environment> environment =
      make_member(version, loop_index, log_stream_name(parts_.clock.now(), version->version), provisioned);
  ++group.booting;
  ++booting_;
  const auto cell = std::make_shared<std::unique_ptr<Cell>>(std::move(parked));
  parts_.loops.at(loop_index).post([this, environment, cell, provisioned] {
    start(boot(environment, std::move(*cell), provisioned), [](const Result<void>&) {});
  });
}

Task<void> Pool::boot(std::shared_ptr<Environment> environment, std::unique_ptr<Cell> parked, bool provisioned) {
  // Code that cannot be shown to a parked interpreter gets a sandbox of its own.
  if (parked && !parking_.place_code(environment->version().code, *parked)) parking_.end(std::move(parked));
  const auto counted = std::make_shared<bool>(true);
  const auto stop_counting = [this, counted] {
    if (std::exchange(*counted, false)) --booting_;
  };
  const SteadyTime now = std::chrono::steady_clock::now();
  const Loop::TimerId slow = Loop::current()->at(now + kSlowBoot, [this, stop_counting] {
    const std::lock_guard lock(mutex_);
    stop_counting();
    pump();
  });
  const FunctionVersion& version = environment->version();
  const bool patient = version.initialization_type != "on-demand";
  const seconds usual = patient ? std::max(kProvisionedInitLimit, seconds(version.timeout_seconds)) : kInitLimit;
  const seconds limit = usual * parts_.substrate.traits(version.substrate).slowness;
  const Result<BootOutcome> outcome =
      co_await attempt(environment->boot(now + limit, std::string("init"), std::string(), std::move(parked)));
  Loop::current()->cancel(slow);
  const bool ready = outcome && outcome->kind == BootOutcome::Kind::kReady;
  std::optional<Waiter> waiter;
  {
    const std::lock_guard lock(mutex_);
    stop_counting();
    Group& group = groups_[environment->version().key];
    --group.booting;
    if (provisioned) provisioned_boot_ended(*environment, outcome);
    const bool no_sandbox = !outcome || outcome->kind == BootOutcome::Kind::kPlatformFailed;
    if (!ready && !provisioned) waiter = take_disappointed(group, no_sandbox);
  }
  if (ready) {
    release(environment);
    co_return;
  }
  if (waiter) {
    BootOutcome failure =
        outcome ? *outcome : BootOutcome(BootOutcome::Kind::kPlatformFailed, outcome.error().message(), "");
    waiter->answer.resolve(Acquired(std::move(failure), environment->log_stream()));
  }
  environment->end();
  const std::lock_guard lock(mutex_);
  drop_if_empty(environment->version().key);
  pump();
}

/// The invocation that hears of a failed boot: the first that waits. Without a sandbox it may have another try first.
std::optional<Pool::Waiter> Pool::take_disappointed(Group& group, bool no_sandbox) {
  std::erase_if(group.waiters, [](const Waiter& waiter) { return waiter.answer.resolved(); });
  if (group.waiters.empty()) return std::nullopt;
  if (no_sandbox && ++group.waiters.front().attempts < kAttempts) return std::nullopt;
  Waiter waiter = group.waiters.front();
  group.waiters.pop_front();
  return waiter;
}

void Pool::drop_if_empty(const std::string& key) {
  const auto group = groups_.find(key);
  if (group == groups_.end() || group->second.alive > 0 || group->second.booting > 0) return;
  if (!group->second.waiters.empty() || group->second.provisioned.wanted > 0) return;
  wanting_.erase(key);
  groups_.erase(group);
}

void Pool::release(const std::shared_ptr<Environment>& environment) {
  bool keep = environment->usable() && std::chrono::steady_clock::now() - environment->born() < kLongestLife;
  {
    const std::lock_guard lock(mutex_);
    if (keep) {
      Group& group = groups_[environment->version().key];
      while (!group.waiters.empty()) {
        const Waiter waiter = group.waiters.front();
        group.waiters.pop_front();
        if (!waiter.answer.resolve(Acquired(environment))) continue;
        begin_use(group, environment);
        return;
      }
      keep = !group.retired && !closed_;
      if (keep) {
        Member& member = members_[environment.get()];
        member.idle = true;
        member.idle_since = std::chrono::steady_clock::now();
        group.idle.push_back(environment);
      }
    }
    if (!wanting_.empty() || !provisioning_.empty()) pump();
  }
  if (keep) {
    environment->rest();
  } else {
    environment->end();
  }
}

std::shared_ptr<Environment> Pool::create(std::shared_ptr<const FunctionVersion> version, std::size_t loop_index,
                                          std::string log_stream) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<Environment> environment = make_member(version, loop_index, std::move(log_stream));
  members_[environment.get()].unused = false;
  return environment;
}

std::shared_ptr<Environment> Pool::make_member(const std::shared_ptr<const FunctionVersion>& version,
                                               std::size_t loop_index, std::string log_stream, bool provisioned) {
  auto environment = std::make_shared<Environment>(parts_, version, loop_index, std::move(log_stream),
                                                   [this](Environment& ended) { gone(ended); });
  Member member;
  member.environment = environment;
  member.key = version->key;
  member.provisioned = provisioned;
  member.unused = version->snap_start();
  if (provisioned) ++groups_[version->key].provisioned.alive;
  members_[environment.get()] = std::move(member);
  ++groups_[version->key].alive;
  watch_idle(environment);
  return environment;
}

/// Looks now and then whether the environment has been idle for too long.
void Pool::watch_idle(std::shared_ptr<Environment> environment) {
  Loop& loop = parts_.loops.at(environment->loop_index());
  const std::weak_ptr<Environment> weak = environment;
  loop.post([this, weak, &loop] {
    const auto pause = std::max<std::chrono::milliseconds>(parts_.options.idle_time / 4, milliseconds(50));
    loop.at(std::chrono::steady_clock::now() + pause, [this, weak] {
      const std::shared_ptr<Environment> at = weak.lock();
      if (!at) return;
      {
        const std::lock_guard lock(mutex_);
        const auto member = members_.find(at.get());
        if (member == members_.end()) return;
        const SteadyTime now = std::chrono::steady_clock::now();
        Group& group = groups_[member->second.key];
        const bool snapshot = member->second.provisioned && group.provisioned.snapshots;
        // The credentials of a snapshot are not in it.
        const bool too_old = !member->second.unused && now - at->born() >= kLongestLife;
        const bool unwanted =
            snapshot ? now - group.provisioned.last_use >= parts_.options.snapshot_time
                     : !member->second.provisioned && now - member->second.idle_since >= parts_.options.idle_time;
        const bool surplus =
            snapshot && group.provisioned.wanted > 1 && now - member->second.idle_since >= parts_.options.idle_time;
        if (!member->second.idle || !(unwanted || too_old || surplus)) {
          watch_idle(at);
          return;
        }
        if (snapshot) group.provisioned.wanted = unwanted ? 0 : group.provisioned.wanted - 1;
        const auto found = std::find(group.idle.begin(), group.idle.end(), at);
        if (found != group.idle.end()) take_from_idle(group, static_cast<std::size_t>(found - group.idle.begin()));
      }
      at->end();
    });
  });
}

/// Under the lock. True when room was made.
bool Pool::evict_oldest() {
  Environment* oldest = nullptr;
  for (const auto& [environment, member] : members_) {
    const bool held = member.provisioned && !member.unused;
    if (member.idle && !held && (!oldest || member.idle_since < members_[oldest].idle_since)) oldest = environment;
  }
  if (!oldest) return false;
  Member& member = members_[oldest];
  Group& group = groups_[member.key];
  const auto found =
      std::find_if(group.idle.begin(), group.idle.end(), [&](const auto& e) { return e.get() == oldest; });
  const std::shared_ptr<Environment> environment = member.environment;
  // A snapshot for which there is no room is made again when the version is called.
  if (member.provisioned) group.provisioned.wanted = 0;
  if (found != group.idle.end()) take_from_idle(group, static_cast<std::size_t>(found - group.idle.begin()));
  end_later(environment);
  return true;
}

void Pool::end_later(const std::shared_ptr<Environment>& environment) {
  parts_.loops.at(environment->loop_index()).post([environment] { environment->end(); });
}

void Pool::gone(Environment& environment) {
  std::shared_ptr<Environment> last;  // May be the last reference: dropped after the lock.
  const std::lock_guard lock(mutex_);
  const auto member = members_.find(&environment);
  if (member == members_.end()) return;
  last = std::move(member->second.environment);
  const auto group = groups_.find(member->second.key);
  const bool was_provisioned = member->second.provisioned;
  const bool was_ready = member->second.ready;
  members_.erase(member);
  if (group == groups_.end()) return;
  if (was_provisioned) --group->second.provisioned.alive;
  if (was_provisioned && was_ready) --group->second.provisioned.ready;
  if (was_provisioned && group->second.provisioned.snapshots) {
    // One that dies while it waits would not live longer the next time.
    const SteadyTime now = std::chrono::steady_clock::now();
    fill_at(group->second.provisioned,
            std::max(group->second.provisioned.retry_at, was_ready ? now + kAfterLoss : now));
  }
  std::erase(group->second.idle, last);
  --group->second.alive;
  drop_if_empty(std::string(group->first));
  if (!wanting_.empty() || !provisioning_.empty()) pump();
}

void Pool::retire(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (groups_.contains(key)) retire_group(key);
  // The keys of what is held apart for a tenant or an alias begin with the version's own.
  const std::string prefix = key + " ";
  std::vector<std::string> derived;
  for (auto at = groups_.lower_bound(prefix); at != groups_.end() && at->first.starts_with(prefix); ++at) {
    derived.push_back(at->first);
  }
  for (const std::string& one : derived) retire_group(one);
}

/// Under the lock.
void Pool::retire_group(const std::string& key) {
  const auto group = groups_.find(key);
  group->second.retired = true;
  tell_of_snapshot(group->second.provisioned, Error("ResourceNotFoundException", 404, "The version is gone."));
  group->second.provisioned.wanted = 0;
  release_provisioned(key, 0);
  provisioning_.erase(key);
  while (!group->second.idle.empty()) {
    const std::shared_ptr<Environment> environment = group->second.idle.back();
    take_from_idle(group->second, group->second.idle.size() - 1);
    end_later(environment);
  }
}

void Pool::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  for (auto& [key, group] : groups_) {
    tell_of_snapshot(group.provisioned, Error(errors::kServiceUnavailable, "The server is shutting down."));
    while (!group.idle.empty()) {
      const std::shared_ptr<Environment> environment = group.idle.back();
      take_from_idle(group, group.idle.size() - 1);
      end_later(environment);
    }
  }
}

void Pool::kill_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [pointer, member] : members_) {
    const std::shared_ptr<Environment> environment = member.environment;
    parts_.loops.at(environment->loop_index()).post([environment] { environment->kill(); });
  }
}

std::size_t Pool::alive() const {
  const std::lock_guard lock(mutex_);
  return members_.size();
}

}  // namespace cumulet::compute
