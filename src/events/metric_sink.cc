#include "events/metric_sink.h"

namespace cumulet::events {
namespace {

/// For sinks that have no series of their own.
class Repeated final : public MetricSeries {
 public:
  Repeated(MetricSink& sink, MetricSample like) : sink_(sink), like_(std::move(like)) {}
  void record(double value, double times) noexcept override {
    for (double i = 0; i < times; ++i) {
      MetricSample sample = like_;
      sample.value = value;
      sink_.record(std::move(sample));
    }
  }

 private:
  MetricSink& sink_;
  const MetricSample like_;
};

}  // namespace

std::shared_ptr<MetricSeries> MetricSink::series(const MetricSample& like) {
  return std::make_shared<Repeated>(*this, like);
}

}  // namespace cumulet::events
