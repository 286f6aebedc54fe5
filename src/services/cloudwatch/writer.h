#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/deferred.h"
#include "base/loop.h"
#include "services/cloudwatch/store.h"
#include "storage/database.h"

namespace cumulet::cloudwatch {

/// A summary on its way to the bucket of its time. `fine`: also one-second buckets are kept.
struct Sample {
  Sample(std::string a, std::string r, Series s, std::int64_t t, std::uint8_t u, bool f, Summary v)
      : account(std::move(a)),
        region(std::move(r)),
        series(std::move(s)),
        time(t),
        unit(u),
        fine(f),
        summary(std::move(v)) {}
  std::string account;
  std::string region;
  Series series;
  std::int64_t time;  ///< Seconds since 1970.
  std::uint8_t unit;
  bool fine;
  Summary summary;
};

/// The only one that writes data: merges what arrives while a commit is under way, and writes all of it with the next
/// one. So any number of callers share a commit, and two values for one bucket never are in each other's way.
class Writer {
 public:
  Writer(storage::Database& database, const Clock& clock);

  /// Ends when the samples are durable. Fails with Throttling when too much waits to be written. Any loop.
  Task<void> write(std::vector<Sample> samples);
  /// The same without waiting; what finds no room is dropped and counted. Any thread.
  void queue(std::vector<Sample> samples);

  /// Writes on that loop from now on. Any thread.
  void start(Loop& loop);
  /// Waits until all that was queued is written. Not on a loop.
  void drain(SteadyTime deadline);

 private:
  struct Batch {
    std::map<std::string, Summary> buckets;      ///< By the row's key.
    std::map<std::string, std::int64_t> series;  ///< By the row's key: when they last got a value.
    std::vector<Deferred<void>> waiting;
  };

  /// Holding the mutex; false when there is no room.
  bool gather(std::vector<Sample> samples);
  void begin_writing();
  Task<void> write_all();
  Task<void> write_batch(const Batch& batch);
  Task<void> write_buckets(std::map<std::string, Summary>::const_iterator begin,
                           std::map<std::string, Summary>::const_iterator end);
  Task<void> note_series(const Batch& batch);

  storage::Database& database_;
  const Clock& clock_;

  std::mutex mutex_;
  Batch pending_;
  Loop* loop_ = nullptr;
  bool writing_ = false;

  /// Of the writing task: what series rows say, so that they are not read for every value.
  std::unordered_map<std::string, std::int64_t> noted_;
};

}  // namespace cumulet::cloudwatch
