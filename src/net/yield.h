#pragma once

#include <coroutine>

#include "base/loop.h"

namespace cumulet::net {

/// `co_await Yield()`: lets the loop's other work go first.
struct Yield {
  Yield() = default;
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> handle) const {
    Loop::current()->post([handle] { handle.resume(); });
  }
  void await_resume() const noexcept {}
};

}  // namespace cumulet::net
