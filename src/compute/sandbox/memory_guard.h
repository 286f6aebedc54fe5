#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "compute/sandbox/life.h"

namespace cumulet::compute::sandbox {

/// Lets /tmp be larger than the memory. The kernel charges a memory file system to whoever writes to it, so a function
/// with 128 MiB of memory could not fill its 512 MiB of /tmp. The guard looks at every sandbox that runs, a hundred
/// times a second: as /tmp fills, it raises the group's limit by as much (and some room for what is written until the
/// next look); and where programs then use more memory than they have, it ends them as the kernel would have. A sandbox
/// that leaves /tmp alone keeps the exact limit of the kernel. Nothing runs while all sandboxes are frozen.
/// On v1, where the kernel ends one process of a group, the guard ends the others, as v2 does.
/// Sandboxes without control groups have no other limit of their memory than the guard.
class MemoryGuard {
 public:
  MemoryGuard();
  ~MemoryGuard();
  MemoryGuard(const MemoryGuard&) = delete;
  MemoryGuard& operator=(const MemoryGuard&) = delete;

  void watch(std::shared_ptr<Life> life);
  void forget(const Life& life);
  void wake();  ///< A sandbox has been thawed.

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<std::shared_ptr<Life>> lives_;
  std::thread thread_;
};

}  // namespace cumulet::compute::sandbox
