#include "services/sqs/queue_metrics.h"

namespace cumulet::sqs {

QueueMetrics::QueueMetrics(events::MetricSink* sink, const QueueName& name) {
  if (sink == nullptr) return;
  constexpr std::array<std::string_view, 8> kNames{"NumberOfMessagesSent",
                                                   "SentMessageSize",
                                                   "NumberOfMessagesReceived",
                                                   "NumberOfEmptyReceives",
                                                   "NumberOfMessagesDeleted",
                                                   "ApproximateNumberOfMessagesVisible",
                                                   "ApproximateNumberOfMessagesNotVisible",
                                                   "ApproximateNumberOfMessagesDelayed"};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    events::MetricSample sample(name.account, name.region, "AWS/SQS", kNames[i]);
    sample.dimensions.emplace_back("QueueName", name.name);
    if (i == static_cast<std::size_t>(QueueMetric::kSentBytes)) sample.unit = "Bytes";
    series_[i] = sink->series(sample);
  }
}

}  // namespace cumulet::sqs
