#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

#include "base/deferred.h"

namespace cumulet {

/// Threads for work that blocks (disk, name look-ups, compression). `blocking` is the only way off a loop.
class ThreadPool {
 public:
  explicit ThreadPool(std::size_t threads);
  ~ThreadPool();  ///< Runs what is queued, then joins.
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void submit(std::function<void()> work);

 private:
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

namespace detail {
template <typename T>
struct BlockingResult {
  using type = T;
};
template <typename T>
struct BlockingResult<Result<T>> {
  using type = T;
};
}  // namespace detail

/// Runs `work` (returning a T or a Result<T>) on the pool; the task resumes on its own loop with the T.
template <typename F>
auto blocking(ThreadPool& pool, F work) -> Task<typename detail::BlockingResult<std::invoke_result_t<F&>>::type> {
  using T = typename detail::BlockingResult<std::invoke_result_t<F&>>::type;
  Deferred<T> answer;
  auto shared_work = std::make_shared<F>(std::move(work));
  pool.submit([answer, shared_work] {
    try {
      if constexpr (std::is_void_v<std::invoke_result_t<F&>>) {
        (*shared_work)();
        answer.resolve(Result<void>());
      } else {
        answer.resolve((*shared_work)());
      }
    } catch (...) {
      answer.resolve(detail::error_from_current_exception());
    }
  });
  return answer.wait();
}

}  // namespace cumulet
