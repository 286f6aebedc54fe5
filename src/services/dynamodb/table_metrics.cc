#include "services/dynamodb/table_metrics.h"

#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

/// Those of tables that are gone would stay for ever.
constexpr std::size_t kMaxSeries = 20'000;

}  // namespace

/// A metric with its dimensions, those that are not empty.
struct TableMetrics::Name {
  Name(std::string_view a, std::string_view r, std::string_view m) : account(a), region(r), metric(m) {}
  Name& of(std::string_view t) {
    table = t;
    return *this;
  }
  Name& by(std::string_view dimension_name, std::string_view v) {
    dimension = dimension_name;
    value = v;
    return *this;
  }
  Name& in(std::string_view u) {
    unit = u;
    return *this;
  }
  std::string key() const {
    std::string key;
    key.reserve(128);
    for (const std::string_view part : {account, region, metric, table, dimension, value}) {
      key.append(part).push_back('\0');
    }
    return key;
  }
  events::MetricSample sample() const {
    events::MetricSample sample((std::string(account)), std::string(region), "AWS/DynamoDB", metric);
    if (!table.empty()) sample.dimensions.emplace_back("TableName", table);
    if (!dimension.empty()) sample.dimensions.emplace_back(dimension, value);
    sample.unit = unit;
    return sample;
  }

  std::string_view account;
  std::string_view region;
  std::string_view metric;
  std::string_view table;
  std::string_view dimension;
  std::string_view value;
  std::string_view unit = "Count";
};

void TableMetrics::record(const Name& name, double value) {
  std::shared_ptr<events::MetricSeries> series;
  std::string key = name.key();
  {
    std::lock_guard lock(mutex_);
    if (const auto found = series_.find(key); found != series_.end()) series = found->second;
  }
  if (!series) {
    series = sink_->series(name.sample());
    if (!series) return;
    std::lock_guard lock(mutex_);
    if (series_.size() >= kMaxSeries) series_.clear();
    series_.emplace(std::move(key), series);
  }
  series->record(value);
}

void TableMetrics::consumed(const Table& table, const Capacity& taken, Capacity::Kind kind) {
  if (sink_ == nullptr) return;
  const std::string_view metric =
      kind == Capacity::Kind::kRead ? "ConsumedReadCapacityUnits" : "ConsumedWriteCapacityUnits";
  if (taken.of_table() > 0) record(Name(table.account, table.region, metric).of(table.name), taken.of_table());
  for (const auto& [index, units] : taken.of_global_indexes()) {
    record(Name(table.account, table.region, metric).of(table.name).by("GlobalSecondaryIndexName", index), units);
  }
}

void TableMetrics::throttled(const Table& table, const Index* index, Capacity::Kind kind) {
  if (sink_ == nullptr) return;
  Name name(table.account, table.region, kind == Capacity::Kind::kRead ? "ReadThrottleEvents" : "WriteThrottleEvents");
  name.of(table.name);
  if (index) name.by("GlobalSecondaryIndexName", index->name);
  record(name, 1);
}

void TableMetrics::expired(const Table& table, std::size_t items) {
  if (sink_ == nullptr || items == 0) return;
  record(Name(table.account, table.region, "TimeToLiveDeletedItemCount").of(table.name), static_cast<double>(items));
}

void TableMetrics::succeeded(const wire::Call& call, const std::string& table, std::chrono::nanoseconds latency) {
  if (sink_ == nullptr) return;
  Name name(call.account(), call.region, "SuccessfulRequestLatency");
  record(name.of(table).by("Operation", call.operation).in("Milliseconds"), static_cast<double>(latency.count()) / 1e6);
}

void TableMetrics::returned(const wire::Call& call, const std::string& table, std::int64_t items) {
  if (sink_ == nullptr) return;
  Name name(call.account(), call.region, "ReturnedItemCount");
  record(name.of(table).by("Operation", call.operation), static_cast<double>(items));
}

void TableMetrics::failed(const wire::Call& call, const std::string& table, const Error& error) {
  if (sink_ == nullptr) return;
  const auto name = [&](std::string_view metric) { return Name(call.account(), call.region, metric); };
  if (error.http_status() >= 500) {
    if (!table.empty()) record(name("SystemErrors").of(table).by("Operation", call.operation), 1);
  } else if (error.is(errors::kConditionalCheckFailed)) {
    if (!table.empty()) record(name("ConditionalCheckFailedRequests").of(table), 1);
  } else if (error.is(errors::kThroughputExceeded) || error.is(errors::kThrottling)) {
    if (!table.empty()) record(name("ThrottledRequests").of(table).by("Operation", call.operation), 1);
  } else {
    record(name("UserErrors"), 1);
  }
}

}  // namespace cumulet::dynamodb
