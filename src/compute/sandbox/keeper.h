#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "compute/sandbox/life.h"
#include "compute/sandbox/network.h"

namespace cumulet::compute::sandbox {

/// Makes cells ahead of need and clears up after sandboxes that have gone, on a thread of its own: both are slow work
/// of the kernel (network namespaces above all) that no start should wait for.
class Keeper {
 public:
  explicit Keeper(const GroupForest& forest);
  ~Keeper();  ///< Waits until everything given back is cleared up, two seconds at most.
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// A cell that is ready, or none.
  bool take(Cell& cell);
  /// Makes a cell now, on the calling thread.
  Result<Cell> make(NetworkMaker& network);
  /// The sandbox is not wanted any more: kills it and gives back what it had.
  void give_back(std::shared_ptr<Life> life);

 private:
  void run();
  bool clear(const Life& life);
  bool refill(NetworkMaker& network);
  Result<std::uint32_t> take_slot();

  const GroupForest& forest_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::deque<Cell> ready_;
  std::vector<std::shared_ptr<Life>> leaving_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t next_slot_ = 0;
  bool broken_ = false;  // cells cannot be made ahead of need: starts make their own, and say why they cannot
  std::thread thread_;
};

}  // namespace cumulet::compute::sandbox
