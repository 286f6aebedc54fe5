#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/error.h"
#include "events/metric_sink.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/table.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// What tables report to CloudWatch, as AWS/DynamoDB. Any thread.
/// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
class TableMetrics {
 public:
  /// Without a sink nothing is reported.
  explicit TableMetrics(events::MetricSink* sink) : sink_(sink) {}

  /// ConsumedReadCapacityUnits or ConsumedWriteCapacityUnits of the table and of its global indexes.
  void consumed(const Table& table, const Capacity& taken, Capacity::Kind kind);
  /// ReadThrottleEvents or WriteThrottleEvents; `index`: a global one, or null for the table.
  void throttled(const Table& table, const Index* index, Capacity::Kind kind);
  /// TimeToLiveDeletedItemCount.
  void expired(const Table& table, std::size_t items);
  /// SuccessfulRequestLatency of a table's operation.
  void succeeded(const wire::Call& call, const std::string& table, std::chrono::nanoseconds latency);
  /// ReturnedItemCount of a Query or Scan.
  void returned(const wire::Call& call, const std::string& table, std::int64_t items);
  /// What an operation on that table (empty: on none, or on several) failed with.
  void failed(const wire::Call& call, const std::string& table, const Error& error);

 private:
  struct Name;
  void record(const Name& name, double value);

  events::MetricSink* sink_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<events::MetricSeries>> series_;
};

}  // namespace cumulet::dynamodb
