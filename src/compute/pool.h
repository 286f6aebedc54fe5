#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/deferred.h"
#include "compute/environment.h"
#include "compute/parking.h"

namespace cumulet::compute {

/// What a waiting invocation is given: an environment that is its own until it is released, or how the boot failed.
struct Acquired {
  explicit Acquired(std::shared_ptr<Environment> e) : environment(std::move(e)) {}
  explicit Acquired(BootOutcome o, std::string stream) : failure(std::move(o)), log_stream(std::move(stream)) {}
  std::shared_ptr<Environment> environment;
  std::optional<BootOutcome> failure;
  std::string log_stream;  ///< Of the environment whose boot failed.
};

/// The environments of all versions: which are idle, which boots are under way, and who waits. Thread-safe.
///
/// An invocation takes an idle environment of its version, on its own loop if there is one. When there is none, it
/// waits and a boot begins; it gets whatever is there first, the booted environment or one that another invocation
/// released. Only so many boots run at once that the machine is busy with them and not with switching between them: in
/// a burst, the later ones often find a released environment before their own boot has begun.
class Pool {
 public:
  Pool(EngineParts& parts, Parking& parking);

  Task<Acquired> acquire(std::shared_ptr<const FunctionVersion> version, std::size_t loop_index);
  /// The environment is free again (or of no more use). On its loop.
  void release(const std::shared_ptr<Environment>& environment);
  /// An environment outside the pool's own boots, for a second try. Counts until it is gone.
  std::shared_ptr<Environment> create(std::shared_ptr<const FunctionVersion> version, std::size_t loop_index,
                                      std::string log_stream);
  void retire(const std::string& key);
  void provision(std::shared_ptr<const FunctionVersion> version, std::uint32_t count);
  ProvisionState provisioned(const std::string& key) const;
  /// Boots an environment that is kept to be restored, and keeps one from then on. How the boot ended.
  Task<BootOutcome> make_snapshot(std::shared_ptr<const FunctionVersion> version);
  /// Ends all that are idle, and each that becomes idle.
  void close();
  /// Kills all that still run.
  void kill_all();
  std::size_t alive() const;
  std::uint32_t limit() const { return limit_; }

 private:
  struct Waiter {
    Waiter(std::shared_ptr<const FunctionVersion> v, std::size_t l) : version(std::move(v)), loop_index(l) {}
    std::shared_ptr<const FunctionVersion> version;
    std::size_t loop_index;
    Deferred<Acquired> answer;
    std::uint32_t attempts = 0;  ///< Boots for it that came to no sandbox.
  };
  /// What of a version is to be held ready, and how many there are.
  struct Provisioned {
    std::shared_ptr<const FunctionVersion> version;
    std::size_t wanted = 0;
    std::size_t alive = 0;  ///< Those that boot included.
    std::size_t ready = 0;
    std::uint32_t failures = 0;  ///< In a row.
    SteadyTime retry_at{};
    bool snapshots = false;  ///< They are restored once and are then like any other; see pool_snapshots.cc.
    SteadyTime last_use{};
    std::vector<Deferred<BootOutcome>> heard;  ///< Who waits for a snapshot.
  };
  struct Group {
    std::vector<std::shared_ptr<Environment>> idle;
    std::deque<Waiter> waiters;
    std::size_t booting = 0;
    std::size_t alive = 0;
    bool retired = false;
    Provisioned provisioned;
  };
  struct Member {
    std::shared_ptr<Environment> environment;
    std::string key;
    SteadyTime idle_since{};
    bool idle = false;
    bool provisioned = false;
    bool ready = false;
    bool unused = false;  ///< It is still to be restored, before its first invocation.
  };

  Task<void> boot(std::shared_ptr<Environment> environment, std::unique_ptr<Cell> parked, bool provisioned);
  void offer(Group& group, const std::shared_ptr<Environment>& environment);
  void pump();
  void serve_waiters();
  void fill_provisioned();
  void begin_boot(Group& group, const std::shared_ptr<const FunctionVersion>& version, std::size_t loop_index,
                  bool provisioned);
  void provisioned_boot_ended(Environment& environment, const Result<BootOutcome>& outcome);
  void release_provisioned(const std::string& key, std::size_t left);
  std::shared_ptr<Environment> make_member(const std::shared_ptr<const FunctionVersion>& version,
                                           std::size_t loop_index, std::string log_stream, bool provisioned = false);
  void gone(Environment& environment);
  void end_later(const std::shared_ptr<Environment>& environment);
  bool evict_oldest();
  void retire_group(const std::string& key);
  void drop_if_empty(const std::string& key);
  std::optional<std::size_t> pick_idle(const Group& group, std::size_t loop_index, bool unused) const;
  void keep_snapshot(Group& group, const std::shared_ptr<const FunctionVersion>& version);
  static void missed_snapshot(Group& group);
  void begin_use(Group& group, const std::shared_ptr<Environment>& environment);
  void fill_at(Provisioned& provisioned, SteadyTime time);
  void tell_of_snapshot(Provisioned& provisioned, const Result<BootOutcome>& outcome);
  static std::optional<Waiter> take_disappointed(Group& group, bool no_sandbox);
  void take_from_idle(Group& group, std::size_t position);
  void watch_idle(std::shared_ptr<Environment> environment);

  EngineParts& parts_;
  Parking& parking_;
  const std::uint32_t limit_;
  const std::size_t boots_at_once_;
  mutable std::mutex mutex_;
  std::map<std::string, Group> groups_;
  std::set<std::string> wanting_;  ///< Keys of groups with waiters.
  std::map<Environment*, Member> members_;
  std::set<std::string> provisioning_;  ///< Keys of groups of which some are to be held ready.
  std::size_t next_loop_ = 0;
  std::size_t booting_ = 0;  ///< Boots that count against boots_at_once_.
  bool closed_ = false;
};

}  // namespace cumulet::compute
