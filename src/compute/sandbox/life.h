#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "base/deferred.h"
#include "compute/sandbox.h"
#include "compute/sandbox/cgroups.h"
#include "compute/sandbox/protocol.h"
#include "compute/sandbox/system.h"

namespace cumulet::compute::sandbox {

/// The life of one sandbox, from the parts that are made ahead of need (an identity, groups, a network namespace, an
/// init that waits) to the end of its last process. Shared by those who take part: the keeper makes it and clears up
/// after it, the starter gives it something to run, the watcher hears of it, the engine's Sandbox holds it.
/// Thread-safe.
class Life {
 public:
  Life(std::uint32_t s, GroupSet g, Fd n, Fd c)
      : slot(s), groups(std::move(g)), network(std::move(n)), control(std::move(c)) {}

  const std::uint32_t slot;
  const GroupSet groups;
  const Fd network;
  const Fd control;

  Deferred<void> built;    ///< And waits for its command: only of those that are started without one.
  Deferred<void> started;  ///< The command runs.
  Deferred<SandboxExit> exited;

  // Set by the starter before it resolves anything; the loop's from then on.
  std::vector<Fd> listeners;
  Fd output;
  // Set by the starter before it hands the life to the guard; the guard's from then on.
  Fd tmp;                          ///< The mount of /tmp.
  Fd shared;                       ///< And that of /dev/shm.
  std::uint64_t memory_bytes = 0;  ///< What the programs may use.
  std::uint64_t limit_bytes = 0;   ///< The limit of the group at present.

  /// The watcher's: what came over the control socket (with a descriptor, perhaps), and its end.
  void take_report(const Report& report, Fd descriptor);
  void take_hangup();
  /// The start came to nothing.
  void fail(Error error);

  void kill();
  void kill_for_memory();  ///< The exit is kOutOfMemory then.
  void terminate();
  void set_clock();  ///< Where it is not the host's.
  Result<void> freeze();
  Result<void> thaw();

  /// Another descriptor of the init's process; none when it is not known (any more).
  Fd init_descriptor();
  /// Set when the start comes to nothing: by the starter, for those that a zygote forks into.
  std::shared_ptr<std::atomic<bool>> came_to_nothing;
  /// The init's number on the host; 0 when it is not known (any more).
  pid_t init_process();
  /// The highest use of memory that has been seen, where no group of the host's counts it.
  std::atomic<std::uint64_t> peak_seen{0};

  /// Nothing of a function is in it yet.
  std::atomic<bool> quiet{false};

  /// The init is ready to be started.
  bool waiting() const { return waiting_; }
  /// Nothing of it runs any more, so its groups can go.
  bool over() const { return over_; }
  bool frozen() const { return frozen_; }
  /// Why it failed, if it did so by itself.
  std::optional<Error> failure();

 private:
  SandboxExit exit_of(int wait_status) const;
  SandboxExit exit_of_killed() const;
  Result<void> tell_init(char order);

  std::mutex mutex_;
  Fd init_;  // pidfd
  bool killed_ = false;
  std::optional<Error> failure_;
  std::atomic<bool> waiting_{false};
  std::atomic<bool> over_{false};
  std::atomic<bool> frozen_{false};
  std::atomic<bool> starved_{false};
};

}  // namespace cumulet::compute::sandbox
