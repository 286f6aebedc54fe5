#include "cli/history.h"

#include <algorithm>

#include "base/clock.h"
#include "cli/log_tail.h"
#include "wire/generated/cloudwatch.h"

namespace cumulet::cli {
namespace {

constexpr std::chrono::hours kSince{7 * 24};
constexpr std::int32_t kPeriod = 3600;

/// The sum of one metric of the function since then.
Result<double> sum_of(const Session& session, const char* space, const char* metric, const std::string& function) {
  wire::cloudwatch::GetMetricStatisticsInput input;
  input.namespace_ = space;
  input.metric_name = metric;
  input.dimensions.emplace().emplace_back();
  input.dimensions->front().name = "FunctionName";
  input.dimensions->front().value = function;
  input.end_time = SystemClock().now() + std::chrono::minutes(1);
  input.start_time = input.end_time - kSince;
  input.period = kPeriod;
  input.statistics.emplace().push_back("Sum");
  const auto answer = session.call<wire::cloudwatch::GetMetricStatistics>(wire::cloudwatch::model(), input);
  if (!answer.ok()) return answer.error();
  double sum = 0;
  if (answer->datapoints) {
    for (const wire::cloudwatch::Datapoint& point : *answer->datapoints) sum += point.sum.value_or(0);
  }
  return sum;
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.empty() ? 0 : values[values.size() / 2];
}

Result<History> read_history(const Session& session, const wire::lambda::FunctionConfiguration& function) {
  std::string group = function.function_name.value_or("");
  if (function.logging_config && function.logging_config->log_group) group = *function.logging_config->log_group;
  const std::int64_t since =
      SystemClock().now_millis() - std::chrono::duration_cast<std::chrono::milliseconds>(kSince).count();
  LogTail tail(group, since, std::string("\"REPORT RequestId\""));
  History history;
  const Result<void> read = tail.poll(session, [&history](const wire::logs::FilteredLogEvent& event) {
    const std::optional<ReportLine> report = read_report(text_of(event));
    if (!report) return;
    history.most_used_mb = std::max(history.most_used_mb, report->most_used_mb);
    if (!report->init_ms) {
      history.warm_ms.push_back(report->duration_ms);
      return;
    }
    history.init_ms.push_back(*report->init_ms);
    history.handler_ms.push_back(report->duration_ms);
  });
  if (!read.ok() && read.error().code() != "ResourceNotFoundException") return read.error();
  return history;
}

Result<Recursion> read_recursion(const Session& session, const std::string& function) {
  Recursion recursion;
  const struct {
    const char* space;
    const char* metric;
    double Recursion::*sum;
  } wanted[] = {{"AWS/Lambda", "Invocations", &Recursion::invocations},
                {"AWS/Lambda", "Duration", &Recursion::duration_ms},
                {"AWS/Lambda", "RecursiveInvocationsDropped", &Recursion::stopped},
                {"Cumulet/Lambda", "RecursiveInvocations", &Recursion::repeated},
                {"Cumulet/Lambda", "RecursiveDuration", &Recursion::repeated_ms}};
  for (const auto& one : wanted) {
    const Result<double> sum = sum_of(session, one.space, one.metric, function);
    if (!sum.ok()) return sum.error();
    recursion.*one.sum = *sum;
  }
  return recursion;
}

}  // namespace cumulet::cli
