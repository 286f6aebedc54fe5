#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "events/metric_sink.h"
#include "services/cloudwatch/writer.h"

namespace cumulet::cloudwatch {

/// The metrics of the platform itself: gathered in memory by series and minute, handed to the writer every few seconds
/// and at the end. A series that was not used for a while is forgotten; past kMostSeries new ones are dropped and
/// counted.
class PlatformMetrics final : public events::MetricSink {
 public:
  static constexpr std::size_t kMostSeries = 50'000;

  PlatformMetrics(Writer& writer, const Clock& clock) : writer_(writer), clock_(clock) {}

  void record(events::MetricSample sample) noexcept override;
  std::shared_ptr<events::MetricSeries> series(const events::MetricSample& like) override;

  void start(Loop& loop);
  /// Hands what was gathered to the writer. Any thread.
  void flush();

 private:
  class Gathered;
  struct Shard {
    std::mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<Gathered>> series;
  };

  std::shared_ptr<Gathered> find(const events::MetricSample& like);
  void schedule(Loop& loop);

  Writer& writer_;
  const Clock& clock_;
  std::array<Shard, 16> shards_;
};

}  // namespace cumulet::cloudwatch
