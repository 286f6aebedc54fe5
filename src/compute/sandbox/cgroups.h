#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "compute/sandbox/system.h"

/// Control groups of sandboxes, on hosts with v2 controllers, v1 controllers or some of each. Where the v1 controllers
/// limit, a group of the v2 tree (without controllers, mounted by ourselves if need be) still freezes, kills and is
/// forked into: the v1 freezer, in which what is frozen cannot be killed, is not used.
namespace cumulet::compute::sandbox {

/// What the names of servers' groups begin with.
inline constexpr std::string_view kGroupPrefix = "cumulet-sandboxes-";

enum class Controller { kMemory, kCpu, kPids, kFreezer };
inline constexpr std::size_t kControllers = 4;
std::string_view controller_name(Controller controller);

/// One mounted tree of control groups and what of it we use.
struct Hierarchy {
  Hierarchy(std::string p, bool u) : path(std::move(p)), unified(u) {}
  std::string path;  ///< The directory of our own process's group (or the tree's root).
  bool unified;      ///< v2.
  std::vector<std::string> controllers;
};

/// Reads the mounted trees from the text of /proc/self/mountinfo and /proc/self/cgroup.
std::vector<Hierarchy> find_hierarchies(std::string_view mountinfo, std::string_view own_groups);

struct GroupLimits {
  std::uint64_t memory_bytes = 0;
  double cpus = 0;    ///< What it may use at most.
  double weight = 1;  ///< Its share when others want the processors too, in processors.
  std::uint32_t processes = 0;
};

class GroupForest;

/// The groups of one sandbox, one directory in each tree that is used.
class GroupSet {
 public:
  GroupSet() = default;
  GroupSet(GroupSet&&) = default;
  GroupSet& operator=(GroupSet&&) = default;

  /// False where no group can be made (see rootless.h): then nothing is limited, frozen or counted here.
  bool any() const { return !directories_.empty(); }
  Result<void> set_limits(const GroupLimits& limits) const;
  Result<void> set_cpus(double cpus) const;
  Result<void> set_weight(double cpus) const;
  Result<void> set_memory(std::uint64_t bytes) const;
  /// All that is charged to the group now, file caches included.
  std::uint64_t memory_use() const;
  /// What of it cannot be dropped: private memory and memory file systems.
  std::uint64_t memory_of_programs() const;
  Result<void> freeze() const;
  Result<void> thaw() const;
  /// SIGKILL to all that is inside; where the kernel does not offer that, nothing.
  void kill() const;
  /// For want of memory the kernel ends all that is in the group (v2), or one process only (v1).
  bool ends_as_one() const;
  /// How many processes the kernel has killed for want of memory.
  std::uint64_t out_of_memory_kills() const;
  /// Of one thread at a time.
  std::uint64_t peak_memory() const;
  /// The directory of the v2 group that processes are forked into.
  int unified() const;
  /// Opens `tasks` of each v1 group. A process of one thread moves itself with it, and does not wait for all processors
  /// to come through the scheduler, as it would with cgroup.procs.
  Result<std::vector<Fd>> open_members() const;

 private:
  friend class GroupForest;
  const GroupForest* forest_ = nullptr;
  std::string name_;
  std::vector<Fd> directories_;  // one for each tree of the forest
  mutable Fd peak_;              // open from the first question on: every invocation asks
};

/// Our directory in each tree, under which sandboxes have theirs.
class GroupForest {
 public:
  /// Makes (or takes over and empties) the directory `name` in each tree that is needed. Fails when a controller is
  /// missing.
  static Result<std::unique_ptr<GroupForest>> make(std::vector<Hierarchy> hierarchies, const std::string& name);
  /// Without any tree, so that sandboxes have no groups.
  static std::unique_ptr<GroupForest> none() { return std::unique_ptr<GroupForest>(new GroupForest()); }
  ~GroupForest();
  GroupForest(const GroupForest&) = delete;
  GroupForest& operator=(const GroupForest&) = delete;

  Result<GroupSet> create(const std::string& name) const;
  /// Removes the directories; false while processes are still in them.
  bool remove(const GroupSet& set) const;

  /// For the log: "memory v1, cpu v1, pids v1, freezer v2".
  std::string describe() const;

 private:
  friend class GroupSet;
  struct Tree {
    std::string path;  // ours
    Fd directory;
    bool unified = false;
  };

  GroupForest() = default;
  Result<void> adopt(const std::vector<Hierarchy>& hierarchies, const std::string& name);
  void limit_all() const;
  Result<std::size_t> add_tree(const Hierarchy& hierarchy, const std::string& name);

  Fd own_mount_;  // of the v2 tree, if the host has none
  std::vector<Tree> trees_;
  std::size_t tree_of_[kControllers] = {};
  bool unified_limits_ = false;
};

/// Ends everything in a group and below it, and removes it. Waits at most two seconds.
Result<void> clear_group(const std::string& path);

}  // namespace cumulet::compute::sandbox
