#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/table_metrics.h"

namespace cumulet::dynamodb {

/// Provisioned throughput: a bucket for the reads and one for the writes of each table and each global index, which
/// fills with its units a second and holds what was not used in 300 seconds. A request is let through while there is
/// anything left, and may leave a debt that later ones wait for. Local indexes take from their table's buckets. The
/// maximum of an on-demand table is kept in the same way. Buckets live in memory: after a restart all are full.
/// Thread-safe.
class Throttle {
 public:
  /// Refusals are told to `metrics`.
  explicit Throttle(TableMetrics& metrics) : metrics_(metrics) {}

  /// Whether all that `wanted` takes from has units left. Fails with ProvisionedThroughputExceededException, or
  /// ThrottlingException for on-demand tables. Takes nothing.
  Result<void> admit(const Table& table, const Capacity& wanted, Capacity::Kind kind, Timestamp now);
  /// The same for the table alone (no index) or for one of its indexes, before it is known how much will be taken.
  Result<void> admit(const Table& table, const Index* index, Capacity::Kind kind, Timestamp now);
  void charge(const Table& table, const Capacity& taken, Capacity::Kind kind, Timestamp now);

 private:
  struct Bucket {
    double units = 0;
    Timestamp filled{};
  };
  /// The bucket as it is at that time; the lock must be held.
  Bucket& bucket(const Table& table, std::uint32_t index, Capacity::Kind kind, double rate, Timestamp now);

  TableMetrics& metrics_;
  std::mutex mutex_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace cumulet::dynamodb
