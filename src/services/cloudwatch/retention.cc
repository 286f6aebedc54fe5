#include "base/log.h"
#include "services/cloudwatch/cloudwatch.h"

namespace cumulet::cloudwatch {
namespace {

constexpr std::chrono::hours kSweepEvery{1};
constexpr std::size_t kSeriesAtOnce = 200;
constexpr std::size_t kBucketsAtOnce = 500;

struct RollUp {
  Level from;
  std::optional<Level> to;  ///< None: what is too old goes.
};

constexpr RollUp kSteps[] = {{Level::kSecond, std::nullopt},
                             {Level::kMinute, Level::kFiveMinutes},
                             {Level::kFiveMinutes, Level::kHour},
                             {Level::kHour, std::nullopt}};

}  // namespace

void CloudWatch::schedule_sweep(Loop& loop) {
  loop.at(std::chrono::steady_clock::now() + kSweepEvery, [this, &loop] {
    cumulet::start(sweep(), [this, &loop](const Result<void>& swept) {
      if (!swept.ok()) log::error("the sweep of metrics failed", {{"reason", swept.error().message()}});
      schedule_sweep(loop);
    });
  });
}

Task<void> CloudWatch::sweep() {
  const auto read = [](storage::Transaction& txn) { return list_stores(txn); };
  const std::vector<Store> stores = co_await storage::transact(database_, read);
  for (const Store& store : stores) co_await sweep_store(store);
}

Task<void> CloudWatch::sweep_store(Store store) {
  std::string after;
  do {
    std::string reached;
    const auto page = [&](storage::Transaction& txn) -> Task<std::vector<ListedSeries>> {
      reached = after;
      co_return co_await store.list_series(txn, "", "", reached, kSeriesAtOnce);
    };
    const std::vector<ListedSeries> listed = co_await storage::transact(database_, page);
    after = reached;
    for (const ListedSeries& series : listed) {
      co_await sweep_series(store, series.series);
      if (series.last >= clock_.now_seconds() - kept_for(Level::kHour)) continue;
      const auto erase = [&](storage::Transaction& txn) -> Task<void> {
        txn.erase(store.series_key(series.series));
        co_return;
      };
      co_await storage::transact(database_, erase);
    }
  } while (!after.empty());
}

/// Moves what a level no longer keeps into the next coarser one: in one transaction, so that no value is lost or
/// counted twice.
Task<void> CloudWatch::sweep_series(Store store, Series series) {
  const SeriesHash hash = hash_of(series);
  for (const RollUp& step : kSteps) {
    // Whole buckets of the coarser level only.
    const std::int64_t width = static_cast<std::int64_t>(step.to.value_or(step.from));
    const std::int64_t end = floor_to(clock_.now_seconds() - kept_for(step.from), width);
    bool more = true;
    while (more) {
      const auto move = [&](storage::Transaction& txn) -> Task<bool> {
        const std::vector<Bucket> buckets = co_await store.buckets(txn, hash, step.from, 0, end, kBucketsAtOnce);
        std::map<std::string, Summary> coarser;
        for (const Bucket& bucket : buckets) {
          txn.erase(store.bucket_key(hash, bucket.key));
          if (!step.to) continue;
          const BucketKey key(*step.to, floor_to(bucket.key.time, width), bucket.key.unit);
          coarser[store.bucket_key(hash, key)].merge(bucket.summary);
        }
        for (auto& [key, summary] : coarser) {
          const std::optional<std::string> before = co_await txn.get(key);
          if (before) summary.merge(Summary::read(*before));
          txn.put(key, summary.bytes());
        }
        co_return buckets.size() == kBucketsAtOnce;
      };
      more = co_await storage::transact(database_, move);
    }
  }
}

}  // namespace cumulet::cloudwatch
