#include "services/cloudwatch/label.h"

#include <algorithm>
#include <optional>

#include "wire/json_writer.h"

namespace cumulet::cloudwatch {
namespace {

std::optional<std::string> property(std::string_view name, const wire::cloudwatch::MetricDataQuery& query) {
  if (!query.metric_stat) return std::nullopt;
  const wire::cloudwatch::MetricStat& stat = *query.metric_stat;
  if (name == "MetricName") return stat.metric.metric_name;
  if (name == "Namespace") return stat.metric.namespace_;
  if (name == "Stat") return stat.stat;
  if (name == "Period") return std::to_string(stat.period);
  if (!name.starts_with("Dim.") || !stat.metric.dimensions) return std::nullopt;
  for (const wire::cloudwatch::Dimension& dimension : *stat.metric.dimensions) {
    if (dimension.name == name.substr(4)) return dimension.value;
  }
  return std::nullopt;
}

std::optional<std::string> figure(std::string_view name, const Points& points) {
  if (name == "DATAPOINT_COUNT") return std::to_string(points.size());
  if (points.empty()) return std::nullopt;
  const auto less = [](const auto& a, const auto& b) { return a.second < b.second; };
  double sum = 0;
  for (const auto& point : points) sum += point.second;
  if (name == "AVG") return number_text(sum / static_cast<double>(points.size()));
  if (name == "SUM") return number_text(sum);
  if (name == "MIN") return number_text(std::min_element(points.begin(), points.end(), less)->second);
  if (name == "MAX") return number_text(std::max_element(points.begin(), points.end(), less)->second);
  if (name == "FIRST") return number_text(points.front().second);
  if (name == "LAST") return number_text(points.back().second);
  return std::nullopt;
}

}  // namespace

std::string number_text(double value) {
  wire::JsonWriter json;
  json.number(value);
  return json.take();
}

std::string expand_label(const std::string& label, const std::string& own,
                         const wire::cloudwatch::MetricDataQuery& query, const Points& points) {
  std::string result;
  std::size_t at = 0;
  while (at < label.size()) {
    const std::size_t begin = label.find("${", at);
    const std::size_t end = begin == std::string::npos ? begin : label.find('}', begin);
    if (end == std::string::npos) break;
    result.append(label, at, begin - at);
    std::string_view name(label.data() + begin + 2, end - begin - 2);
    std::optional<std::string> text;
    if (name == "LABEL") {
      text = own;
    } else if (name.starts_with("PROP('") && name.ends_with("')")) {
      text = property(name.substr(6, name.size() - 8), query);
    } else {
      text = figure(name, points);
    }
    result += text ? *text : label.substr(begin, end + 1 - begin);
    at = end + 1;
  }
  return result + label.substr(at);
}

}  // namespace cumulet::cloudwatch
