#include "compute/sandbox/mounts.h"

#include <algorithm>
#include <filesystem>
#include <optional>

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "compute/sandbox/masked_proc.h"
#include "compute/sandbox/rootless.h"

namespace cumulet::compute::sandbox {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kTemplates = 16;
constexpr std::uint64_t kKibPerName = 16;
constexpr std::uint64_t kLeastNames = 1024;
constexpr std::uint64_t kQuiet = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

/// Directories that every sandbox has, whatever its mounts are.
constexpr const char* kDirectories[] = {"proc", "dev", "tmp",      "mnt",         "etc", "opt",
                                        "usr",  "var", "var/task", "var/runtime", "run"};

Result<void> set_attributes(int mount, std::uint64_t attributes, bool recursive) {
  mount_attr wanted{};
  wanted.attr_set = attributes;
  wanted.propagation = MS_PRIVATE;
  const unsigned flags = AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0u);
  if (::mount_setattr(mount, "", flags, &wanted, sizeof wanted) != 0) return system_error("set the flags of a mount");
  return {};
}

/// The mount at a directory (or file) with those below it, or without: a function's code has none.
Result<Fd> clone_tree(const std::string& source, bool recursive) {
  const unsigned depth = recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0u;
  Fd tree(::open_tree(AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | depth));
  if (!tree) return system_error("clone the mounts at " + source);
  return tree;
}

Result<void> attach(int mount, int root, const std::string& target) {
  if (::move_mount(mount, "", root, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return system_error("mount /" + target);
  return {};
}

/// The target of a mount relative to the root: no "..", no empty parts.
Result<std::string> relative_target(const std::string& target) {
  const auto wrong = [&target] {
    return Error(kSandboxFailure, fmt::format("\"{}\" is no place for a mount", target));
  };
  if (!target.starts_with('/') || target.size() < 2 || target.find('\0') != std::string::npos) return wrong();
  for (const std::string_view part : split(std::string_view(target).substr(1), '/'))
    if (part.empty() || part == "." || part == "..") return wrong();
  return target.substr(1);
}

/// Mounts that differ from function to function are not part of the template.
bool is_own(const Mount& mount) {
  return mount.target == "/var/task" || mount.target == "/opt" || mount.target.starts_with("/opt/");
}

/// On systems with a merged /usr, /bin is a link to usr/bin; the sandbox then gets the same link.
std::optional<std::string> link_instead(const Mount& mount) {
  if (mount.source != mount.target || !fs::is_symlink(mount.source)) return std::nullopt;
  return fs::read_symlink(mount.source).string();
}

Result<void> make_parents(int root, const std::string& path) {
  for (std::size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    if (::mkdirat(root, path.substr(0, at).c_str(), 0755) != 0 && errno != EEXIST)
      return system_error("make the directory /" + path.substr(0, at));
  }
  return {};
}

/// Makes what a mount covers: a directory or an empty file. What exists already (in a mount below it) stays.
Result<void> make_mount_point(int root, const std::string& path, bool directory) {
  if (Result<void> done = make_parents(root, path); !done.ok()) return done;
  if (directory) {
    if (::mkdirat(root, path.c_str(), 0755) != 0 && errno != EEXIST) return system_error("make the directory /" + path);
    return {};
  }
  const Fd file(::openat(root, path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0444));
  if (!file && errno != EROFS && errno != EEXIST) return system_error("make the file /" + path);
  return {};
}

Result<void> show_device(int dev, const std::string& name) {
  Result<Fd> device = clone_tree("/dev/" + name, false);
  if (!device.ok()) return std::move(device).error();
  Result<void> done = set_attributes(device->get(), MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, false);
  if (done.ok()) done = make_mount_point(dev, name, false);
  if (!done.ok()) return done;
  return attach(device->get(), dev, name);
}

Result<void> make_devices(int root) {
  Result<Fd> dev = make_tmpfs(64, "755", 0, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  if (!dev.ok()) return std::move(dev).error();
  const struct {
    const char* name;
    unsigned minor;
    unsigned major = 1;
  } nodes[] = {{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}, {"tty", 0, 5}};
  if (Result<void> done = attach(dev->get(), root, "dev"); !done.ok()) return done;
  for (const auto& node : nodes) {
    if (in_user_namespace()) {  // where no device can be made, the host's is shown
      if (Result<void> done = show_device(dev->get(), node.name); !done.ok()) return done;
    } else if (::mknodat(dev->get(), node.name, S_IFCHR | 0666, makedev(node.major, node.minor)) != 0 ||
               ::fchmodat(dev->get(), node.name, 0666, 0) != 0) {
      return system_error(fmt::format("make the device /dev/{}", node.name));
    }
  }
  const struct {
    const char* name;
    const char* target;
  } links[] = {{"fd", "/proc/self/fd"},
               {"stdin", "/proc/self/fd/0"},
               {"stdout", "/proc/self/fd/1"},
               {"stderr", "/proc/self/fd/2"}};
  for (const auto& link : links)
    if (::symlinkat(link.target, dev->get(), link.name) != 0)
      return system_error(fmt::format("link /dev/{}", link.name));
  if (::mkdirat(dev->get(), "shm", 0755) != 0) return system_error("make the directory /dev/shm");
  return set_attributes(dev->get(), MOUNT_ATTR_RDONLY, false);
}

Result<void> fill_root(int root, const SandboxSpec& spec) {
  for (const char* directory : kDirectories)
    if (spec.root.empty() && ::mkdirat(root, directory, 0755) != 0)
      return system_error(fmt::format("make the directory /{}", directory));
  for (const Mount& mount : spec.mounts) {
    Result<std::string> target = relative_target(mount.target);
    if (!target.ok()) return std::move(target).error();
    if (const std::optional<std::string> link = link_instead(mount)) {
      Result<void> parents = make_parents(root, *target);
      if (!parents.ok()) return parents;
      if (::symlinkat(link->c_str(), root, target->c_str()) != 0 && errno != EEXIST)
        return system_error("link /" + *target);
      continue;
    }
    std::error_code missing;
    const bool directory = fs::is_directory(mount.source, missing);
    if (missing)
      return Error(kSandboxFailure, fmt::format("cannot show {} inside: {}", mount.source.string(), missing.message()));
    if (Result<void> done = make_mount_point(root, *target, directory); !done.ok()) return done;
    if (is_own(mount)) continue;
    Result<Fd> tree = clone_readonly(mount.source, true);
    if (!tree.ok()) return std::move(tree).error();
    if (Result<void> done = attach(tree->get(), root, *target); !done.ok()) return done;
  }
  return make_devices(root);
}

/// Names the template of a specification: its shared mounts with the identity of their sources (a replaced file is
/// another one), and the places of its own mounts.
std::string template_key(const SandboxSpec& spec) {
  std::string key = "\n";
  if (!spec.root.empty()) {
    struct stat about {};
    ::lstat(spec.root.c_str(), &about);
    key = fmt::format("{}\t{}.{}\n", spec.root.string(), about.st_dev, about.st_ino);
  }
  for (const Mount& mount : spec.mounts) {
    if (is_own(mount)) {
      key += fmt::format("{}\n", mount.target);
      continue;
    }
    struct stat about {};
    ::lstat(mount.source.c_str(), &about);
    key += fmt::format("{}\t{}\t{}.{}\n", mount.source.string(), mount.target, about.st_dev, about.st_ino);
  }
  return key;
}

/// Of these names in /proc, those that exist and that anybody may use: the others are the host root's alone already.
template <std::size_t N>
std::vector<std::string> exposed(const char* const (&names)[N]) {
  std::vector<std::string> found;
  for (const char* name : names) {
    struct stat about {};
    const std::string path = std::string("/proc/") + name;
    if (::stat(path.c_str(), &about) == 0 && (about.st_mode & 06) != 0) found.push_back(path);
  }
  return found;
}

}  // namespace

Result<Fd> clone_readonly(const fs::path& source, bool recursive) {
  Result<Fd> tree = clone_tree(source, recursive);
  if (!tree.ok()) return tree;
  if (Result<void> done = set_attributes(tree->get(), kQuiet | MOUNT_ATTR_RDONLY, recursive); !done.ok())
    return Error(kSandboxFailure, fmt::format("{} ({})", done.error().message(), source.string()));
  return tree;
}

Result<Fd> make_tmpfs(std::uint64_t kib, const char* mode, std::uint32_t owner, std::uint64_t attributes) {
  const Fd context(::fsopen("tmpfs", FSOPEN_CLOEXEC));
  if (!context) return system_error("open the file system tmpfs");
  const std::string id = std::to_string(owner);
  // Names cost kernel memory that no size counts: as many as a disk of that size would have.
  const std::string names = std::to_string(std::max(kLeastNames, kib / kKibPerName));
  const std::pair<const char*, std::string> options[] = {
      {"size", std::to_string(kib) + "k"}, {"nr_inodes", names}, {"mode", mode}, {"uid", id}, {"gid", id}};
  for (const auto& [name, value] : options)
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, name, value.c_str(), 0) != 0)
      return system_error(fmt::format("set {}={} of a tmpfs", name, value));
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return system_error("make a tmpfs");
  Fd mount(::fsmount(context.get(), FSMOUNT_CLOEXEC, attributes));
  if (!mount) return system_error("make a mount of a tmpfs");
  return mount;
}

Result<RootTemplates> RootTemplates::make(const std::string& workshop) {
  if (::unshare(CLONE_NEWNS) != 0) return system_error("make a mount namespace");
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0)
    return system_error("separate the mounts from the host's");
  Result<Fd> bench = make_tmpfs(1024, "700", 0, kQuiet | MOUNT_ATTR_NOEXEC);
  if (!bench.ok()) return std::move(bench).error();
  if (::move_mount(bench->get(), "", AT_FDCWD, workshop.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return system_error("mount a tmpfs at " + workshop);
  return RootTemplates(workshop);
}

Result<void> RootTemplates::build(const std::string& path, const SandboxSpec& spec) {
  if (::mkdir(path.c_str(), 0700) != 0) return system_error("make the directory " + path);
  Result<Fd> root = spec.root.empty() ? make_tmpfs(1024, "755", 0, kQuiet) : clone_readonly(spec.root, false);
  if (!root.ok()) return std::move(root).error();
  if (::move_mount(root->get(), "", AT_FDCWD, path.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return system_error("mount a root at " + path);
  Result<void> filled = fill_root(root->get(), spec);
  if (filled.ok()) filled = set_attributes(root->get(), kQuiet | MOUNT_ATTR_RDONLY, false);
  if (!filled.ok()) {
    ::umount2(path.c_str(), MNT_DETACH);
    ::rmdir(path.c_str());
  }
  return filled;
}

Result<std::string> RootTemplates::find_template(const SandboxSpec& spec) {
  std::string key = template_key(spec);
  for (std::size_t i = 0; i < templates_.size(); ++i) {
    if (templates_[i].key != key) continue;
    Template found = std::move(templates_[i]);
    templates_.erase(templates_.begin() + static_cast<std::ptrdiff_t>(i));
    templates_.push_front(std::move(found));
    return templates_.front().path;
  }
  const std::string path = fmt::format("{}/{}", workshop_, next_++);
  if (Result<void> done = build(path, spec); !done.ok()) return std::move(done).error();
  templates_.emplace_front(std::move(key), path);
  if (templates_.size() > kTemplates) {
    ::umount2(templates_.back().path.c_str(), MNT_DETACH);
    ::rmdir(templates_.back().path.c_str());
    templates_.pop_back();
  }
  return path;
}

Result<RootTree> RootTemplates::clone(const SandboxSpec& spec, std::uint32_t owner) {
  Result<std::string> path = find_template(spec);
  if (!path.ok()) return std::move(path).error();
  Result<Fd> root = clone_tree(*path, true);
  if (!root.ok()) return std::move(root).error();
  RootTree tree;
  tree.root = std::move(*root);

  Result<Fd> tmp = make_tmpfs(std::uint64_t{spec.ephemeral_mib} << 10, "1777", owner, kQuiet);
  if (!tmp.ok()) return std::move(tmp).error();
  tree.tmp = Fd(::fcntl(tmp->get(), F_DUPFD_CLOEXEC, 0));
  if (!tree.tmp) return system_error("duplicate the mount of /tmp");
  tree.mounts.emplace_back(std::move(*tmp), "tmp");
  Result<Fd> shm = make_tmpfs(std::uint64_t{spec.memory_mib} << 10, "1777", owner, kQuiet);
  if (!shm.ok()) return std::move(shm).error();
  tree.shared = Fd(::fcntl(shm->get(), F_DUPFD_CLOEXEC, 0));
  if (!tree.shared) return system_error("duplicate the mount of /dev/shm");
  tree.mounts.emplace_back(std::move(*shm), "dev/shm");

  for (const Mount& mount : spec.mounts) {
    if (!is_own(mount)) continue;
    Result<Fd> own = clone_readonly(mount.source, false);
    if (!own.ok()) return std::move(own).error();
    tree.mounts.emplace_back(std::move(*own), mount.target.substr(1));
  }
  return tree;
}

std::vector<std::string> masked_proc_files() { return exposed(kMaskedProcFiles); }

std::vector<std::string> masked_proc_directories() { return exposed(kMaskedProcDirectories); }

}  // namespace cumulet::compute::sandbox
