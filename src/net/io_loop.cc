#include "net/io_loop.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <unordered_map>
#include <vector>

#include <time.h>
#include <unistd.h>

#include "base/log.h"

namespace cumulet::net {

namespace asio = boost::asio;

/// Timers are a heap of our own over one Asio timer that is only ever moved forward: a deadline that is set and
/// cancelled again, which is what nearly all of them are, costs no system call.
struct IoLoop::Impl {
  struct Due {
    SteadyTime when;
    TimerId id;
    bool operator<(const Due& other) const { return when > other.when || (when == other.when && id > other.id); }
  };

  using Timer = asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>,
                                           asio::io_context::executor_type>;

  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  Timer timer{io};
  SteadyTime armed = SteadyTime::max();
  std::vector<Due> heap;
  std::unordered_map<TimerId, std::function<void()>> timers;
  TimerId last_id = 0;

  void arm() {
    if (heap.empty() || heap.front().when >= armed) return;
    armed = heap.front().when;
    timer.expires_at(armed);
    timer.async_wait([this](const boost::system::error_code& error) {
      if (error) return;
      armed = SteadyTime::max();
      fire();
    });
  }

  void fire() {
    const SteadyTime now = std::chrono::steady_clock::now();
    while (!heap.empty() && heap.front().when <= now) {
      const TimerId id = pop();
      const auto found = timers.find(id);
      if (found == timers.end()) continue;
      const std::function<void()> work = std::move(found->second);
      timers.erase(found);
      run_guarded(work);
    }
    while (!heap.empty() && !timers.contains(heap.front().id)) pop();
    arm();
  }

  TimerId pop() {
    std::pop_heap(heap.begin(), heap.end());
    const TimerId id = heap.back().id;
    heap.pop_back();
    return id;
  }

  /// Cancelled timers stay in the heap until they are due; this keeps them from piling up.
  void compact() {
    if (heap.size() < 64 || heap.size() < 2 * timers.size()) return;
    std::erase_if(heap, [this](const Due& due) { return !timers.contains(due.id); });
    std::make_heap(heap.begin(), heap.end());
  }

  void run_until_stopped() {
    for (;;) {
      try {
        io.run();
        return;
      } catch (...) {
        (void)cumulet::detail::error_from_current_exception();
      }
    }
  }

  std::size_t poll() {
    try {
      return io.poll();
    } catch (...) {
      (void)cumulet::detail::error_from_current_exception();
      return 1;
    }
  }

  static void run_guarded(const std::function<void()>& work) {
    try {
      work();
    } catch (...) {
      (void)cumulet::detail::error_from_current_exception();
    }
  }
};

IoLoop::IoLoop() : impl_(std::make_unique<Impl>()) {}

IoLoop::~IoLoop() {
  // What the dropped work and timers own may look for its loop while it is destroyed.
  Loop* const outer = Loop::current();
  set_current(this);
  auto timers = std::move(impl_->timers);
  timers.clear();
  impl_.reset();
  set_current(outer);
}

void IoLoop::post(std::function<void()> work) { asio::post(impl_->io, std::move(work)); }

Loop::TimerId IoLoop::at(SteadyTime when, std::function<void()> work) {
  const TimerId id = ++impl_->last_id;
  impl_->timers.emplace(id, std::move(work));
  impl_->heap.push_back({when, id});
  std::push_heap(impl_->heap.begin(), impl_->heap.end());
  impl_->arm();
  return id;
}

void IoLoop::cancel(TimerId timer) {
  if (impl_->timers.erase(timer) != 0) impl_->compact();
}

void IoLoop::run() {
  Loop* const outer = Loop::current();
  set_current(this);
  impl_->run_until_stopped();
  // Then what is ready already, and what that makes ready at once: waits that were cancelled end here.
  const SteadyTime deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  do {
    impl_->io.restart();
  } while (impl_->poll() != 0 && std::chrono::steady_clock::now() < deadline);
  set_current(outer);
}

void IoLoop::stop() {
  asio::post(impl_->io, [this] { impl_->io.stop(); });
}

struct Descriptor::Impl {
  Impl(asio::io_context& io, int fd) : descriptor(io, fd) {}
  asio::posix::basic_stream_descriptor<asio::io_context::executor_type> descriptor;
};

Descriptor::Descriptor(IoLoop& loop, int fd) : impl_(std::make_unique<Impl>(loop.impl_->io, fd)), fd_(fd) {}

Descriptor::~Descriptor() { close(); }

void Descriptor::start_wait(bool for_write, std::coroutine_handle<> handle, bool* ready) {
  impl_->descriptor.async_wait(
      for_write ? asio::posix::descriptor_base::wait_write : asio::posix::descriptor_base::wait_read,
      [handle, ready](const boost::system::error_code& error) {
        *ready = !error;
        handle.resume();
      });
}

void Descriptor::cancel() {
  if (!open()) return;
  boost::system::error_code ignored;
  impl_->descriptor.cancel(ignored);
}

void Descriptor::close() {
  if (!open()) return;
  fd_ = -1;
  boost::system::error_code ignored;
  impl_->descriptor.close(ignored);
}

SteadyTime coarse_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return SteadyTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

}  // namespace cumulet::net
