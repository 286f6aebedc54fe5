// Loaded before the C library (LD_PRELOAD) into a server that is to be killed at an exact step of its work, and whose
// clock is to be another one. A step is a call that changes what is on disk for good: a sync, a removal, a renaming.
//
//   CUMULET_TEST_STEPS   a file of eight bytes, a number: each step takes one from it, and the one that would reach
//   zero
//                        ends the process with SIGKILL before it is done; zero or less counts nothing
//   CUMULET_TEST_CLOCK   seconds by which the clock is ahead

#include <cstdint>
#include <cstdlib>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

namespace {

std::int64_t* open_steps() {
  const char* path = std::getenv("CUMULET_TEST_STEPS");
  const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return nullptr;
  void* mapped = mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  return mapped == MAP_FAILED ? nullptr : static_cast<std::int64_t*>(mapped);
}

void step() {
  static std::int64_t* const left = open_steps();
  if (!left || __atomic_load_n(left, __ATOMIC_SEQ_CST) <= 0) return;
  if (__atomic_sub_fetch(left, 1, __ATOMIC_SEQ_CST) == 0) kill(getpid(), SIGKILL);
}

time_t clock_ahead() {
  static const time_t seconds = [] {
    const char* text = std::getenv("CUMULET_TEST_CLOCK");
    return text ? static_cast<time_t>(std::atoll(text)) : 0;
  }();
  return seconds;
}

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int fsync(int file) {
  static const auto next = real<int(int)>("fsync");
  step();
  return next(file);
}

int fdatasync(int file) {
  static const auto next = real<int(int)>("fdatasync");
  step();
  return next(file);
}

int unlink(const char* path) noexcept {
  static const auto next = real<int(const char*)>("unlink");
  step();
  return next(path);
}

int unlinkat(int directory, const char* path, int flags) noexcept {
  static const auto next = real<int(int, const char*, int)>("unlinkat");
  step();
  return next(directory, path, flags);
}

int remove(const char* path) noexcept {
  static const auto next = real<int(const char*)>("remove");
  step();
  return next(path);
}

int rename(const char* from, const char* to) noexcept {
  static const auto next = real<int(const char*, const char*)>("rename");
  step();
  return next(from, to);
}

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static const auto next = real<int(clockid_t, timespec*)>("clock_gettime");
  const int result = next(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += clock_ahead();
  return result;
}
}
