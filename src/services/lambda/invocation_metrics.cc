#include "services/lambda/invocation_metrics.h"

#include <array>

namespace cumulet::lambda {
namespace {

constexpr const char* kAws = "AWS/Lambda";
constexpr const char* kOwn = "Cumulet/Lambda";

/// One of each series that a function's metric belongs to.
std::array<events::MetricSample, 3> samples_of(const FunctionName& name, const char* metric, const char* unit,
                                               const char* space) {
  events::MetricSample all(name.account, name.region, space, metric);
  all.unit = unit;
  events::MetricSample function = all;
  function.dimensions = {{"FunctionName", name.name}};
  events::MetricSample resource = function;
  resource.dimensions.emplace_back("Resource", name.qualifier ? name.name + ":" + *name.qualifier : name.name);
  return {std::move(all), std::move(function), std::move(resource)};
}

}  // namespace

InvocationMetrics::Metric::Metric(events::MetricSink& sink, const FunctionName& name, const char* metric,
                                  const char* unit) {
  for (const events::MetricSample& sample : samples_of(name, metric, unit, kAws))
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
      duration_(sink, name, "Duration", "Milliseconds"),
      concurrent_(sink, name, "ConcurrentExecutions", "Count") {}

void InvocationMetrics::record_rare(const char* metric, double value, const char* unit,
                                    const char* space) const noexcept {
  for (events::MetricSample& sample : samples_of(name_, metric, unit, space)) {
    sample.value = value;
    sink_.record(std::move(sample));
  }
}

void InvocationMetrics::began() noexcept { concurrent_.record(static_cast<double>(++under_way_)); }

void InvocationMetrics::ended(bool failed, double duration_ms) noexcept {
  --under_way_;
  invocations_.record(1);
  errors_.record(failed ? 1 : 0);
  duration_.record(duration_ms);
}

void InvocationMetrics::throttled() noexcept {
  --under_way_;
  record_rare("Throttles", 1, "Count", kAws);
}

void InvocationMetrics::event_received() noexcept { record_rare("AsyncEventsReceived", 1, "Count", kAws); }
void InvocationMetrics::event_age(std::chrono::microseconds age) noexcept {
  record_rare("AsyncEventAge", static_cast<double>(age.count()) / 1000, "Milliseconds", kAws);
}
void InvocationMetrics::event_dropped() noexcept { record_rare("AsyncEventsDropped", 1, "Count", kAws); }
void InvocationMetrics::dead_letter_failed() noexcept { record_rare("DeadLetterErrors", 1, "Count", kAws); }
void InvocationMetrics::recursion_stopped() noexcept { record_rare("RecursiveInvocationsDropped", 1, "Count", kAws); }
void InvocationMetrics::recurred(double duration_ms) noexcept {
  record_rare("RecursiveInvocations", 1, "Count", kOwn);
  record_rare("RecursiveDuration", duration_ms, "Milliseconds", kOwn);
}

}  // namespace cumulet::lambda
