#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "base/result.h"

/// Task<T>: a lazily started coroutine that ends with a T or with an Error.
///
///  - `co_await task` starts it and gives its T. If it ended with an Error, the *awaiting* task ends with that Error
///  too:
///    its frame is destroyed where it stands (destructors run), so the happy path reads straight down.
///  - `co_await attempt(task)` gives the Result<T> to look at.
///  - `co_await result` unwraps a Result<T> in the same way; `co_await fail(error)` ends the task (in a Task<T> with a
///    value, `co_return Error(...)` does the same).
///  - An exception that leaves a task's body becomes InternalFailure, counted and logged as our bug.
///
/// A task runs on the loop that started it. A task that was started is never abandoned: it is awaited to its end, and
/// every wait inside it has a deadline. Only `start` (below) begins a task outside another one.
namespace cumulet {

template <typename T>
class Task;

/// What `fail` returns; only a Task can await it.
struct Failure {
  explicit Failure(Error e) : error(std::move(e)) {}
  Error error;
};
inline Failure fail(Error error) { return Failure(std::move(error)); }
inline Failure fail(ErrorKind kind, std::string message) { return Failure(Error(kind, std::move(message))); }

namespace detail {

/// Turns the exception in flight into the Error that the client sees, counts it and logs it.
Error error_from_current_exception() noexcept;

class PromiseBase {
 public:
  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <typename Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> handle) const noexcept {
      PromiseBase& self = handle.promise();
      return self.error_ ? self.propagate() : self.continuation_;
    }
    void await_resume() const noexcept {}
  };

  std::suspend_always initial_suspend() const noexcept { return {}; }
  FinalAwaiter final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { error_ = std::make_unique<Error>(error_from_current_exception()); }

  /// Hands error_ up the chain of awaiting tasks to the first that looks at results, and gives that one's handle. The
  /// tasks between stay suspended where they are and are destroyed with the task that the handle's owner awaited.
  std::coroutine_handle<> propagate() noexcept {
    PromiseBase* at = this;
    while (!at->awaiter_takes_result_) {
      PromiseBase* up = at->parent_;
      up->error_ = std::move(at->error_);
      at = up;
    }
    return at->continuation_;
  }

  void set_awaiter(std::coroutine_handle<> continuation, PromiseBase* parent, bool takes_result) noexcept {
    continuation_ = continuation;
    parent_ = parent;
    awaiter_takes_result_ = takes_result;
  }

  void set_error(Error error) { error_ = std::make_unique<Error>(std::move(error)); }
  std::unique_ptr<Error>& error() { return error_; }

 private:
  std::coroutine_handle<> continuation_ = std::noop_coroutine();
  PromiseBase* parent_ = nullptr;
  bool awaiter_takes_result_ = false;
  std::unique_ptr<Error> error_;
};

struct FailureAwaiter {
  explicit FailureAwaiter(PromiseBase* p) : promise(p) {}
  PromiseBase* promise;
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) const noexcept { return promise->propagate(); }
  void await_resume() const noexcept {}
};

template <typename T>
struct ResultAwaiter {
  ResultAwaiter(PromiseBase* p, Result<T> r) : promise(p), result(std::move(r)) {}
  PromiseBase* promise;
  Result<T> result;
  bool await_ready() const noexcept { return result.ok(); }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<>) {
    promise->set_error(std::move(result).error());
    return promise->propagate();
  }
  T await_resume() {
    if constexpr (!std::is_void_v<T>) return std::move(result).value();
  }
};

template <typename T>
struct TaskAwaiter;
template <typename T>
struct AttemptAwaiter;

}  // namespace detail

/// What `attempt` returns: awaiting it gives the Result.
template <typename T>
struct [[nodiscard]] Attempt {
  explicit Attempt(Task<T> t) : task(std::move(t)) {}
  Task<T> task;
};

namespace detail {

/// How a task's body may await: tasks, attempts, results, failures, and any other awaiter as it is.
template <typename Promise>
class AwaitTransforms : public PromiseBase {
 public:
  template <typename U>
  TaskAwaiter<U> await_transform(Task<U> task) {
    return TaskAwaiter<U>(std::move(task), this);
  }
  template <typename U>
  AttemptAwaiter<U> await_transform(Attempt<U> attempt) {
    return AttemptAwaiter<U>(std::move(attempt.task));
  }
  template <typename U>
  ResultAwaiter<U> await_transform(Result<U> result) {
    return ResultAwaiter<U>(this, std::move(result));
  }
  FailureAwaiter await_transform(Failure failure) {
    set_error(std::move(failure.error));
    return FailureAwaiter(this);
  }
  template <typename Awaiter>
  requires requires(Awaiter& a) { a.await_ready(); }
  Awaiter&& await_transform(Awaiter&& awaiter) { return std::forward<Awaiter>(awaiter); }
};

template <typename T>
class Promise : public AwaitTransforms<Promise<T>> {
 public:
  Task<T> get_return_object() noexcept;
  void return_value(T value) { value_.emplace(std::move(value)); }
  void return_value(Error error) { this->set_error(std::move(error)); }
  void return_value(Result<T> result) {
    if (result.ok()) {
      value_.emplace(std::move(result).value());
    } else {
      this->set_error(std::move(result).error());
    }
  }
  T take_value() { return std::move(*value_); }
  Result<T> take_result() {
    if (this->error()) return std::move(*this->error());
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class Promise<void> : public AwaitTransforms<Promise<void>> {
 public:
  Task<void> get_return_object() noexcept;
  void return_void() const noexcept {}
  void take_value() const noexcept {}
  Result<void> take_result() {
    if (error()) return std::move(*error());
    return {};
  }
};

}  // namespace detail

template <typename T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;
  using value_type = T;

  explicit Task(Handle handle) noexcept : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    if (this != &other) {
      if (handle_) handle_.destroy();
      handle_ = std::exchange(other.handle_, nullptr);
    }
    return *this;
  }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  Handle handle() const noexcept { return handle_; }

 private:
  Handle handle_;
};

namespace detail {

template <typename T>
struct TaskAwaiter {
  TaskAwaiter(Task<T> t, PromiseBase* p) : task(std::move(t)), parent(p) {}
  Task<T> task;
  PromiseBase* parent;
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    task.handle().promise().set_awaiter(awaiting, parent, false);
    return task.handle();
  }
  T await_resume() { return task.handle().promise().take_value(); }
};

template <typename T>
struct AttemptAwaiter {
  explicit AttemptAwaiter(Task<T> t) : task(std::move(t)) {}
  Task<T> task;
  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    task.handle().promise().set_awaiter(awaiting, nullptr, true);
    return task.handle();
  }
  Result<T> await_resume() { return task.handle().promise().take_result(); }
};

template <typename T>
Task<T> Promise<T>::get_return_object() noexcept {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() noexcept {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

/// A coroutine that owns itself: starts at once, ends by destroying its frame. Only `start` makes one.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
    template <typename U>
    AttemptAwaiter<U> await_transform(Attempt<U> attempt) {
      return AttemptAwaiter<U>(std::move(attempt.task));
    }
  };
};

template <typename T, typename Done>
Detached run_detached(Task<T> task, Done done) {
  Result<T> result = co_await Attempt<T>(std::move(task));
  done(std::move(result));
}

}  // namespace detail

/// `co_await attempt(task)` gives the task's Result instead of unwrapping it.
template <typename T>
Attempt<T> attempt(Task<T> task) {
  return Attempt<T>(std::move(task));
}

/// Begins a task outside any other one, on the calling thread (which must be its loop's); `done(Result<T>)` is called
/// when it has ended. The caller sees to it that what the task refers to lives until then.
template <typename T, typename Done>
void start(Task<T> task, Done done) {
  detail::run_detached(std::move(task), std::move(done));
}

}  // namespace cumulet
