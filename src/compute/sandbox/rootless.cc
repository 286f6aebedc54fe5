#include "compute/sandbox/rootless.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/core.h>
#include <sched.h>
#include <unistd.h>

#include "compute/sandbox.h"
#include "compute/sandbox/system.h"

namespace cumulet::compute {

namespace sandbox {

namespace {

/// The words of the host's own map, which has every user.
bool maps_everybody() {
  const std::string map = read_file("/proc/self/uid_map");
  unsigned inside = 1;
  unsigned outside = 1;
  unsigned count = 0;
  return std::sscanf(map.c_str(), "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
         count == 4'294'967'295U;
}

Error refused(int code) {
  std::string why = system_error("make a user namespace", code).message();
  if (read_file("/proc/sys/kernel/apparmor_restrict_unprivileged_userns").starts_with('1')) {
    why += "; AppArmor restricts them here: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
  } else if (read_file("/proc/sys/kernel/unprivileged_userns_clone").starts_with('0')) {
    why += "; they are switched off: sysctl -w kernel.unprivileged_userns_clone=1";
  } else if (code == ENOSPC) {
    why += "; there may be no more of them: sysctl -w user.max_user_namespaces=10000";
  }
  return Error(kSandboxFailure,
               fmt::format("an ordinary user needs a user namespace to build sandboxes. {}. Or run the "
                           "server as root; functions never run as root",
                           why));
}

}  // namespace

bool in_user_namespace() {
  static const bool inside = !maps_everybody();
  return inside;
}

Result<void> enter_user_namespace() {
  if (::geteuid() == 0) return {};
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWUSER) != 0) return refused(errno);
  Result<void> done = write_file(AT_FDCWD, "/proc/self/setgroups", "deny");
  if (done.ok()) done = write_file(AT_FDCWD, "/proc/self/gid_map", fmt::format("0 {} 1", group));
  if (done.ok()) done = write_file(AT_FDCWD, "/proc/self/uid_map", fmt::format("0 {} 1", user));
  return done;
}

}  // namespace sandbox

Result<void> prepare_for_sandboxes() { return sandbox::enter_user_namespace(); }

}  // namespace cumulet::compute
