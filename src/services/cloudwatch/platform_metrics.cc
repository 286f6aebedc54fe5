#include "services/cloudwatch/platform_metrics.h"

#include <functional>
#include <map>

#include "base/metrics.h"

namespace cumulet::cloudwatch {
namespace {

constexpr std::chrono::seconds kFlushEvery{3};
/// Flushes without a value after which a series that nobody holds is forgotten: a minute. It is made again when it is
/// needed; meanwhile thousands of deleted functions would have ten and more each.
constexpr std::uint32_t kIdleFlushes = 20;
constexpr std::int64_t kOldest = 14 * kDaySeconds;
constexpr std::int64_t kNewest = 2 * kHourSeconds;

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
  append(text, sample.unit);
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

  void record(double value, double times) noexcept override { record_at(clock_.now_seconds(), value, times); }

  void record_at(std::int64_t second, double value, double times) noexcept {
    const std::int64_t minute = floor_to(second, 60);
    const std::lock_guard lock(mutex_);
    if (minute != minute_) {
      set_aside();
      minute_ = minute;
    }
    summary_.add(value, times);
  }

  /// Moves what was gathered into samples; how often there was nothing, one time after the other.
  std::uint32_t take(std::vector<Sample>& samples) {
    std::map<std::int64_t, Summary> taken;
    {
      const std::lock_guard lock(mutex_);
      set_aside();
      taken.swap(past_);
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
  /// Log events bring times of their own; most are of the last minutes.
  static constexpr std::size_t kPastMinutes = 1440;

  void set_aside() {
    if (summary_.empty()) return;
    if (past_.size() < kPastMinutes || past_.contains(minute_)) past_[minute_].merge(summary_);
    summary_ = Summary();
  }

  const Clock& clock_;
  const events::MetricSample like_;
  std::uint32_t idle_ = 0;
  std::mutex mutex_;
  std::int64_t minute_ = 0;
  Summary summary_;
  std::map<std::int64_t, Summary> past_;
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
  const std::int64_t now = clock_.now_seconds();
  if (sample.time != 0 && (sample.time < now - kOldest || sample.time > now + kNewest)) return;
  const std::shared_ptr<Gathered> gathered = find(sample);
  if (gathered != nullptr) gathered->record_at(sample.time != 0 ? sample.time : now, sample.value, 1);
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
