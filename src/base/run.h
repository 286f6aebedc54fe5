#pragma once

#include <optional>
#include <utility>

#include "base/loop.h"

namespace cumulet {

/// A loop on the calling thread, for tests and for the command line: no sockets, only posted work and timers.
class LocalLoop final : public Loop {
 public:
  LocalLoop();
  ~LocalLoop() override;
  void post(std::function<void()> work) override;
  TimerId at(SteadyTime when, std::function<void()> work) override;
  void cancel(TimerId timer) override;

  /// Runs the task to its end and gives its result.
  template <typename T>
  Result<T> run(Task<T> task) {
    std::optional<Result<T>> result;
    start(std::move(task), [&result](Result<T> r) { result.emplace(std::move(r)); });
    while (!result) run_one();
    return std::move(*result);
  }

 private:
  void run_one();  ///< Waits for the next piece of work and runs it.
  struct Queue;
  std::unique_ptr<Queue> queue_;
  Loop* outer_;
};

/// Runs a task on a loop of its own.
template <typename T>
Result<T> run(Task<T> task) {
  LocalLoop loop;
  return loop.run(std::move(task));
}

}  // namespace cumulet
