#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/result.h"
#include "base/task.h"

namespace cumulet {

using SteadyTime = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// One thread that runs tasks and their timers. Everything a task does happens on the loop that started it; only `post`
/// may be called from other threads.
class Loop {
 public:
  using TimerId = std::uint64_t;

  virtual ~Loop() = default;
  /// Runs `work` on this loop's thread, soon. Any thread.
  virtual void post(std::function<void()> work) = 0;
  /// Runs `work` at `when`, unless cancelled. This loop's thread only.
  virtual TimerId at(SteadyTime when, std::function<void()> work) = 0;
  /// Forgets a timer; one that has fired already is ignored. This loop's thread only.
  virtual void cancel(TimerId timer) = 0;

  /// The loop whose thread this is; null on a thread that is no loop's.
  static Loop* current() { return current_; }

 protected:
  static void set_current(Loop* loop) { current_ = loop; }

 private:
  static thread_local Loop* current_;
};

/// `co_await sleep_until(t)`: resumes on the same loop.
struct SleepAwaiter {
  explicit SleepAwaiter(SteadyTime t) : when(t) {}
  SteadyTime when;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const {
    Loop::current()->at(when, [handle] { handle.resume(); });
  }
  void await_resume() const noexcept {}
};
inline SleepAwaiter sleep_until(SteadyTime when) { return SleepAwaiter(when); }
inline SleepAwaiter sleep_for(std::chrono::nanoseconds duration) {
  return SleepAwaiter(std::chrono::steady_clock::now() + duration);
}

}  // namespace cumulet
