#include <algorithm>
#include <cmath>

#include "services/cloudwatch/cloudwatch.h"
#include "services/cloudwatch/common.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;

constexpr std::size_t kMostData = 1000;
constexpr std::size_t kMostValues = 150;
constexpr std::size_t kMetricsPage = 500;
constexpr std::size_t kScanPage = 1000;
constexpr std::int64_t kOldest = 14 * kDaySeconds;
constexpr std::int64_t kNewest = 2 * kHourSeconds;
/// Series rows are that far behind at most.
constexpr std::int64_t kRowsBehind = 600;

std::string parameter(std::size_t index, std::string_view name) {
  return "MetricData.member." + std::to_string(index + 1) + "." + std::string(name);
}

bool in_range(double value) { return std::isfinite(value) && std::fabs(value) <= std::ldexp(1.0, 360); }

Error bad_number(double value, const std::string& where) {
  const std::string text = std::isnan(value) ? "NaN" : std::isinf(value) ? "Infinity" : std::to_string(value);
  return invalid_value("The value " + text + " for parameter " + where + " is invalid.");
}

Result<Summary> summary_of_values(const api::MetricDatum& datum, std::size_t index) {
  Summary summary;
  const std::vector<double>& values = *datum.values;
  if (values.empty()) return missing_parameter("The parameter " + parameter(index, "Values") + " is required.");
  if (values.size() > kMostValues) {
    return invalid_value("The collection " + parameter(index, "Values") + " must not have a size greater than 150.");
  }
  if (datum.counts && datum.counts->size() != values.size()) {
    return invalid_value("The parameters " + parameter(index, "Values") + " and " + parameter(index, "Counts") +
                         " must be of the same size.");
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double count = datum.counts ? (*datum.counts)[i] : 1;
    if (!in_range(values[i])) return bad_number(values[i], parameter(index, "Values.member." + std::to_string(i + 1)));
    if (!in_range(count) || count < 0) {
      return bad_number(count, parameter(index, "Counts.member." + std::to_string(i + 1)));
    }
    summary.add(values[i], count);
  }
  return summary;
}

Result<Summary> summary_of_set(const api::StatisticSet& set, std::size_t index) {
  for (const double value : {set.sum, set.minimum, set.maximum, set.sample_count}) {
    if (!in_range(value)) return bad_number(value, parameter(index, "StatisticValues"));
  }
  if (set.sample_count <= 0) {
    return invalid_value("The parameter " + parameter(index, "StatisticValues.SampleCount") +
                         " must be greater than 0.");
  }
  if (set.minimum > set.maximum) {
    return invalid_combination("The parameter " + parameter(index, "StatisticValues.Maximum") +
                               " must be greater than or equal to the parameter " +
                               parameter(index, "StatisticValues.Minimum") + ".");
  }
  Summary summary;
  summary.add_set(set.sum, set.sample_count, set.minimum, set.maximum);
  return summary;
}

Result<Summary> summary_of(const api::MetricDatum& datum, std::size_t index) {
  const int given = (datum.value ? 1 : 0) + (datum.statistic_values ? 1 : 0) + (datum.values ? 1 : 0);
  if (given == 0) {
    return missing_parameter("At least one of the parameters " + parameter(index, "Value") + ", " +
                             parameter(index, "Values") + " and " + parameter(index, "StatisticValues") +
                             " must be specified.");
  }
  if (given > 1) {
    return invalid_combination("The parameters " + parameter(index, "Value") + ", " + parameter(index, "Values") +
                               " and " + parameter(index, "StatisticValues") +
                               " are mutually exclusive and you have specified more than one.");
  }
  if (datum.statistic_values) return summary_of_set(*datum.statistic_values, index);
  if (datum.values) return summary_of_values(datum, index);
  if (!in_range(*datum.value)) return bad_number(*datum.value, parameter(index, "Value"));
  Summary summary;
  summary.add(*datum.value);
  return summary;
}

Result<Sample> sample_of(const Call& call, const std::string& space, const api::MetricDatum& datum, std::size_t index,
                         std::int64_t now) {
  Result<Summary> summary = summary_of(datum, index);
  if (!summary.ok()) return std::move(summary).error();
  Result<Series> series = series_of(space, datum.metric_name, datum.dimensions);
  if (!series.ok()) return std::move(series).error();
  const std::int64_t time = datum.timestamp ? seconds_of(*datum.timestamp) : now;
  if (time < now - kOldest) {
    return invalid_value("The parameter " + parameter(index, "Timestamp") +
                         " must specify a time within the past two weeks.");
  }
  if (time > now + kNewest) {
    return invalid_value("The parameter " + parameter(index, "Timestamp") +
                         " must specify a time no more than two hours in the future.");
  }
  const std::int32_t resolution = datum.storage_resolution.value_or(60);
  if (resolution != 1 && resolution != 60) {
    return invalid_value("The parameter " + parameter(index, "StorageResolution") + " must be 1 or 60.");
  }
  const std::uint8_t unit = unit_number(datum.unit.value_or("None"));
  return Sample(call.account(), call.region, std::move(*series), time, unit, resolution == 1, std::move(*summary));
}

bool wanted(const ListedSeries& listed, const api::ListMetricsInput& input, std::int64_t now) {
  if (listed.last < now - kOldest) return false;
  if (input.recently_active && listed.last + kRowsBehind < now - 3 * kHourSeconds) return false;
  if (input.metric_name && listed.series.name != *input.metric_name) return false;
  if (!input.dimensions) return true;
  return std::all_of(input.dimensions->begin(), input.dimensions->end(), [&listed](const api::DimensionFilter& filter) {
    const auto found = listed.series.dimensions.find(filter.name);
    return found != listed.series.dimensions.end() && (!filter.value || *filter.value == found->second);
  });
}

}  // namespace

void CloudWatch::register_metrics() {
  service_.on<api::PutMetricData>([this](Call& c, const auto& in) { return put_metric_data(c, in); });
  service_.on<api::ListMetrics>([this](Call& c, const auto& in) { return list_metrics(c, in); });
}

Task<api::PutMetricDataOutput> CloudWatch::put_metric_data(Call& call, const api::PutMetricDataInput& input) {
  if (input.namespace_.starts_with("AWS/")) {
    co_return invalid_value("The value AWS/ for parameter Namespace is invalid.");
  }
  std::vector<const api::MetricDatum*> data;
  if (input.metric_data) {
    for (const api::MetricDatum& datum : *input.metric_data) data.push_back(&datum);
  }
  if (input.entity_metric_data) {
    for (const api::EntityMetricData& group : *input.entity_metric_data) {
      if (!group.metric_data) continue;
      for (const api::MetricDatum& datum : *group.metric_data) data.push_back(&datum);
    }
  }
  if (data.empty()) co_return missing_parameter("The parameter MetricData is required.");
  if (data.size() > kMostData) {
    co_return invalid_value("The collection MetricData must not have a size greater than 1000.");
  }
  const std::int64_t now = clock_.now_seconds();
  std::vector<Sample> samples;
  samples.reserve(data.size());
  for (std::size_t i = 0; i < data.size(); ++i) {
    Result<Sample> sample = sample_of(call, input.namespace_, *data[i], i, now);
    if (!sample.ok()) co_return std::move(sample).error();
    samples.push_back(std::move(*sample));
  }
  co_await writer_.write(std::move(samples));
  co_return api::PutMetricDataOutput();
}

Task<api::ListMetricsOutput> CloudWatch::list_metrics(Call& call, const api::ListMetricsInput& input) {
  std::string after = co_await page_position(input.next_token);
  const std::string space = input.namespace_.value_or("");
  const std::int64_t now = clock_.now_seconds();
  const Store store(call.account(), call.region);
  api::ListMetricsOutput output;
  output.metrics.emplace();
  while (true) {
    std::string reached;
    const auto page = [&](storage::Transaction& txn) -> Task<std::vector<ListedSeries>> {
      reached = after;
      co_return co_await store.list_series(txn, space, space.empty() ? "" : input.metric_name.value_or(""), reached,
                                           kScanPage);
    };
    const std::vector<ListedSeries> listed = co_await storage::transact(database_, page);
    for (const ListedSeries& one : listed) {
      if (!wanted(one, input, now)) continue;
      if (output.metrics->size() == kMetricsPage) {
        output.next_token = page_token(after);
        co_return output;
      }
      api::Metric& metric = output.metrics->emplace_back();
      metric.namespace_ = one.series.space;
      metric.metric_name = one.series.name;
      metric.dimensions = dimensions_of(one.series);
      after = store.series_key(one.series);
    }
    if (reached.empty()) co_return output;
    after = reached;
  }
}

}  // namespace cumulet::cloudwatch
