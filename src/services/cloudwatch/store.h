#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "services/cloudwatch/series.h"
#include "services/cloudwatch/summary.h"
#include "storage/database.h"

namespace cumulet::cloudwatch {

/// Times are seconds since 1970. How finely data are kept, and for how long:
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
enum class Level : std::uint32_t { kSecond = 1, kMinute = 60, kFiveMinutes = 300, kHour = 3600 };
inline constexpr std::int64_t kHourSeconds = 3600;
inline constexpr std::int64_t kDaySeconds = 24 * kHourSeconds;
std::int64_t kept_for(Level level);
/// The begin of the step that a time is in.
std::int64_t floor_to(std::int64_t time, std::int64_t step);

/// Where a value goes: a bucket of a series.
struct BucketKey {
  BucketKey(Level l, std::int64_t t, std::uint8_t u) : level(l), time(t), unit(u) {}
  Level level;
  std::int64_t time;  ///< Begin of the bucket.
  std::uint8_t unit;
};
struct Bucket {
  Bucket(BucketKey k, Summary s) : key(k), summary(std::move(s)) {}
  BucketKey key;
  Summary summary;
};

/// A series as it is listed.
struct ListedSeries {
  ListedSeries(Series s, std::int64_t l) : series(std::move(s)), last(l) {}
  Series series;
  std::int64_t last = 0;  ///< About when it last got a value.
};

/// The keys of one account and region. Layout, all below ("cw", account, region):
///   ("m", namespace, name, dimensions)        series row: when it last got a value
///   ("d", hash, level, time, unit)            a bucket's summary. One-second buckets are there besides the minute's;
///   of
///                                             the others a value stands in one level only.
///   ("a", name)                               alarm
///   ("h", name, time, sequence)               an alarm's history
///   ("b", name)                               dashboard
class Store {
 public:
  Store(std::string account, std::string region) : account_(std::move(account)), region_(std::move(region)) {}

  const std::string& account() const { return account_; }
  const std::string& region() const { return region_; }

  std::string series_key(const Series& series) const;
  std::string bucket_key(const SeriesHash& hash, const BucketKey& key) const;

  static std::string series_value(std::int64_t last);
  static std::int64_t last_of(std::string_view value);

  /// Series after the key `after` (excluded), of a namespace and a name when they are given, and the key of the last.
  Task<std::vector<ListedSeries>> list_series(storage::Transaction& txn, std::string space, std::string name,
                                              std::string& after, std::size_t limit) const;
  /// Buckets of a level in [from, to), oldest first, up to `limit`.
  Task<std::vector<Bucket>> buckets(storage::Transaction& txn, SeriesHash hash, Level level, std::int64_t from,
                                    std::int64_t to, std::size_t limit) const;

  std::string prefix(std::string_view kind) const;

 private:
  std::string account_;
  std::string region_;
};

/// The accounts and regions that have rows: found by seeking, not by reading all.
Task<std::vector<Store>> list_stores(storage::Transaction& txn);

}  // namespace cumulet::cloudwatch
