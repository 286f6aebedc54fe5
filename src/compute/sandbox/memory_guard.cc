#include "compute/sandbox/memory_guard.h"

#include <algorithm>
#include <chrono>

#include <pthread.h>
#include <sys/vfs.h>

#include "base/log.h"
#include "compute/sandbox/process_memory.h"

namespace cumulet::compute::sandbox {

namespace {

constexpr auto kInterval = std::chrono::milliseconds(10);
constexpr std::uint64_t kNoticeable = 1 << 20;
constexpr std::uint64_t kRoom = 64 << 20;  // what may be written to /tmp between two looks

std::uint64_t bytes_in(const Fd& mount) {
  struct statfs about {};
  if (::fstatfs(mount.get(), &about) != 0) return 0;
  return (about.f_blocks - about.f_bfree) * static_cast<std::uint64_t>(about.f_bsize);
}

/// Without a group to count: what the processes have, and what lies in memory files that have names.
void measure(Life& life) {
  const pid_t init = life.init_process();
  if (init <= 0) return;
  const std::uint64_t used = memory_of_tree(init, life.memory_bytes) + bytes_in(life.shared);
  if (used > life.peak_seen) life.peak_seen = used;
  if (used > life.memory_bytes) life.kill_for_memory();
}

void look_at(Life& life) {
  if (!life.groups.any()) return measure(life);
  if (!life.groups.ends_as_one() && life.groups.out_of_memory_kills() > 0) return life.kill_for_memory();
  const std::uint64_t files = bytes_in(life.tmp);
  const bool filling = files >= kNoticeable;
  if (!filling && life.limit_bytes == life.memory_bytes) return;
  const std::uint64_t wanted = filling ? life.memory_bytes + files + kRoom : life.memory_bytes;
  // Following every page down would cost more than it gives.
  const bool raise = wanted > life.limit_bytes;
  if (raise || life.limit_bytes - wanted > kRoom || !filling) {
    if (Result<void> set = life.groups.set_memory(wanted); set.ok())
      life.limit_bytes = wanted;
    else if (raise)
      log::warning("the memory limit of a sandbox cannot follow its /tmp", {{"reason", set.error().message()}});
  }
  if (life.groups.memory_use() <= life.memory_bytes) return;
  const std::uint64_t programs = life.groups.memory_of_programs();
  // Both figures move while they are read: files may be counted once too little, never a program once too much.
  const std::uint64_t files_now = std::max(files, bytes_in(life.tmp));
  if (programs > files_now + life.memory_bytes) life.kill_for_memory();
}

}  // namespace

MemoryGuard::MemoryGuard() : thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "sandbox-memory");
}

MemoryGuard::~MemoryGuard() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void MemoryGuard::watch(std::shared_ptr<Life> life) {
  {
    std::lock_guard lock(mutex_);
    lives_.push_back(std::move(life));
  }
  wake_.notify_all();
}

void MemoryGuard::forget(const Life& life) {
  std::lock_guard lock(mutex_);
  std::erase_if(lives_, [&life](const std::shared_ptr<Life>& watched) { return watched.get() == &life; });
}

void MemoryGuard::wake() {
  const std::lock_guard lock(mutex_);  // or it could come between a look and the wait
  wake_.notify_all();
}

void MemoryGuard::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::erase_if(lives_, [](const std::shared_ptr<Life>& life) { return life->over(); });
    std::vector<std::shared_ptr<Life>> running;
    for (const std::shared_ptr<Life>& life : lives_)
      if (!life->frozen() && !life->quiet) running.push_back(life);
    if (running.empty()) {
      wake_.wait(lock);
      continue;
    }
    lock.unlock();
    const auto began = std::chrono::steady_clock::now();
    for (const std::shared_ptr<Life>& life : running) look_at(*life);
    running.clear();
    // A thousand processes take a while to measure: looking never takes more than a quarter of a processor.
    const auto pause =
        std::max<std::chrono::steady_clock::duration>(kInterval, 3 * (std::chrono::steady_clock::now() - began));
    lock.lock();
    if (!stopping_) wake_.wait_for(lock, pause);
  }
}

}  // namespace cumulet::compute::sandbox
