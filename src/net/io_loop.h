#pragma once

#include <coroutine>
#include <memory>

#include "base/loop.h"

/// The event loop and the readiness of descriptors. Boost.Asio is inside io_loop.cc and nowhere else, so that another
/// reactor can take its place.
namespace cumulet::net {

/// A Loop that also watches sockets. One thread calls run(); everything but post and stop is for that thread, or for
/// any one thread while no thread runs it.
class IoLoop final : public Loop {
 public:
  IoLoop();
  /// Work that was not run is dropped with it.
  ~IoLoop() override;
  IoLoop(const IoLoop&) = delete;
  IoLoop& operator=(const IoLoop&) = delete;

  void post(std::function<void()> work) override;
  TimerId at(SteadyTime when, std::function<void()> work) override;
  void cancel(TimerId timer) override;

  /// Runs until stop(). An exception that leaves a piece of work is logged as our bug, and the loop goes on.
  void run();
  /// Ends run() once the work posted before is done. Any thread.
  void stop();

 private:
  friend class Descriptor;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A non-blocking descriptor whose readiness is awaited on its loop: by one task for reading and one for writing. Owns
/// and closes it.
class Descriptor {
 public:
  /// `co_await` gives false when cancel() or close() ended the wait.
  class Wait {
   public:
    Wait(Descriptor& descriptor, bool for_write) : descriptor_(descriptor), for_write_(for_write) {}
    bool await_ready() const noexcept { return !descriptor_.open(); }
    void await_suspend(std::coroutine_handle<> handle) { descriptor_.start_wait(for_write_, handle, &ready_); }
    bool await_resume() const noexcept { return ready_; }

   private:
    Descriptor& descriptor_;
    bool for_write_;
    bool ready_ = false;
  };

  Descriptor(IoLoop& loop, int fd);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  Wait readable() { return Wait(*this, false); }
  Wait writable() { return Wait(*this, true); }
  /// Ends the waits that are under way, if any; the waiting tasks resume soon, not inside this call.
  void cancel();
  void close();

 private:
  void start_wait(bool for_write, std::coroutine_handle<> handle, bool* ready);

  struct Impl;
  std::unique_ptr<Impl> impl_;
  int fd_;
};

/// Steady time to some milliseconds, cheaply: for deadlines of seconds.
SteadyTime coarse_now();

}  // namespace cumulet::net
