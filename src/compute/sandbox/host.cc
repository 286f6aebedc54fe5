// What this host offers for sandboxes, for `cumulet doctor`.
#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"
#include "compute/egress/inside.h"
#include "compute/sandbox.h"
#include "compute/sandbox/cgroups.h"
#include "compute/sandbox/network.h"
#include "compute/sandbox/rootless.h"
#include "compute/sandbox/system.h"

namespace cumulet::compute {

namespace fs = std::filesystem;
using sandbox::Controller;
using sandbox::Hierarchy;
using sandbox::read_file;

namespace {

/// mount_setattr(2), which makes the sandbox's mounts read-only, is the newest system call that we cannot do without.
constexpr int kNeededMajor = 5;
constexpr int kNeededMinor = 12;

Finding finding(std::string what, bool usable, std::string detail) {
  Finding result;
  result.what = std::move(what);
  result.usable = usable;
  result.detail = std::move(detail);
  return result;
}

Finding kernel() {
  utsname names{};
  ::uname(&names);
  const std::string_view release = names.release;
  int major = 0;
  int minor = 0;
  const auto [dot, bad] = std::from_chars(release.begin(), release.end(), major);
  if (bad == std::errc() && dot != release.end()) std::from_chars(dot + 1, release.end(), minor);
  const bool enough = major > kNeededMajor || (major == kNeededMajor && minor >= kNeededMinor);
  std::string detail = fmt::format("{} {}", names.sysname, release);
  if (!enough) detail += fmt::format("; sandboxes need Linux {}.{} or newer", kNeededMajor, kNeededMinor);
  return finding("kernel", enough, detail);
}

Finding privileges() {
  if (sandbox::in_user_namespace())
    return finding("privileges", true,
                   "an ordinary user's: sandboxes are built in a user namespace, all as the server's own user");
  if (::geteuid() == 0) return finding("privileges", true, "root (functions never run as root)");
  return finding("privileges", false, "an ordinary user without a user namespace: run `cumulet serve` as root");
}

void add_namespaces(std::vector<Finding>& findings) {
  const struct {
    const char* file;
    const char* name;
    const char* option;
  } kinds[] = {{"user", "user namespace", "USER_NS"},    {"pid", "pid namespace", "PID_NS"},
               {"mnt", "mount namespace", "NAMESPACES"}, {"net", "network namespace", "NET_NS"},
               {"ipc", "ipc namespace", "IPC_NS"},       {"uts", "uts namespace", "UTS_NS"},
               {"cgroup", "cgroup namespace", "CGROUPS"}};
  for (const auto& kind : kinds) {
    const bool there = fs::exists(fmt::format("/proc/self/ns/{}", kind.file));
    std::string detail =
        there ? "offered by this kernel" : fmt::format("use a kernel built with CONFIG_{}", kind.option);
    bool usable = there;
    const std::string limit = read_file(fmt::format("/proc/sys/user/max_{}_namespaces", kind.file));
    if (there && trim(limit.substr(0, limit.find('\n'))) == "0") {
      usable = false;
      detail = fmt::format("switched off: sysctl -w user.max_{}_namespaces=10000", kind.file);
    }
    findings.push_back(finding(kind.name, usable, detail));
  }
}

Finding ordinary_user_namespaces() {
  const auto value = [](const char* path) { return std::string(trim(read_file(path).substr(0, 1))); };
  if (value("/proc/sys/kernel/unprivileged_userns_clone") == "0")
    return finding("user namespaces for ordinary users", false,
                   "switched off (only matters without root): sysctl -w kernel.unprivileged_userns_clone=1");
  if (value("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == "1")
    return finding("user namespaces for ordinary users", false,
                   "restricted by AppArmor (only matters without root): sysctl -w "
                   "kernel.apparmor_restrict_unprivileged_userns=0");
  const bool there = fs::exists("/proc/self/ns/user");
  return finding("user namespaces for ordinary users", there, there ? "allowed" : "not offered by this kernel");
}

/// A v2 group has been delegated to us.
bool writable(const std::vector<Hierarchy>& hierarchies) {
  return std::any_of(hierarchies.begin(), hierarchies.end(), [](const Hierarchy& h) {
    return h.unified && ::access((h.path + "/cgroup.procs").c_str(), W_OK) == 0 &&
           std::find(h.controllers.begin(), h.controllers.end(), "memory") != h.controllers.end();
  });
}

void add_groups(std::vector<Finding>& findings) {
  const std::vector<Hierarchy> hierarchies =
      sandbox::find_hierarchies(read_file("/proc/self/mountinfo"), read_file("/proc/self/cgroup"));
  const bool v1 = std::any_of(hierarchies.begin(), hierarchies.end(), [](const Hierarchy& h) { return !h.unified; });
  const bool v2 = std::any_of(hierarchies.begin(), hierarchies.end(), [](const Hierarchy& h) { return h.unified; });
  findings.push_back(finding("control groups", v1 || v2,
                             v1 && v2 ? "v1 controllers beside a v2 tree (hybrid)"
                             : v2     ? "v2"
                             : v1     ? "v1"
                                      : "none mounted: mount -t cgroup2 none /sys/fs/cgroup"));
  const char* const purposes[] = {"memory limit", "processor limit", "process limit", "freezing"};
  const char* const substitutes[] = {
      "no group may be made (Delegate=yes would allow it): the server measures a hundred times a second instead",
      "no group may be made: functions share the processors as all processes do",
      "no group may be made: RLIMIT_NPROC counts instead", "no group may be made: signals stop and continue instead"};
  for (std::size_t i = 0; i < sandbox::kControllers; ++i) {
    const std::string_view name = controller_name(static_cast<Controller>(i));
    std::string detail;
    for (const Hierarchy& hierarchy : hierarchies) {
      const auto& offered = hierarchy.controllers;
      const bool offers =
          name == "freezer" ? hierarchy.unified : std::find(offered.begin(), offered.end(), name) != offered.end();
      if (offers && (detail.empty() || hierarchy.unified))
        detail = fmt::format("{} {} ({})", name, hierarchy.unified ? "v2" : "v1", hierarchy.path);
    }
    if (sandbox::in_user_namespace() && !writable(hierarchies)) {
      findings.push_back(finding(purposes[i], false, substitutes[i]));
      continue;
    }
    if (detail.empty() && name == "freezer") detail = "freezer v2 (not mounted; the server mounts it for itself)";
    const bool usable = !detail.empty();
    if (!usable) detail = fmt::format("no controller \"{0}\": boot with cgroup_enable={0}", name);
    findings.push_back(finding(purposes[i], usable, detail));
  }
}

Finding seccomp() {
  const std::string actions = read_file("/proc/sys/kernel/seccomp/actions_avail");
  const bool there = actions.find("errno") != std::string::npos;
  return finding("seccomp filters", there,
                 there ? "offered by this kernel" : "use a kernel built with CONFIG_SECCOMP_FILTER");
}

Finding memory_programs() {
  const bool refused = read_file("/proc/sys/vm/memfd_noexec").starts_with('2');
  return finding("programs in memory files", !refused,
                 refused ? "refused, but the sandbox's init is one: sysctl -w vm.memfd_noexec=1" : "allowed");
}

/// Tried in a network namespace that goes at once.
Finding way_out() {
  const char* const what = "egress of functions";
  Result<sandbox::NetworkMaker> maker = sandbox::NetworkMaker::make();
  Result<sandbox::Fd> network = maker.ok() ? maker->create_namespace() : std::move(maker).error();
  if (!network.ok()) return finding(what, false, network.error().message());
  const Result<egress::Doors> doors = egress::open_doors(network->get(), egress::Policy());
  if (doors.ok()) return finding(what, true, "nf_tables hands packets over");
  return finding(
      what, false,
      doors.error().message() +
          "; functions that need no internet run all the same. It takes a kernel with nf_tables and its tproxy "
          "expression: modprobe nf_tables nft_tproxy");
}

Finding file_system(const char* name, const char* purpose) {
  const std::string known = read_file("/proc/filesystems");
  if (known.find(fmt::format("\t{}\n", name)) != std::string::npos)
    return finding(name, true, "offered by this kernel");
  utsname names{};
  ::uname(&names);
  std::error_code ignored;
  const bool module = fs::exists(fmt::format("/lib/modules/{}/kernel/fs/{}", names.release, name), ignored);
  return finding(name, module, module ? "a module that is not loaded yet" : fmt::format("not offered; {}", purpose));
}

}  // namespace

std::vector<Finding> examine_host() {
  std::vector<Finding> findings;
  findings.push_back(kernel());
  findings.push_back(privileges());
  add_namespaces(findings);
  findings.push_back(ordinary_user_namespaces());
  add_groups(findings);
  findings.push_back(seccomp());
  findings.push_back(memory_programs());
  findings.push_back(way_out());
  findings.push_back(file_system("tmpfs", "sandboxes need it for /tmp"));
  findings.push_back(file_system("overlay", "several layers at /opt are copied together instead"));
  findings.push_back(file_system("erofs", "code is shown from directories instead of images"));
  return findings;
}

}  // namespace cumulet::compute
