#include "services/apigateway/api_metrics.h"

#include <string_view>

namespace cumulet::apigateway {
namespace {

constexpr std::array<std::string_view, 5> kNames{"Count", "4xx", "5xx", "Latency", "IntegrationLatency"};

double milliseconds_of(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

}  // namespace

ApiMetrics::ApiMetrics(events::MetricSink& sink, const ApiAddress& address, const std::string& stage) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    events::MetricSample sample(address.account, address.region, "AWS/ApiGateway", kNames[i]);
    if (i == kLatency || i == kIntegrationLatency) sample.unit = "Milliseconds";
    sample.dimensions.emplace_back("ApiId", address.api_id);
    series_[i][0] = sink.series(sample);
    sample.dimensions.emplace_back("Stage", stage);
    series_[i][1] = sink.series(sample);
  }
}

void ApiMetrics::record(Metric metric, double value) const {
  for (const std::shared_ptr<events::MetricSeries>& series : series_[metric]) {
    if (series != nullptr) series->record(value);
  }
}

void ApiMetrics::answered(int status, std::chrono::nanoseconds latency) const {
  record(kCount, 1);
  record(k4xx, status >= 400 && status < 500 ? 1 : 0);
  record(k5xx, status >= 500 ? 1 : 0);
  record(kLatency, milliseconds_of(latency));
}

void ApiMetrics::integrated(std::chrono::nanoseconds latency) const {
  record(kIntegrationLatency, milliseconds_of(latency));
}

}  // namespace cumulet::apigateway
