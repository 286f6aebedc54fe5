#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/loop.h"
#include "compute/sandbox/life.h"
#include "compute/sandbox/network.h"
#include "compute/sandbox/warden.h"
#include "compute/sandbox/watcher.h"

namespace cumulet::compute::sandbox {

/// Makes the parts of sandboxes ahead of need and clears up after those that have gone, on a thread of its own: both
/// are slow work of the kernel (network namespaces; moving a process into a v1 group waits for all processors), which
/// no start should wait for. The warden lives as long as this thread.
class Keeper {
 public:
  /// Begins; `wait_until_ready` says whether it can work.
  static Result<std::unique_ptr<Keeper>> make(const GroupForest& forest);
  Result<void> wait_until_ready() { return ready_to_work_.get(); }
  ~Keeper();  ///< Ends all sandboxes, and waits until everything is cleared up, two seconds at most.
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// Takes one whose init waits, or waits for the next. One thread at a time.
  Result<std::shared_ptr<Life>> take(SteadyTime deadline);
  /// Starts a zygote: gives the other end of its control socket, which hangs up when it has ended. Any thread.
  Result<Fd> start_zygote(std::string_view message, std::vector<int> descriptors);
  /// The system call filter of sandboxes, once ready.
  const std::string& filter() const { return filter_; }
  /// It is not wanted any more: kills it and gives back what it had. Any thread.
  void give_back(std::shared_ptr<Life> life);

 private:
  using Lives = std::vector<std::shared_ptr<Life>>;

  explicit Keeper(const GroupForest& forest) : forest_(forest) {}
  Result<void> prepare();
  void run(std::promise<Result<void>> prepared);
  void notice_changes();  // under the lock
  bool has_work() const;  // under the lock
  void clear(std::unique_lock<std::mutex>& lock);
  void make_one(std::unique_lock<std::mutex>& lock);
  Result<std::shared_ptr<Life>> create(std::uint32_t slot);
  Result<void> request(const Life& life, Fd control);
  void note_failure(Error error);  // under the lock

  const GroupForest& forest_;
  std::string filter_;
  std::optional<NetworkMaker> network_;
  std::mutex warden_mutex_;  // only the keeper's thread replaces it
  std::unique_ptr<Warden> warden_;
  std::unique_ptr<Watcher> watcher_;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  bool wanted_ = false;           // a taker waits
  bool broken_ = false;           // the last attempt failed: only a taker causes another one
  std::optional<Error> failure_;  // for the taker
  Lives preparing_;
  std::deque<std::shared_ptr<Life>> ready_;
  Lives leaving_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t next_slot_ = 0;
  std::future<Result<void>> ready_to_work_;
  std::thread thread_;
};

}  // namespace cumulet::compute::sandbox
