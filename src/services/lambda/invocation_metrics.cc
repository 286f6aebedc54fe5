#include "services/lambda/invocation_metrics.h"

namespace cumulet::lambda {

InvocationMetrics::Metric::Metric(events::MetricSink& sink, const FunctionName& name, const char* metric,
                                  const char* unit, const char* space) {
  events::MetricSample sample(name.account, name.region, space, metric);
  sample.unit = unit;
  series_.push_back(sink.series(sample));
  sample.dimensions = {{"FunctionName", name.name}};
  series_.push_back(sink.series(sample));
  sample.dimensions.emplace_back("Resource", name.qualifier ? name.name + ":" + *name.qualifier : name.name);
  series_.push_back(sink.series(sample));
}

void InvocationMetrics::Metric::record(double value) const noexcept {
  for (const std::shared_ptr<events::MetricSeries>& series : series_) {
    if (series) series->record(value);
  }
}

InvocationMetrics::InvocationMetrics(events::MetricSink& sink, const FunctionName& name)
    : sink_(sink),
      name_(name),
      invocations_(sink, name, "Invocations", "Count"),
      errors_(sink, name, "Errors", "Count"),
      throttles_(sink, name, "Throttles", "Count"),
      duration_(sink, name, "Duration", "Milliseconds"),
      concurrent_(sink, name, "ConcurrentExecutions", "Count"),
      received_(sink, name, "AsyncEventsReceived", "Count"),
      age_(sink, name, "AsyncEventAge", "Milliseconds"),
      dropped_(sink, name, "AsyncEventsDropped", "Count"),
      dead_letter_errors_(sink, name, "DeadLetterErrors", "Count"),
      recursions_(sink, name, "RecursiveInvocationsDropped", "Count") {}

void InvocationMetrics::began() noexcept { concurrent_.record(static_cast<double>(++under_way_)); }

void InvocationMetrics::ended(bool failed, double duration_ms) noexcept {
  --under_way_;
  invocations_.record(1);
  errors_.record(failed ? 1 : 0);
  duration_.record(duration_ms);
}

void InvocationMetrics::throttled() noexcept {
  --under_way_;
  throttles_.record(1);
}

void InvocationMetrics::event_received() noexcept { received_.record(1); }
void InvocationMetrics::event_age(std::chrono::microseconds age) noexcept {
  age_.record(static_cast<double>(age.count()) / 1000);
}
void InvocationMetrics::event_dropped() noexcept { dropped_.record(1); }
void InvocationMetrics::dead_letter_failed() noexcept { dead_letter_errors_.record(1); }
void InvocationMetrics::recursion_stopped() noexcept { recursions_.record(1); }
void InvocationMetrics::recurred(double duration_ms) {
  std::call_once(recurred_, [this] {
    own_invocations_.emplace(sink_, name_, "RecursiveInvocations", "Count", "Cumulet/Lambda");
    own_duration_.emplace(sink_, name_, "RecursiveDuration", "Milliseconds", "Cumulet/Lambda");
  });
  own_invocations_->record(1);
  own_duration_->record(duration_ms);
}

}  // namespace cumulet::lambda
