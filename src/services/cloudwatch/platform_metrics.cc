#include "services/cloudwatch/platform_metrics.h"

#include <functional>

#include "base/metrics.h"

namespace cumulet::cloudwatch {
namespace {

constexpr std::chrono::seconds kFlushEvery{3};
/// Flushes without a value after which a series is forgotten: a quarter of an hour.
constexpr std::uint32_t kIdleFlushes = 300;

void append(std::string& text, std::string_view part) {
  text += part;
  text += '\0';
}

void identify(const events::MetricSample& sample, std::string& text) {
  text.clear();
  append(text, sample.account);
  append(text, sample.region);
  append(text, sample.metric_namespace);
  append(text, sample.name);
  for (const auto& [name, value] : sample.dimensions) {
    append(text, name);
    append(text, value);
  }
}

}  // namespace

/// What a series got since the last flush: of this minute, and of minutes that are over.
class PlatformMetrics::Gathered final : public events::MetricSeries {
 public:
  Gathered(const Clock& clock, const events::MetricSample& like) : clock_(clock), like_(like) {}

  void record(double value, double times) noexcept override {
    const std::int64_t second = clock_.now_seconds();
    const std::int64_t minute = second - second % 60;
    const std::lock_guard lock(mutex_);
    if (minute != minute_) {
      if (!summary_.empty() && past_.size() < kPastMinutes) past_.emplace_back(minute_, std::move(summary_));
      summary_ = Summary();
      minute_ = minute;
    }
    summary_.add(value, times);
  }

  /// Moves what was gathered into samples; how often there was nothing, one time after the other.
  std::uint32_t take(std::vector<Sample>& samples) {
    std::vector<std::pair<std::int64_t, Summary>> taken;
    {
      const std::lock_guard lock(mutex_);
      taken.swap(past_);
      if (!summary_.empty()) taken.emplace_back(minute_, std::exchange(summary_, Summary()));
    }
    if (taken.empty()) return ++idle_;
    idle_ = 0;
    const std::uint8_t unit = unit_number(like_.unit);
    for (auto& [minute, summary] : taken) {
      Series series(like_.metric_namespace, like_.name, {like_.dimensions.begin(), like_.dimensions.end()});
      samples.emplace_back(like_.account, like_.region, std::move(series), minute,
                           unit == kNoSuchUnit ? unit_number("None") : unit, false, std::move(summary));
    }
    return 0;
  }

 private:
  /// The clock can be moved between two flushes, but not often.
  static constexpr std::size_t kPastMinutes = 16;

  const Clock& clock_;
  const events::MetricSample like_;
  std::uint32_t idle_ = 0;
  std::mutex mutex_;
  std::int64_t minute_ = 0;
  Summary summary_;
  std::vector<std::pair<std::int64_t, Summary>> past_;
};

std::shared_ptr<PlatformMetrics::Gathered> PlatformMetrics::find(const events::MetricSample& like) {
  thread_local std::string identity;
  identify(like, identity);
  Shard& shard = shards_[std::hash<std::string>()(identity) % shards_.size()];
  const std::lock_guard lock(shard.mutex);
  const auto found = shard.series.find(identity);
  if (found != shard.series.end()) return found->second;
  if (shard.series.size() >= kMostSeries / shards_.size()) {
    Metrics::instance().counter("cumulet_metric_samples_dropped_total").add();
    return nullptr;
  }
  return shard.series.emplace(identity, std::make_shared<Gathered>(clock_, like)).first->second;
}

void PlatformMetrics::record(events::MetricSample sample) noexcept {
  if (const std::shared_ptr<Gathered> gathered = find(sample)) gathered->record(sample.value, 1);
}

std::shared_ptr<events::MetricSeries> PlatformMetrics::series(const events::MetricSample& like) {
  if (std::shared_ptr<Gathered> gathered = find(like)) return gathered;
  // No room: the values of this one go nowhere until it is asked for again.
  return std::make_shared<Gathered>(clock_, like);
}

void PlatformMetrics::start(Loop& loop) {
  loop.post([this, &loop] { schedule(loop); });
}

void PlatformMetrics::schedule(Loop& loop) {
  loop.at(std::chrono::steady_clock::now() + kFlushEvery, [this, &loop] {
    flush();
    schedule(loop);
  });
}

void PlatformMetrics::flush() {
  std::vector<Sample> samples;
  for (Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (auto entry = shard.series.begin(); entry != shard.series.end();) {
      const bool unused = entry->second->take(samples) >= kIdleFlushes && entry->second.use_count() == 1;
      entry = unused ? shard.series.erase(entry) : std::next(entry);
    }
  }
  if (!samples.empty()) writer_.queue(std::move(samples));
}

}  // namespace cumulet::cloudwatch
