#include "services/cloudwatch/writer.h"

#include <thread>

#include "base/log.h"
#include "base/metrics.h"

namespace cumulet::cloudwatch {
namespace {

constexpr std::size_t kPendingBuckets = 100'000;
constexpr std::size_t kBucketsAtOnce = 4000;
constexpr std::size_t kNotedSeries = 100'000;
/// How far behind the last value a series row may be.
constexpr std::int64_t kNoteEvery = 600;

}  // namespace

Writer::Writer(storage::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

bool Writer::gather(std::vector<Sample> samples) {
  if (pending_.buckets.size() + samples.size() > kPendingBuckets) return false;
  const std::int64_t now = clock_.now_seconds();
  for (Sample& sample : samples) {
    const Store store(sample.account, sample.region);
    const SeriesHash hash = hash_of(sample.series);
    std::int64_t& last = pending_.series.try_emplace(store.series_key(sample.series), INT64_MIN).first->second;
    last = std::max(last, sample.time);
    if (sample.fine && sample.time >= now - kept_for(Level::kSecond)) {
      const BucketKey second(Level::kSecond, sample.time, sample.unit);
      pending_.buckets[store.bucket_key(hash, second)].merge(sample.summary);
    }
    const BucketKey minute(Level::kMinute, floor_to(sample.time, 60), sample.unit);
    pending_.buckets[store.bucket_key(hash, minute)].merge(sample.summary);
  }
  return true;
}

Task<void> Writer::write(std::vector<Sample> samples) {
  const Deferred<void> done;
  bool room = false;
  {
    const std::lock_guard lock(mutex_);
    room = gather(std::move(samples));
    if (room) {
      pending_.waiting.push_back(done);
      begin_writing();
    }
  }
  if (!room) co_await fail(Error("Throttling", 400, "Rate exceeded"));
  co_await done.wait();
}

void Writer::queue(std::vector<Sample> samples) {
  const std::size_t count = samples.size();
  const std::lock_guard lock(mutex_);
  if (!gather(std::move(samples))) {
    Metrics::instance().counter("cumulet_metric_samples_dropped_total").add(count);
    return;
  }
  begin_writing();
}

void Writer::begin_writing() {
  if (writing_ || loop_ == nullptr || (pending_.buckets.empty() && pending_.waiting.empty())) return;
  writing_ = true;
  loop_->post([this] { cumulet::start(write_all(), [](const Result<void>&) {}); });
}

void Writer::start(Loop& loop) {
  const std::lock_guard lock(mutex_);
  loop_ = &loop;
  begin_writing();
}

void Writer::drain(SteadyTime deadline) {
  while (std::chrono::steady_clock::now() < deadline) {
    {
      const std::lock_guard lock(mutex_);
      if (!writing_) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Task<void> Writer::write_all() {
  while (true) {
    Batch batch;
    {
      const std::lock_guard lock(mutex_);
      if (pending_.buckets.empty() && pending_.waiting.empty()) {
        writing_ = false;
        co_return;
      }
      std::swap(batch, pending_);
    }
    const Result<void> written = co_await attempt(write_batch(batch));
    if (!written.ok()) {
      log::error("cannot write metrics", {{"reason", written.error().message()}});
      Metrics::instance().counter("cumulet_metric_samples_dropped_total").add(batch.buckets.size());
    }
    for (const Deferred<void>& waiter : batch.waiting) {
      waiter.resolve(written.ok() ? Result<void>() : Result<void>(written.error()));
    }
  }
}

Task<void> Writer::write_batch(const Batch& batch) {
  co_await note_series(batch);
  auto begin = batch.buckets.begin();
  while (begin != batch.buckets.end()) {
    auto end = begin;
    for (std::size_t i = 0; i < kBucketsAtOnce && end != batch.buckets.end(); ++i) ++end;
    co_await write_buckets(begin, end);
    begin = end;
  }
}

Task<void> Writer::write_buckets(std::map<std::string, Summary>::const_iterator begin,
                                 std::map<std::string, Summary>::const_iterator end) {
  const auto body = [begin, end](storage::Transaction& txn) -> Task<void> {
    for (auto bucket = begin; bucket != end; ++bucket) {
      const std::optional<std::string> before = co_await txn.get(bucket->first);
      if (!before) {
        txn.put(bucket->first, bucket->second.bytes());
        continue;
      }
      Summary summary = Summary::read(*before);
      summary.merge(bucket->second);
      txn.put(bucket->first, summary.bytes());
    }
  };
  co_await storage::transact(database_, body);
}

Task<void> Writer::note_series(const Batch& batch) {
  std::vector<std::pair<std::string, std::int64_t>> stale;
  for (const auto& [key, last] : batch.series) {
    const auto noted = noted_.find(key);
    if (noted == noted_.end() || noted->second + kNoteEvery <= last) stale.emplace_back(key, last);
  }
  if (stale.empty()) co_return;
  const auto body = [&stale](storage::Transaction& txn) -> Task<void> {
    for (const auto& [key, last] : stale) {
      const std::optional<std::string> before = co_await txn.get(key);
      if (!before || Store::last_of(*before) < last) txn.put(key, Store::series_value(last));
    }
  };
  co_await storage::transact(database_, body);
  if (noted_.size() + stale.size() > kNotedSeries) noted_.clear();
  for (const auto& [key, last] : stale) noted_[key] = std::max(noted_[key], last);
}

}  // namespace cumulet::cloudwatch
