#pragma once

#include <array>
#include <chrono>
#include <memory>

#include "events/metric_sink.h"
#include "services/apigateway/model.h"

namespace cumulet::apigateway {

/// What one stage of an API reports to CloudWatch (AWS/ApiGateway by ApiId, and by ApiId and Stage). Any thread.
/// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
class ApiMetrics {
 public:
  ApiMetrics(events::MetricSink& sink, const ApiAddress& address, const std::string& stage);

  /// A request was answered with that status after that time.
  void answered(int status, std::chrono::nanoseconds latency) const;
  /// Its integration took so long.
  void integrated(std::chrono::nanoseconds latency) const;

 private:
  enum Metric : std::size_t { kCount, k4xx, k5xx, kLatency, kIntegrationLatency };

  void record(Metric metric, double value) const;

  std::array<std::array<std::shared_ptr<events::MetricSeries>, 2>, 5> series_;
};

}  // namespace cumulet::apigateway
