#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "compute/sandbox.h"
#include "compute/sandbox/keeper.h"
#include "compute/sandbox/life.h"
#include "compute/sandbox/mounts.h"

namespace cumulet::compute::sandbox {

/// The message that starts `spec`, with these mounts; `head` has what does not come from there.
Result<std::string> start_message(const SandboxSpec& spec, const std::vector<LooseMount>& mounts, StartMessage head);

/// The zygotes that run. A zygote is a privileged program of ours (runtimes/python/zygote.py) in the files of a
/// sandbox, in no sandbox itself. It speaks over the socket kZygoteSocket, whole messages each:
///  - first it gets the system call filter of sandboxes; when it has loaded everything it answers "R", anything else is
///    the reason why it cannot be used;
///  - then each message is an object of JSON, `user` (of the host), `processes` (the limit) and `into_group`, with
///    descriptors: the sandbox's init, the init's control socket, the output, a pipe from which a byte can be read when
///    the sandbox is ready, a file, the v2 group (if `into_group`), the files `tasks` of the v1 groups. It forks twice;
///    the grandchild enters the groups and namespaces, gives up every privilege as the init has done, reads the file
///    (an object: `command`, `variables`, `directory`), tells the init kAdopt, and becomes the command. If it cannot,
///    it tells kNotAdopted. The zygote itself never reads the file: nothing of one function may be in another's memory.
/// One thread calls.
class Zygotes {
 public:
  explicit Zygotes(Keeper& keeper) : keeper_(keeper) {}

  /// Has the zygote of `spec` fork into this sandbox as soon as its init says so through a pipe: gives the end that the
  /// init is to have. None: there is no zygote (yet), so the command must be executed.
  Fd fork_into(const SandboxSpec& spec, Life& life, int output, RootTemplates& templates);
  /// Ends those that nobody has wanted for long; says whether there are any left.
  bool tidy();

 private:
  struct Zygote {
    Fd control;
    bool ready = false;
    std::shared_ptr<std::atomic<bool>> failed;  ///< What it forked into came to nothing.
    std::uint32_t forks = 0;
    std::chrono::seconds idle{0};
    SteadyTime last_use;
    SteadyTime not_before;  ///< It failed: it is not tried again sooner.
  };

  bool begin(Zygote& zygote, const ZygoteSpec& spec, RootTemplates& templates);
  bool usable(Zygote& zygote);

  Keeper& keeper_;
  std::map<std::string, Zygote> all_;
};

}  // namespace cumulet::compute::sandbox
