#include <algorithm>
#include <charconv>
#include <set>

#include "services/cloudwatch/cloudwatch.h"
#include "services/cloudwatch/common.h"
#include "services/cloudwatch/query.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;

constexpr std::int64_t kMostDatapoints = 1440;
constexpr std::size_t kMostOfAPage = 100'800;

/// Periods of GetMetricStatistics begin at its start time, cut to what is kept of that age.
std::int64_t first_period(std::int64_t start, std::int64_t period, std::int64_t now) {
  if (period < 60) return floor_to(start, period);
  const std::int64_t age = now - start;
  if (age < 15 * kDaySeconds) return floor_to(start, 60);
  return floor_to(start, age < 63 * kDaySeconds ? 300 : 3600);
}

Result<Range> range_of(const api::GetMetricStatisticsInput& input, std::int64_t now) {
  if (!is_period(input.period)) {
    return invalid_value(input.period < 60 ? "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60."
                                           : "The parameter Period must be a multiple of 60.");
  }
  const std::int64_t start = seconds_of(input.start_time);
  const std::int64_t end = seconds_of(input.end_time);
  if (start >= end) {
    return invalid_combination("The parameter StartTime must be less than the parameter EndTime.");
  }
  Range range(first_period(start, input.period, now), end, input.period);
  const std::int64_t points = (end - start + input.period - 1) / input.period;
  if (points > kMostDatapoints) {
    return invalid_combination("You have requested up to " + std::to_string(points) +
                               " datapoints, which exceeds the limit of 1,440. You may reduce the datapoints requested "
                               "by increasing Period, or decreasing the time range.");
  }
  return range;
}

/// The statistics that are asked for, with their names.
struct Wanted {
  std::set<std::string> plain;
  std::map<std::string, Statistic> extended;
};

Result<Wanted> wanted_of(const api::GetMetricStatisticsInput& input) {
  Wanted wanted;
  if (input.statistics) wanted.plain.insert(input.statistics->begin(), input.statistics->end());
  if (input.extended_statistics) {
    for (const std::string& name : *input.extended_statistics) {
      const std::optional<Statistic> statistic = Statistic::parse(name);
      if (!statistic || !statistic->needs_spread()) {
        return invalid_value("The value " + name + " for parameter ExtendedStatistics is not supported.");
      }
      wanted.extended.emplace(name, *statistic);
    }
  }
  if (wanted.plain.empty() && wanted.extended.empty()) {
    return missing_parameter("At least one of the parameters Statistics and ExtendedStatistics must be specified.");
  }
  return wanted;
}

void add_datapoint(std::int64_t time, std::uint8_t unit, const Summary& summary, const Wanted& wanted,
                   std::vector<api::Datapoint>& datapoints) {
  api::Datapoint datapoint;
  datapoint.timestamp = time_of(time);
  datapoint.unit = std::string(unit_name(unit));
  if (wanted.plain.contains("SampleCount")) datapoint.sample_count = summary.count;
  if (wanted.plain.contains("Average")) datapoint.average = summary.sum / summary.count;
  if (wanted.plain.contains("Sum")) datapoint.sum = summary.sum;
  if (wanted.plain.contains("Minimum")) datapoint.minimum = summary.min;
  if (wanted.plain.contains("Maximum")) datapoint.maximum = summary.max;
  std::map<std::string, double> extended;
  for (const auto& [name, statistic] : wanted.extended) {
    if (const std::optional<double> value = statistic.of(summary)) extended.emplace(name, *value);
  }
  if (wanted.plain.empty() && extended.empty()) return;
  if (!extended.empty()) datapoint.extended_statistics = std::move(extended);
  datapoints.push_back(std::move(datapoint));
}

/// Where a page of GetMetricData goes on: which result, which of its values.
struct Place {
  std::size_t result = 0;
  std::size_t value = 0;
};

Result<Place> place_of(const std::string& position) {
  Place place;
  if (position.empty()) return place;
  const std::size_t slash = position.find('/');
  const Error bad(api::errors::kInvalidNextToken, "The next token specified is invalid.");
  if (slash == std::string::npos) return bad;
  const char* middle = position.data() + slash;
  const char* end = position.data() + position.size();
  const auto first = std::from_chars(position.data(), middle, place.result);
  const auto second = std::from_chars(middle + 1, end, place.value);
  if (first.ec != std::errc() || first.ptr != middle || second.ec != std::errc() || second.ptr != end) return bad;
  return place;
}

/// A page of the results' values.
api::GetMetricDataOutput page_of(std::vector<QueryResult> results, Place place, std::size_t room, bool ascending) {
  api::GetMetricDataOutput output;
  output.metric_data_results.emplace();
  output.messages.emplace();
  for (std::size_t i = place.result; i < results.size(); ++i) {
    QueryResult& result = results[i];
    if (!ascending) std::reverse(result.points.begin(), result.points.end());
    const std::size_t begin = i == place.result ? std::min(place.value, result.points.size()) : 0;
    const std::size_t end = std::min(result.points.size(), begin + room);
    api::MetricDataResult& shown = output.metric_data_results->emplace_back();
    shown.id = std::move(result.id);
    shown.label = std::move(result.label);
    shown.timestamps.emplace();
    shown.values.emplace();
    for (std::size_t at = begin; at < end; ++at) {
      shown.timestamps->push_back(time_of(result.points[at].first));
      shown.values->push_back(result.points[at].second);
    }
    room -= end - begin;
    const bool whole = end == result.points.size();
    shown.status_code = std::string(whole ? api::status_code::kComplete : api::status_code::kPartialData);
    if (!whole || (room == 0 && i + 1 < results.size())) {
      output.next_token =
          page_token(whole ? std::to_string(i + 1) + "/0" : std::to_string(i) + "/" + std::to_string(end));
      break;
    }
  }
  return output;
}

}  // namespace

void CloudWatch::register_data() {
  service_.on<api::GetMetricStatistics>([this](Call& c, const auto& in) { return get_metric_statistics(c, in); });
  service_.on<api::GetMetricData>([this](Call& c, const auto& in) { return get_metric_data(c, in); });
}

Task<api::GetMetricStatisticsOutput> CloudWatch::get_metric_statistics(Call& call,
                                                                       const api::GetMetricStatisticsInput& input) {
  const std::int64_t now = clock_.now_seconds();
  const Range range = co_await range_of(input, now);
  const Wanted wanted = co_await wanted_of(input);
  const Series series = co_await series_of(input.namespace_, input.metric_name, input.dimensions);
  api::GetMetricStatisticsOutput output;
  output.label = input.metric_name;
  output.datapoints.emplace();
  const Store store(call.account(), call.region);
  // Each unit has datapoints of its own, unless one is asked for.
  std::vector<std::uint8_t> units;
  if (input.unit) {
    units.push_back(unit_number(*input.unit));
  } else {
    units = co_await units_of(database_, store, series, range);
  }
  for (const std::uint8_t unit : units) {
    const EachPeriod each = [&](std::int64_t time, const Summary& summary) {
      add_datapoint(time, unit, summary, wanted, *output.datapoints);
    };
    co_await read_periods(database_, store, series, unit, range, now, each);
  }
  co_return output;
}

Task<api::GetMetricDataOutput> CloudWatch::get_metric_data(Call& call, const api::GetMetricDataInput& input) {
  const std::int64_t start = seconds_of(input.start_time);
  const std::int64_t end = seconds_of(input.end_time);
  if (start >= end) co_return validation_error("The parameter StartTime must be less than the parameter EndTime.");
  const Place place = co_await place_of(co_await page_position(input.next_token));
  if (input.max_datapoints.value_or(1) < 1) {
    co_return validation_error("The parameter MaxDatapoints must be greater than 0.");
  }
  const std::size_t room =
      std::min(static_cast<std::size_t>(input.max_datapoints.value_or(kMostOfAPage)), kMostOfAPage);
  const QueryWindow window(start, end, clock_.now_seconds());
  std::vector<QueryResult> results =
      co_await run_queries(database_, Store(call.account(), call.region), input.metric_data_queries, window);
  std::erase_if(results, [](const QueryResult& result) { return !result.returned; });
  co_return page_of(std::move(results), place, room, input.scan_by == api::scan_by::kTimestampAscending);
}

}  // namespace cumulet::cloudwatch
