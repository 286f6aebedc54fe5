#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/deferred.h"
#include "services/kinesis/load.h"
#include "services/kinesis/model.h"
#include "services/kinesis/store.h"
#include "services/kinesis/throughput.h"
#include "storage/database.h"

namespace cumulet::kinesis {

/// What this process knows of a shard beyond its rows.
struct LiveShard {
  explicit LiveShard(double limits) : throughput(limits) {}
  Position last = 0;     ///< The latest that was given to a record.
  Position durable = 0;  ///< Of the latest record that is written for good.
  Throughput throughput;
  Meter meter;                                      ///< Of streams in on-demand mode, as the sample.
  HashSample sample;                                ///< Also of what it had no throughput for.
  std::map<std::uint64_t, Deferred<bool>> readers;  ///< Those who wait for more.

  /// The position of a record that arrives now.
  Position next(Timestamp now) {
    last = std::max(last + 1, static_cast<Position>(now.time_since_epoch().count()));
    return last;
  }
};

/// The order of a stream's writes. Positions are given and commits begun under one lock, so that whoever sees a record
/// sees all before it: a commit is visible as soon as it has begun. Any thread.
class LiveStream {
 public:
  LiveStream(std::string id, double limits) : id_(std::move(id)), limits_(limits) {}

  using Shards = std::unordered_map<std::uint32_t, LiveShard>;

  /// Learns the last positions of shards that were not used since the start of the process. Called before all that
  /// follows, which then finds the shards.
  Task<void> learn(storage::Database& database, const Store& store, std::vector<const Shard*> shards);

  /// Runs `write(Shards&)`, which puts rows into the transaction, and commits: in the order in which callers come.
  template <typename Write>
  Task<void> commit(storage::Transaction& txn, Write write) {
    Deferred<void> done;
    {
      std::lock_guard lock(mutex_);
      write(shards_);
      start(txn.commit(), [done](Result<void> committed) { done.resolve(std::move(committed)); });
    }
    co_await done.wait();
  }

  template <typename F>
  auto with(std::uint32_t shard, F f) {
    std::lock_guard lock(mutex_);
    return f(shards_.at(shard));
  }

  /// Records up to these positions are written for good: wakes who waits for them.
  void written(const std::map<std::uint32_t, Position>& last);
  /// The stream was changed or deleted: wakes all who wait.
  void changed();

  /// Counts what was written to a stream in on-demand mode. Says whether a minute before has ended with it.
  bool count(Timestamp now, const Load& load);
  /// What was written since this was asked last.
  StreamLoad take_load(Timestamp now);

  std::uint64_t changes();  ///< How often it was changed.

  /// Ends when the shard has a record at `from` or later, when the stream was changed more often than that, or at the
  /// deadline.
  Task<void> wait(std::uint32_t shard, Position from, std::uint64_t changes, SteadyTime deadline);

 private:
  using Readers = std::vector<Deferred<bool>>;
  static void collect(const LiveShard& shard, Readers& readers);

  const std::string id_;
  const double limits_;
  std::mutex mutex_;
  Shards shards_;
  Meter meter_;
  std::uint64_t next_reader_ = 0;
  std::uint64_t changes_ = 0;
};

}  // namespace cumulet::kinesis
