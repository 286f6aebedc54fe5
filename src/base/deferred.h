#pragma once

#include <coroutine>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/loop.h"
#include "base/result.h"
#include "base/task.h"

namespace cumulet {

/// A value that comes later, from any thread: the bridge from callbacks, threads and timers into tasks. One producer
/// resolves it once (later resolutions are ignored, which is how a deadline races an answer); one task awaits it once
/// and resumes on its own loop. Copies share the state, so either side may outlive the other.
template <typename T>
class Deferred {
 public:
  Deferred() : state_(std::make_shared<State>()) {}

  /// Any thread. False when it was resolved before.
  bool resolve(Result<T> result) const {
    std::coroutine_handle<> waiter;
    Loop* loop = nullptr;
    {
      std::lock_guard lock(state_->mutex);
      if (state_->result) return false;
      state_->result.emplace(std::move(result));
      waiter = std::exchange(state_->waiter, nullptr);
      loop = state_->loop;
    }
    if (waiter) loop->post([state = state_, waiter] { waiter.resume(); });
    return true;
  }

  bool resolved() const {
    std::lock_guard lock(state_->mutex);
    return state_->result.has_value();
  }

  /// Waits without limit; the producer sees to it that an answer comes. The task holds the state: this Deferred need
  /// not outlive it.
  Task<T> wait() const { return wait_for(state_); }

  /// Waits until `deadline`, then resolves to `otherwise`.
  Task<T> wait_until(SteadyTime deadline, Error otherwise) const {
    return wait_for(state_, deadline, std::move(otherwise));
  }

 private:
  struct State {
    std::mutex mutex;
    std::optional<Result<T>> result;
    std::coroutine_handle<> waiter;
    Loop* loop = nullptr;
  };

  struct Awaiter {
    explicit Awaiter(std::shared_ptr<State> s) : state(std::move(s)) {}
    std::shared_ptr<State> state;
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> handle) const {
      std::lock_guard lock(state->mutex);
      if (state->result) return false;
      state->waiter = handle;
      state->loop = Loop::current();
      return true;
    }
    Result<T> await_resume() const {
      std::lock_guard lock(state->mutex);
      return std::move(*state->result);
    }
  };

  explicit Deferred(std::shared_ptr<State> state) : state_(std::move(state)) {}

  static Task<T> wait_for(std::shared_ptr<State> state) {
    Result<T> result = co_await Awaiter(std::move(state));
    co_return co_await std::move(result);
  }

  static Task<T> wait_for(std::shared_ptr<State> state, SteadyTime deadline, Error otherwise) {
    const Deferred self(std::move(state));
    if (self.resolved()) co_return co_await wait_for(self.state_);
    Loop* loop = Loop::current();
    const Loop::TimerId timer =
        loop->at(deadline, [self, error = std::move(otherwise)]() mutable { self.resolve(std::move(error)); });
    Result<T> result = co_await Awaiter(self.state_);
    loop->cancel(timer);
    co_return co_await std::move(result);
  }

  std::shared_ptr<State> state_;
};

}  // namespace cumulet
