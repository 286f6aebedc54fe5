#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/deferred.h"
#include "storage/database.h"
#include "storage/log.h"

namespace cumulet::dynamodb {

/// What commits say about shards: wakes who waits for records, and counts them, so that busy shards split. Thread-safe.
class StreamSignals {
 public:
  StreamSignals(storage::Database& database, std::uint64_t records_per_shard);

  /// Resolves at the next write to the shard. To be asked for before looking whether there is something already.
  Deferred<bool> next_write(const std::string& shard_rows);
  /// Forgets one that nobody waits for any more.
  void forget(const std::string& shard_rows, const Deferred<bool>& waiting);
  /// The shard has taken more records than one should (since this process began).
  bool is_busy(const std::string& shard_rows) const;
  void ended(const std::string& shard_rows);

 private:
  struct State {
    void written(std::string_view key);
    mutable std::mutex mutex;
    std::map<std::string, std::vector<Deferred<bool>>, std::less<>> waiting;
    std::map<std::string, std::uint64_t, std::less<>> counts;
  };
  std::shared_ptr<State> state_;
  std::uint64_t records_per_shard_;
};

}  // namespace cumulet::dynamodb
