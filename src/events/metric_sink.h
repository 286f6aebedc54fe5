#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cumulet::events {

/// One observation of a metric that the platform itself reports (AWS/Lambda Invocations, AWS/SQS NumberOfMessagesSent).
/// Names, dimensions and units are those of AWS's documentation of each service.
struct MetricSample {
  MetricSample(std::string a, std::string r, std::string_view n, std::string_view m)
      : account(std::move(a)), region(std::move(r)), metric_namespace(n), name(m) {}
  std::string account;
  std::string region;
  std::string metric_namespace;                                 ///< "AWS/Lambda"
  std::string name;                                             ///< "Duration"
  std::vector<std::pair<std::string, std::string>> dimensions;  ///< {"FunctionName", "resize"}
  double value = 1;
  std::string unit = "Count";
  std::int64_t time = 0;  ///< Seconds since 1970, up to two weeks ago; 0 is now.
};

/// One series, looked up once: for hot paths. Any thread, never blocks.
class MetricSeries {
 public:
  virtual ~MetricSeries() = default;
  virtual void record(double value, double times = 1) noexcept = 0;
};

/// Takes what services observe; CloudWatch implements it. Observations are gathered in memory and written once in a
/// while: a crash may lose the last seconds of them, as no request is held up for a metric. Any thread, never blocks.
class MetricSink {
 public:
  virtual ~MetricSink() = default;
  virtual void record(MetricSample sample) noexcept = 0;
  /// The series that such samples belong to. Keep it with what it is about (a function, a table, a stage), and ask for
  /// it once: recording a value then costs some 50 ns instead of several allocations and a look-up.
  virtual std::shared_ptr<MetricSeries> series(const MetricSample& like);
};

}  // namespace cumulet::events
