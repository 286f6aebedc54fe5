#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "events/metric_sink.h"
#include "services/sqs/model.h"

namespace cumulet::sqs {

enum class QueueMetric : std::size_t {
  kSent,
  kSentBytes,
  kReceived,
  kEmptyReceives,
  kDeleted,
  kVisible,
  kNotVisible,
  kDelayed
};

/// What one queue reports to CloudWatch (AWS/SQS by QueueName). Any thread.
class QueueMetrics {
 public:
  /// Without a sink nothing is reported.
  QueueMetrics(events::MetricSink* sink, const QueueName& name);
  void note(QueueMetric metric, double value) const {
    const std::shared_ptr<events::MetricSeries>& series = series_[static_cast<std::size_t>(metric)];
    if (series != nullptr) series->record(value);
  }

 private:
  std::array<std::shared_ptr<events::MetricSeries>, 8> series_;
};

}  // namespace cumulet::sqs
