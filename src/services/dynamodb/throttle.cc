#include "services/dynamodb/throttle.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/keys.h"

namespace cumulet::dynamodb {
namespace {

constexpr double kBurstSeconds = 300;
constexpr std::size_t kMaxBuckets = 100'000;

bool is_limited(const Table& table) {
  if (!table.on_demand || table.max_reads || table.max_writes) return true;
  return std::any_of(table.indexes.begin(), table.indexes.end(),
                     [](const Index& index) { return index.max_reads || index.max_writes; });
}

/// Units a second; nothing when there is no limit.
std::optional<double> rate_of(const Table& table, const Index* index, Capacity::Kind kind) {
  const bool read = kind == Capacity::Kind::kRead;
  if (!table.on_demand) {
    const Throughput& throughput = index && index->global ? index->throughput : table.throughput;
    return static_cast<double>(read ? throughput.read : throughput.write);
  }
  const bool of_index = index && index->global;
  const std::optional<std::int64_t>& most =
      of_index ? (read ? index->max_reads : index->max_writes) : (read ? table.max_reads : table.max_writes);
  if (!most || *most < 0) return std::nullopt;
  return static_cast<double>(*most);
}

Error exceeded(const Table& table, bool of_index) {
  if (table.on_demand) {
    return Error(errors::kThrottling, "Throughput exceeds the maximum OnDemandThroughput configured on table or index");
  }
  if (of_index) {
    return Error(errors::kThroughputExceeded,
                 "The level of configured provisioned throughput for one or more global secondary indexes of the table "
                 "was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary "
                 "indexes with the UpdateTable API");
  }
  return Error(errors::kThroughputExceeded,
               "The level of configured provisioned throughput for the table was exceeded. Consider increasing your "
               "provisioning level with the UpdateTable API.");
}

}  // namespace

Throttle::Bucket& Throttle::bucket(const Table& table, std::uint32_t index, Capacity::Kind kind, double rate,
                                   Timestamp now) {
  std::string key = keys::rows_of(table.rows, index);
  key += kind == Capacity::Kind::kRead ? 'r' : 'w';
  // Those of tables that are gone would stay for ever.
  if (buckets_.size() >= kMaxBuckets) buckets_.clear();
  const double full = rate * kBurstSeconds;
  const auto [at, fresh] = buckets_.try_emplace(std::move(key));
  Bucket& bucket = at->second;
  if (fresh) {
    bucket.units = full;
  } else if (now > bucket.filled) {
    bucket.units += rate * std::chrono::duration<double>(now - bucket.filled).count();
  }
  bucket.units = std::min(bucket.units, full);
  bucket.filled = std::max(now, bucket.filled);
  return bucket;
}

Result<void> Throttle::admit(const Table& table, const Index* index, Capacity::Kind kind, Timestamp now) {
  if (!is_limited(table)) return {};
  const bool of_index = index && index->global;
  const std::optional<double> rate = rate_of(table, index, kind);
  if (!rate) return {};
  {
    std::lock_guard lock(mutex_);
    if (bucket(table, of_index ? index->number : keys::kItems, kind, *rate, now).units > 0) return {};
  }
  metrics_.throttled(table, of_index ? index : nullptr, kind);
  return exceeded(table, of_index);
}

Result<void> Throttle::admit(const Table& table, const Capacity& wanted, Capacity::Kind kind, Timestamp now) {
  if (!is_limited(table)) return {};
  if (wanted.of_table() > 0) {
    if (Result<void> admitted = admit(table, nullptr, kind, now); !admitted) return admitted;
  }
  for (const auto& [name, units] : wanted.of_global_indexes()) {
    const Index* index = table.find_index(name);
    if (!index || units <= 0) continue;
    if (Result<void> admitted = admit(table, index, kind, now); !admitted) return admitted;
  }
  return {};
}

void Throttle::charge(const Table& table, const Capacity& taken, Capacity::Kind kind, Timestamp now) {
  if (!is_limited(table)) return;
  std::lock_guard lock(mutex_);
  if (const std::optional<double> rate = rate_of(table, nullptr, kind)) {
    bucket(table, keys::kItems, kind, *rate, now).units -= taken.of_table();
  }
  for (const auto& [name, units] : taken.of_global_indexes()) {
    const Index* index = table.find_index(name);
    if (!index) continue;
    const std::optional<double> rate = rate_of(table, index, kind);
    if (rate) bucket(table, index->number, kind, *rate, now).units -= units;
  }
}

}  // namespace cumulet::dynamodb
