#include "compute/sandbox/state.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>

#include "base/digest.h"
#include "base/text.h"
#include "compute/sandbox/cgroups.h"

namespace cumulet::compute::sandbox {

namespace fs = std::filesystem;

std::string group_name(const fs::path& state) {
  return std::string(kGroupPrefix) + hex_encode(sha256(fs::weakly_canonical(state).string()).substr(0, 6));
}

Result<Fd> lock_state(const fs::path& state) {
  std::error_code failed;
  fs::create_directories(state / "roots", failed);
  if (failed)
    return Error(kSandboxFailure, fmt::format("cannot make {}: {}", (state / "roots").string(), failed.message()));
  const std::string path = (state / "lock").string();
  Fd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return system_error("open " + path);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Error(kSandboxFailure, "another server uses the sandboxes of " + state.string());
    return system_error("lock " + path);
  }
  return lock;
}

}  // namespace cumulet::compute::sandbox
