#include "base/metrics.h"

#include <gtest/gtest.h>

namespace cumulet {
namespace {

TEST(MetricsTest, TheSameNameAndLabelsAreTheSameMetric) {
  Metrics metrics;
  metrics.counter("hits", {{"service", "s3"}}).add();
  metrics.counter("hits", {{"service", "s3"}}).add(2);
  metrics.counter("hits", {{"service", "sqs"}}).add();
  EXPECT_EQ(metrics.counter("hits", {{"service", "s3"}}).value(), 3u);
}

TEST(MetricsTest, RendersPrometheusText) {
  Metrics metrics;
  metrics.counter("requests_total", {{"service", "s3"}, {"code", "200"}}).add(7);
  metrics.gauge("connections").set(-2);
  EXPECT_EQ(metrics.render(),
            "# TYPE requests_total counter\n"
            "requests_total{service=\"s3\",code=\"200\"} 7\n"
            "# TYPE connections gauge\n"
            "connections -2\n");
}

TEST(MetricsTest, LabelValuesAreEscaped) {
  Metrics metrics;
  metrics.counter("c", {{"l", "a\"b\\c\nd"}}).add();
  EXPECT_NE(metrics.render().find("c{l=\"a\\\"b\\\\c\\nd\"} 1\n"), std::string::npos);
}

TEST(MetricsTest, HistogramBucketsAreCumulative) {
  Metrics metrics;
  Histogram& histogram = metrics.histogram("seconds", {{"op", "Get"}});
  histogram.observe(0.0001);
  histogram.observe(0.3);
  histogram.observe(1000);
  const std::string text = metrics.render();
  EXPECT_NE(text.find("# TYPE seconds histogram\n"), std::string::npos);
  EXPECT_NE(text.find("seconds_bucket{op=\"Get\",le=\"0.0001\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("seconds_bucket{op=\"Get\",le=\"0.25\"} 1\n"), std::string::npos);
  EXPECT_NE(text.find("seconds_bucket{op=\"Get\",le=\"0.5\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("seconds_bucket{op=\"Get\",le=\"60\"} 2\n"), std::string::npos);
  EXPECT_NE(text.find("seconds_bucket{op=\"Get\",le=\"+Inf\"} 3\n"), std::string::npos);
  EXPECT_NE(text.find("seconds_sum{op=\"Get\"} 1000.3001\n"), std::string::npos);
  EXPECT_NE(text.find("seconds_count{op=\"Get\"} 3\n"), std::string::npos);
}

}  // namespace
}  // namespace cumulet
