#include "compute/sandbox/cgroups.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <thread>

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

namespace cumulet::compute::sandbox {

namespace fs = std::filesystem;

std::string_view controller_name(Controller controller) {
  switch (controller) {
    case Controller::kMemory:
      return "memory";
    case Controller::kCpu:
      return "cpu";
    case Controller::kPids:
      return "pids";
    case Controller::kFreezer:
      return "freezer";
  }
  return "";
}

namespace {

/// v1 counts the buffers of connections apart, and only where they have a limit.
constexpr const char* kBuffers = "memory.kmem.tcp.limit_in_bytes";
constexpr std::uint64_t kLeftToTheHost = 512 << 20;
constexpr std::chrono::seconds kLockPatience{2};
constexpr std::chrono::milliseconds kLockPause{1};
/// What was killed has to run once more to be gone, and its group may have little of a busy machine.
constexpr std::chrono::seconds kRemovalPatience{20};

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

/// `group` as seen below a mount whose root is `mount_root`.
std::string below(std::string_view mount_root, std::string_view group) {
  if (mount_root == "/") return std::string(group == "/" ? "" : group);
  if (group.starts_with(mount_root)) return std::string(group.substr(mount_root.size()));
  return "";
}

}  // namespace

std::vector<Hierarchy> find_hierarchies(std::string_view mountinfo, std::string_view own_groups) {
  // "4:memory:/path" and, for v2, "0::/path".
  std::map<std::string, std::string, std::less<>> own;
  for (const std::string_view line : split(own_groups, '\n')) {
    const std::vector<std::string_view> parts = split(line, ':');
    if (parts.size() < 3) continue;
    for (const std::string_view controller : split(parts[1], ',')) own.emplace(controller, parts[2]);
  }
  std::vector<Hierarchy> found;
  for (const std::string_view line : split(mountinfo, '\n')) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const std::vector<std::string_view> left = split(line.substr(0, dash), ' ');
    const std::vector<std::string_view> right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    const std::string mount_point(left[4]);
    if (right[0] == "cgroup2") {
      Hierarchy hierarchy(mount_point, true);
      if (const auto group = own.find(""); group != own.end()) hierarchy.path += below(left[3], group->second);
      std::string offered = read_file(mount_point + "/cgroup.controllers");
      std::replace(offered.begin(), offered.end(), '\n', ' ');
      for (const std::string_view controller : split(offered, ' '))
        if (!controller.empty()) hierarchy.controllers.emplace_back(controller);
      found.push_back(std::move(hierarchy));
    } else if (right[0] == "cgroup") {
      Hierarchy hierarchy(mount_point, false);
      for (const std::string_view option : split(right[2], ',')) {
        if (option == "rw" || option == "ro" || option.starts_with("name=")) continue;
        hierarchy.controllers.emplace_back(option);
        if (const auto group = own.find(option); group != own.end() && hierarchy.path == mount_point)
          hierarchy.path += below(left[3], group->second);
      }
      if (!hierarchy.controllers.empty()) found.push_back(std::move(hierarchy));
    }
  }
  return found;
}

// --- one sandbox ---

Result<void> GroupSet::set_limits(const GroupLimits& limits) const {
  if (!any()) return {};
  const int memory = directories_[forest_->tree_of_[0]].get();
  const int pids = directories_[forest_->tree_of_[2]].get();
  Result<void> done;
  if (forest_->trees_[forest_->tree_of_[0]].unified) {
    done = write_file(memory, "memory.oom.group", "1");
    if (::faccessat(memory, "memory.swap.max", W_OK, 0) == 0 && done.ok())
      done = write_file(memory, "memory.swap.max", "0");
  } else {
    done = write_file(memory, "memory.swappiness", "0");
    if (::faccessat(memory, kBuffers, W_OK, 0) == 0 && done.ok())
      done = write_file(memory, kBuffers, std::to_string(limits.memory_bytes));
  }
  if (done.ok()) done = set_memory(limits.memory_bytes);
  // One more than asked for: the sandbox's init counts too.
  if (done.ok()) done = write_file(pids, "pids.max", std::to_string(limits.processes + 1));
  if (done.ok()) done = set_cpus(limits.cpus);
  if (done.ok()) done = set_weight(limits.weight);
  return done;
}

Result<void> GroupSet::set_memory(std::uint64_t bytes) const {
  if (!any()) return {};
  const int memory = directories_[forest_->tree_of_[0]].get();
  const std::string text = std::to_string(bytes);
  if (forest_->trees_[forest_->tree_of_[0]].unified) return write_file(memory, "memory.max", text);
  // Memory and swap together may never be less than memory alone: which comes first depends on the direction.
  constexpr const char* kWithSwap = "memory.memsw.limit_in_bytes";
  const bool swap = ::faccessat(memory, kWithSwap, W_OK, 0) == 0;
  const bool first = swap && write_file(memory, kWithSwap, text).ok();
  Result<void> done = write_file(memory, "memory.limit_in_bytes", text);
  return !done.ok() || !swap || first ? std::move(done) : write_file(memory, kWithSwap, text);
}

std::uint64_t GroupSet::memory_use() const {
  const std::size_t tree = forest_->tree_of_[0];
  const std::string text =
      read_file(directories_[tree].get(), forest_->trees_[tree].unified ? "memory.current" : "memory.usage_in_bytes");
  return static_cast<std::uint64_t>(parse_int(text.substr(0, text.find('\n'))).value_or(0));
}

std::uint64_t GroupSet::memory_of_programs() const {
  const std::size_t tree = forest_->tree_of_[0];
  const char* anonymous = forest_->trees_[tree].unified ? "anon" : "total_rss";
  const char* shared = forest_->trees_[tree].unified ? "shmem" : "total_shmem";
  const int directory = directories_[tree].get();
  return read_counter(directory, "memory.stat", anonymous) + read_counter(directory, "memory.stat", shared);
}

Result<void> GroupSet::set_cpus(double cpus) const {
  const int directory = directories_[forest_->tree_of_[1]].get();
  // Short periods bound the stalls; the kernel wants a quota of at least 1 ms.
  const int period = cpus >= 0.05 ? 20'000 : 100'000;
  const long quota = std::max(1'000L, static_cast<long>(cpus * period));
  if (forest_->trees_[forest_->tree_of_[1]].unified)
    return write_file(directory, "cpu.max", fmt::format("{} {}", quota, period));
  Result<void> done = write_file(directory, "cpu.cfs_period_us", std::to_string(period));
  if (!done.ok()) return done;
  return write_file(directory, "cpu.cfs_quota_us", std::to_string(quota));
}

Result<void> GroupSet::set_weight(double cpus) const {
  const int directory = directories_[forest_->tree_of_[1]].get();
  const bool unified = forest_->trees_[forest_->tree_of_[1]].unified;
  // One processor is what a group weighs by default.
  const long weight = std::max(2L, static_cast<long>(cpus * (unified ? 100 : 1024)));
  return write_file(directory, unified ? "cpu.weight" : "cpu.shares", std::to_string(weight));
}

Result<void> GroupSet::freeze() const { return write_file(unified(), "cgroup.freeze", "1"); }

Result<void> GroupSet::thaw() const { return write_file(unified(), "cgroup.freeze", "0"); }

/// The init's death ends the process namespace anyway; this only makes it sooner. (Linux 5.14.)
void GroupSet::kill() const {
  if (any()) (void)write_file(unified(), "cgroup.kill", "1");
}

bool GroupSet::ends_as_one() const { return any() && forest_->trees_[forest_->tree_of_[0]].unified; }

std::uint64_t GroupSet::out_of_memory_kills() const {
  if (!any()) return 0;
  const std::size_t tree = forest_->tree_of_[0];
  return read_counter(directories_[tree].get(), forest_->trees_[tree].unified ? "memory.events" : "memory.oom_control",
                      "oom_kill");
}

std::uint64_t GroupSet::peak_memory() const {
  if (!any()) return 0;
  if (!peak_) {
    const std::size_t tree = forest_->tree_of_[0];
    const int directory = directories_[tree].get();
    const bool unified = forest_->trees_[tree].unified;
    peak_ = Fd(::openat(directory, unified ? "memory.peak" : "memory.max_usage_in_bytes", O_RDONLY | O_CLOEXEC));
    if (!peak_ && unified)
      peak_ = Fd(::openat(directory, "memory.current", O_RDONLY | O_CLOEXEC));  // before Linux 5.19
  }
  char text[32];
  const ssize_t size = ::pread(peak_.get(), text, sizeof text, 0);
  const std::string_view line(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  return static_cast<std::uint64_t>(parse_int(line.substr(0, line.find('\n'))).value_or(0));
}

int GroupSet::unified() const { return directories_[forest_->tree_of_[3]].get(); }

Result<std::vector<Fd>> GroupSet::open_members() const {
  std::vector<Fd> files;
  for (std::size_t i = 0; i < directories_.size(); ++i) {
    const GroupForest::Tree& tree = forest_->trees_[i];
    if (tree.unified) continue;
    Fd file(::openat(directories_[i].get(), "tasks", O_WRONLY | O_CLOEXEC));
    if (!file) return system_error(fmt::format("open {}/{}/tasks", tree.path, name_));
    files.push_back(std::move(file));
  }
  return files;
}

// --- our directories ---

namespace {

/// The v2 tree exists in every kernel, mounted or not. A mount that hangs nowhere is enough for us.
Result<Fd> mount_unified() {
  const Fd context(::fsopen("cgroup2", FSOPEN_CLOEXEC));
  if (!context) return system_error("open the file system cgroup2");
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return system_error("make a cgroup2 file system");
  Fd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, 0));
  if (!mount) return system_error("make a mount of cgroup2");
  return mount;
}

}  // namespace

Result<std::unique_ptr<GroupForest>> GroupForest::make(std::vector<Hierarchy> hierarchies, const std::string& name) {
  std::unique_ptr<GroupForest> forest(new GroupForest());
  if (std::none_of(hierarchies.begin(), hierarchies.end(), [](const Hierarchy& h) { return h.unified; })) {
    Result<Fd> mount = mount_unified();
    if (!mount.ok()) return std::move(mount).error();
    forest->own_mount_ = std::move(*mount);
    hierarchies.emplace_back(fmt::format("/proc/self/fd/{}", forest->own_mount_.get()), true);
  }
  if (Result<void> done = forest->adopt(hierarchies, name); !done.ok()) return std::move(done).error();
  return forest;
}

GroupForest::~GroupForest() {
  for (const Tree& tree : trees_)
    if (Result<void> done = clear_group(tree.path); !done.ok())
      log::warning("a control group stays behind", {{"path", tree.path}, {"reason", done.error().message()}});
}

/// What all sandboxes together must leave to the host: processes, and memory for the server itself. A limit that cannot
/// be set (the host's own is lower) is none.
void GroupForest::limit_all() const {
  const Tree& memory = trees_[tree_of_[0]];
  const auto bytes = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES))) *
                     static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t ours = bytes - std::min(bytes / 2, std::max(bytes / 10, kLeftToTheHost));
  (void)write_file(memory.directory.get(), memory.unified ? "memory.max" : "memory.limit_in_bytes",
                   std::to_string(ours));
  // The first such limit changes the kernel's code, the last one that goes changes it back: this one stays.
  if (!memory.unified) (void)write_file(memory.directory.get(), kBuffers, std::to_string(ours));
  const std::string ids = read_file("/proc/sys/kernel/pid_max");
  if (const std::optional<std::int64_t> count = parse_int(ids.substr(0, ids.find('\n'))); count && *count > 0)
    (void)write_file(trees_[tree_of_[2]].directory.get(), "pids.max", std::to_string(*count / 4 * 3));
}

/// Chooses the tree of each controller, and makes our directory in it.
Result<void> GroupForest::adopt(const std::vector<Hierarchy>& hierarchies, const std::string& name) {
  std::map<std::string, std::size_t> made;
  for (std::size_t i = 0; i < kControllers; ++i) {
    const std::string_view wanted = controller_name(static_cast<Controller>(i));
    const Hierarchy* chosen = nullptr;
    for (const Hierarchy& hierarchy : hierarchies) {
      const bool offers = wanted == "freezer" ? hierarchy.unified : contains(hierarchy.controllers, wanted);
      if (offers && (chosen == nullptr || hierarchy.unified)) chosen = &hierarchy;
    }
    if (chosen == nullptr)
      return Error(
          kSandboxFailure,
          fmt::format("this host offers no control group controller \"{}\": mount cgroup2 at /sys/fs/cgroup, or "
                      "enable the controller (kernel parameter cgroup_enable={})",
                      wanted, wanted));
    const auto [it, fresh] = made.emplace(chosen->path, trees_.size());
    if (fresh) {
      Result<std::size_t> tree = add_tree(*chosen, name);
      if (!tree.ok()) return std::move(tree).error();
    }
    tree_of_[i] = it->second;
    if (chosen->unified && wanted != "freezer") unified_limits_ = true;
  }
  if (unified_limits_) {
    for (const Tree& tree : trees_) {
      if (!tree.unified) continue;
      for (std::size_t i = 0; i < 3; ++i) {
        if (!trees_[tree_of_[i]].unified) continue;
        const std::string order = fmt::format("+{}", controller_name(static_cast<Controller>(i)));
        Result<void> done = write_file(tree.directory.get(), "cgroup.subtree_control", order);
        if (!done.ok()) return Error(kSandboxFailure, fmt::format("{} in {}", done.error().message(), tree.path));
      }
    }
  }
  limit_all();
  return {};
}

namespace {

/// The directory of a v2 tree in which ours can have the controllers: our own group when nobody else lives in it (a
/// service with Delegate=yes), for which we move into a leaf; else the root of the tree.
Result<std::string> v2_parent(const Hierarchy& hierarchy) {
  const std::string own = hierarchy.path;
  if (contains(hierarchy.controllers, "memory") == false) return own;  // hybrid: no controllers, no constraint
  std::string root = own;
  while (fs::exists(fs::path(root).parent_path() / "cgroup.controllers")) root = fs::path(root).parent_path();
  const auto enable = [](const std::string& at) -> Result<void> {
    Result<Fd> directory = open_directory(at);
    if (!directory.ok()) return std::move(directory).error();
    return write_file(directory->get(), "cgroup.subtree_control", "+memory +cpu +pids");
  };
  const std::string self = fmt::format("{}\n", ::getpid());
  if (own != root && read_file(own + "/cgroup.procs") == self) {
    const std::string leaf = own + "/server";
    std::error_code ignored;
    fs::create_directory(leaf, ignored);
    if (Result<Fd> directory = open_directory(leaf); directory.ok()) {
      Result<void> moved = write_file(directory->get(), "cgroup.procs", "0");
      if (moved.ok()) moved = enable(own);
      if (moved.ok()) return own;
    }
  }
  if (Result<void> enabled = enable(root); enabled.ok()) return root;
  // A container's root group has processes of its own, which must not be beside controllers: give them a leaf.
  const std::string leaf = root + "/cumulet-host";
  std::error_code ignored;
  fs::create_directory(leaf, ignored);
  Result<Fd> directory = open_directory(leaf);
  if (!directory.ok()) return std::move(directory).error();
  const std::string members = read_file(root + "/cgroup.procs");
  for (const std::string_view pid : split(members, '\n'))
    if (!pid.empty()) (void)write_file(directory->get(), "cgroup.procs", pid);
  if (Result<void> enabled = enable(root); !enabled.ok())
    return Error(kSandboxFailure, fmt::format("{} (in {}): run the server as root, or as a service with Delegate=yes",
                                              enabled.error().message(), root));
  return root;
}

/// Makes a group and locks it: as long as the lock is held the group has a server. Until then the sweep of another
/// server, which starts at the same time, may take it for one that was left behind and remove it: then it is made
/// again.
Result<Fd> make_locked(const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + kLockPatience;
  for (;;) {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) return system_error("make the control group " + path);
    Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory && ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) {
      struct stat locked = {};
      struct stat named = {};
      if (::fstat(directory.get(), &locked) == 0 && ::stat(path.c_str(), &named) == 0 && locked.st_ino == named.st_ino)
        return directory;
    }
    if (std::chrono::steady_clock::now() > deadline) return system_error("lock the control group " + path);
    std::this_thread::sleep_for(kLockPause);
  }
}

/// Removes the groups of servers that were killed and never came back (with another state directory there is no next
/// run that would). Only what has no lock and no process.
void sweep(const std::string& parent, const std::string& own) {
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(parent, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kGroupPrefix) || name == own) continue;
    Result<Fd> directory = open_directory(entry.path().string());
    if (!directory.ok() || ::flock(directory->get(), LOCK_EX | LOCK_NB) != 0) continue;
    for (const fs::directory_entry& inner : fs::directory_iterator(entry.path(), ignored)) {
      if (!inner.is_directory(ignored)) continue;
      for (const fs::directory_entry& innermost : fs::directory_iterator(inner.path(), ignored))
        if (innermost.is_directory(ignored)) ::rmdir(innermost.path().c_str());
      ::rmdir(inner.path().c_str());
    }
    ::rmdir(entry.path().c_str());
  }
}

}  // namespace

Result<std::size_t> GroupForest::add_tree(const Hierarchy& hierarchy, const std::string& name) {
  std::string parent = hierarchy.path;
  if (hierarchy.unified) {
    Result<std::string> chosen = v2_parent(hierarchy);
    if (!chosen.ok()) return std::move(chosen).error();
    parent = *chosen;
  }
  Tree tree;
  tree.path = parent + "/" + name;
  tree.unified = hierarchy.unified;
  if (fs::exists(tree.path)) {
    if (Result<void> cleared = clear_group(tree.path); !cleared.ok()) return std::move(cleared).error();
  }
  Result<Fd> directory = make_locked(tree.path);
  if (!directory.ok()) return std::move(directory).error();
  tree.directory = std::move(*directory);
  sweep(parent, name);
  trees_.push_back(std::move(tree));
  return trees_.size() - 1;
}

Result<GroupSet> GroupForest::create(const std::string& name) const {
  GroupSet set;
  set.forest_ = this;
  set.name_ = name;
  for (const Tree& tree : trees_) {
    if (::mkdirat(tree.directory.get(), name.c_str(), 0755) != 0) {
      const Error error = system_error(fmt::format("make the control group {}/{}", tree.path, name));
      remove(set);
      return error;
    }
    Fd directory(::openat(tree.directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return system_error(fmt::format("open the control group {}/{}", tree.path, name));
    set.directories_.push_back(std::move(directory));
  }
  return set;
}

bool GroupForest::remove(const GroupSet& set) const {
  bool gone = true;
  for (const Tree& tree : trees_) {
    if (::unlinkat(tree.directory.get(), set.name_.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) gone = false;
  }
  return gone;
}

std::string GroupForest::describe() const {
  if (trees_.empty()) return "none";
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < kControllers; ++i)
    parts.push_back(
        fmt::format("{} {}", controller_name(static_cast<Controller>(i)), trees_[tree_of_[i]].unified ? "v2" : "v1"));
  return join(parts, ", ");
}

Result<void> clear_group(const std::string& path) {
  const auto deadline = std::chrono::steady_clock::now() + kRemovalPatience;
  for (;;) {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(path, ignored)) {
      if (!entry.is_directory(ignored)) continue;
      if (Result<void> done = clear_group(entry.path()); !done.ok()) return done;
    }
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    const int code = errno;
    if (std::chrono::steady_clock::now() > deadline) return system_error("remove the control group " + path, code);
    const std::string members = read_file(path + "/cgroup.procs");
    for (const std::string_view pid : split(members, '\n'))
      if (const std::optional<std::int64_t> number = parse_int(pid); number && *number > 0)
        ::kill(static_cast<pid_t>(*number), SIGKILL);
    if (Result<Fd> directory = open_directory(path); directory.ok()) {
      (void)write_file(directory->get(), "cgroup.kill", "1");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace cumulet::compute::sandbox
