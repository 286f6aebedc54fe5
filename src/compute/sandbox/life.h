#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "base/deferred.h"
#include "compute/sandbox.h"
#include "compute/sandbox/cgroups.h"
#include "compute/sandbox/protocol.h"
#include "compute/sandbox/system.h"

namespace cumulet::compute::sandbox {

/// What a sandbox is built from and what can be made beforehand: an identity, groups, a network namespace.
struct Cell {
  static constexpr std::uint32_t kNone = UINT32_MAX;

  Cell() = default;
  Cell(std::uint32_t s, GroupSet g, Fd n) : slot(s), groups(std::move(g)), network(std::move(n)) {}
  std::uint32_t slot = kNone;
  GroupSet groups;
  Fd network;
};

/// The life of one sandbox, shared by those who take part in it: the Sandbox that the engine holds, the starter, the
/// watcher, the keeper that clears up. Thread-safe.
class Life {
 public:
  explicit Life(SandboxSpec s) : spec(std::move(s)) {}

  const SandboxSpec spec;
  Deferred<void> started;
  Deferred<SandboxExit> exited;

  // Set by the starter before anybody else looks.
  Cell cell;
  Fd control;
  std::vector<Fd> listeners;
  Fd output;

  /// The watcher's: what came over the control socket (with a descriptor, perhaps), and its end.
  void take_report(const Report& report, Fd descriptor);
  void take_hangup();
  /// The start came to nothing.
  void fail(Error error);

  void kill();
  void terminate();
  /// True when nothing of it runs any more, so that its groups can go.
  bool over() const { return over_; }

 private:
  SandboxExit exit_of(int wait_status) const;
  SandboxExit exit_of_killed() const;

  std::mutex mutex_;
  Fd init_;  // pidfd
  bool killed_ = false;
  bool running_ = false;
  std::atomic<bool> over_{false};
};

}  // namespace cumulet::compute::sandbox
