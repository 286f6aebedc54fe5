#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "events/metric_sink.h"
#include "services/lambda/function_name.h"

/// What a function's invocations report to CloudWatch, as AWS/Lambda: of all functions, of this one, and of its
/// qualifier; and as Cumulet/Lambda what it was called for by its own events.
/// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
namespace cumulet::lambda {

class InvocationMetrics {
 public:
  InvocationMetrics(events::MetricSink& sink, const FunctionName& name);

  void began() noexcept;
  /// `failed`: the function gave an error.
  void ended(bool failed, double duration_ms) noexcept;
  void throttled() noexcept;
  /// The platform failed: the invocation counts for nothing.
  void broke_off() noexcept { --under_way_; }
  void event_received() noexcept;
  void event_age(std::chrono::microseconds age) noexcept;
  void event_dropped() noexcept;
  void dead_letter_failed() noexcept;
  void recursion_stopped() noexcept;
  /// It ran because of an event that it had caused itself.
  void recurred(double duration_ms) noexcept;

 private:
  /// One metric, in all the series that it belongs to.
  class Metric {
   public:
    Metric(events::MetricSink& sink, const FunctionName& name, const char* metric, const char* unit);
    void record(double value) const noexcept;

   private:
    std::vector<std::shared_ptr<events::MetricSeries>> series_;
  };

  /// Looked up each time: most functions never have these, and series that are held cost memory.
  void record_rare(const char* metric, double value, const char* unit, const char* space) const noexcept;

  events::MetricSink& sink_;
  const FunctionName name_;
  std::atomic<std::int64_t> under_way_{0};
  Metric invocations_;
  Metric errors_;
  Metric duration_;
  Metric concurrent_;
};

}  // namespace cumulet::lambda
