#include "services/cloudwatch/read.h"

#include <algorithm>
#include <set>

namespace cumulet::cloudwatch {
namespace {

constexpr std::int64_t kPeriodsAtOnce = 1440;
constexpr std::size_t kBucketsAtOnce = 2000;

/// How far back values of that period go.
std::int64_t reach(std::int64_t period) {
  if (period < 60) return kept_for(Level::kSecond);
  if (period % 3600 == 0) return kept_for(Level::kHour);
  return kept_for(period % 300 == 0 ? Level::kFiveMinutes : Level::kMinute);
}

std::vector<Level> levels_of(std::int64_t period) {
  if (period < 60) return {Level::kSecond};
  std::vector<Level> levels{Level::kMinute};
  if (period % 300 == 0) levels.push_back(Level::kFiveMinutes);
  if (period % 3600 == 0) levels.push_back(Level::kHour);
  return levels;
}

}  // namespace

bool is_period(std::int64_t period) {
  return period == 1 || period == 5 || period == 10 || period == 20 || period == 30 || (period > 0 && period % 60 == 0);
}

Task<void> read_periods(storage::Database& database, Store store, Series series, std::optional<std::uint8_t> unit,
                        Range range, std::int64_t now, EachPeriod each) {
  const SeriesHash hash = hash_of(series);
  // Whole periods from the first that is still kept.
  const std::int64_t missed = std::max<std::int64_t>(0, now - reach(range.period) - range.from);
  std::int64_t begin = range.from + (missed + range.period - 1) / range.period * range.period;
  while (begin < range.to) {
    const std::int64_t end = std::min(range.to, begin + kPeriodsAtOnce * range.period);
    std::map<std::int64_t, Summary> periods;
    for (const Level level : levels_of(range.period)) {
      std::int64_t from = begin;
      while (from < end) {
        const auto page = [&](storage::Transaction& txn) {
          return store.buckets(txn, hash, level, from, end, kBucketsAtOnce);
        };
        const std::vector<Bucket> buckets = co_await storage::transact(database, page);
        // Buckets of one time differ by their unit: those of a full page's last time are read again with the next one.
        const bool full = buckets.size() == kBucketsAtOnce;
        const std::int64_t last = full ? buckets.back().key.time : end;
        for (const Bucket& bucket : buckets) {
          if (bucket.key.time == last) break;
          if (unit && bucket.key.unit != *unit) continue;
          periods[range.from + floor_to(bucket.key.time - range.from, range.period)].merge(bucket.summary);
        }
        from = last;
      }
    }
    for (const auto& [time, summary] : periods) each(time, summary);
    begin = end;
  }
}

Task<std::vector<std::uint8_t>> units_of(storage::Database& database, Store store, Series series, Range range) {
  std::set<std::uint8_t> units;
  const SeriesHash hash = hash_of(series);
  for (const Level level : levels_of(range.period)) {
    std::int64_t from = range.from;
    while (from < range.to) {
      const auto page = [&](storage::Transaction& txn) {
        return store.buckets(txn, hash, level, from, range.to, kBucketsAtOnce);
      };
      const std::vector<Bucket> buckets = co_await storage::transact(database, page);
      for (const Bucket& bucket : buckets) units.insert(bucket.key.unit);
      if (buckets.size() < kBucketsAtOnce) break;
      from = buckets.back().key.time;
    }
  }
  co_return std::vector<std::uint8_t>(units.begin(), units.end());
}

Task<Points> read_points(storage::Database& database, Store store, Series series, std::optional<std::uint8_t> unit,
                         Range range, Statistic statistic, std::int64_t now) {
  Points points;
  const EachPeriod each = [&points, statistic](std::int64_t time, const Summary& summary) {
    if (const std::optional<double> value = statistic.of(summary)) points.emplace_back(time, *value);
  };
  co_await read_periods(database, std::move(store), std::move(series), unit, range, now, each);
  co_return points;
}

}  // namespace cumulet::cloudwatch
