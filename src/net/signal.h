#pragma once

#include <coroutine>
#include <utility>

#include "base/loop.h"

namespace cumulet::net {

/// One task waits for something that others bring about on the same loop. Whoever waits looks again at what it waited
/// for: it resumes soon after raise(), not inside it.
class Signal {
 public:
  class Wait {
   public:
    explicit Wait(Signal& signal) : signal_(signal) {}
    bool await_ready() const noexcept { return signal_.raised_; }
    void await_suspend(std::coroutine_handle<> handle) noexcept { signal_.waiter_ = handle; }
    void await_resume() const noexcept { signal_.raised_ = false; }

   private:
    Signal& signal_;
  };

  Signal() = default;
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;

  void raise() {
    raised_ = true;
    if (const auto waiter = std::exchange(waiter_, nullptr)) Loop::current()->post([waiter] { waiter.resume(); });
  }
  Wait wait() { return Wait(*this); }

 private:
  bool raised_ = false;
  std::coroutine_handle<> waiter_ = nullptr;
};

}  // namespace cumulet::net
