#include <simdjson.h>

#include "services/logs/filters.h"

namespace cumulet::logs {
namespace {

using simdjson::dom::element;

constexpr std::size_t kLongestMessage = 1u << 20;
constexpr std::size_t kMostMetrics = 100;
constexpr std::size_t kMostDimensions = 30;
constexpr std::size_t kMostValues = 100;
/// A message of at most 1 MB could otherwise name the same metric under thousands of sets of dimensions.
constexpr std::size_t kMostSamples = 10'000;

using Dimensions = std::vector<std::pair<std::string, std::string>>;

std::optional<Dimensions> dimensions_of(element set, element root) {
  simdjson::dom::array names;
  if (set.get(names) || names.size() > kMostDimensions) return std::nullopt;
  Dimensions dimensions;
  for (const element name : names) {
    std::string_view key;
    std::string_view value;
    if (name.get(key) || root.at_key(key).get(value) || value.empty()) return std::nullopt;
    dimensions.emplace_back(key, value);
  }
  return dimensions;
}

std::vector<double> values_of(element root, std::string_view name) {
  std::vector<double> values;
  element found;
  if (root.at_key(name).get(found)) return values;
  double number = 0;
  simdjson::dom::array many;
  if (!found.get(number)) {
    values.push_back(number);
  } else if (!found.get(many) && many.size() <= kMostValues) {
    for (const element each : many) {
      if (!each.get(number)) values.push_back(number);
    }
  }
  return values;
}

/// One directive: its metrics under each of its sets of dimensions.
void extract_directive(const EventSource& source, element directive, element root, std::int64_t time,
                       std::vector<events::MetricSample>& samples) {
  std::string_view space;
  simdjson::dom::array metrics;
  if (directive["Namespace"].get(space) || space.empty() || directive["Metrics"].get(metrics)) return;
  if (metrics.size() > kMostMetrics) return;
  std::vector<Dimensions> sets;
  simdjson::dom::array given;
  const bool has_sets = !directive["Dimensions"].get(given) && given.size() > 0;
  if (!has_sets) sets.emplace_back();
  if (has_sets) {
    for (const element set : given) {
      if (std::optional<Dimensions> dimensions = dimensions_of(set, root)) sets.push_back(std::move(*dimensions));
    }
  }
  for (const element metric : metrics) {
    std::string_view name;
    if (metric["Name"].get(name) || name.empty()) continue;
    std::string_view unit = "None";
    if (metric["Unit"].get(unit)) unit = "None";
    const std::vector<double> values = values_of(root, name);
    for (const Dimensions& dimensions : sets) {
      for (const double value : values) {
        if (samples.size() >= kMostSamples) return;
        events::MetricSample& sample = samples.emplace_back(source.account, source.region, space, name);
        sample.dimensions = dimensions;
        sample.value = value;
        sample.unit = std::string(unit);
        sample.time = time / 1000;
      }
    }
  }
}

}  // namespace

void extract_embedded(const EventSource& source, const LogEvent& event, std::vector<events::MetricSample>& samples) {
  const std::string& message = event.message;
  if (message.find("\"_aws\"") == std::string::npos || message.size() > kLongestMessage) return;
  thread_local simdjson::dom::parser parser;
  element root;
  if (parser.parse(message).get(root) || !root.is_object()) return;
  simdjson::dom::array directives;
  if (root["_aws"]["CloudWatchMetrics"].get(directives)) return;
  std::int64_t time = 0;
  if (root["_aws"]["Timestamp"].get(time)) time = event.position.time;
  for (const element directive : directives) extract_directive(source, directive, root, time, samples);
}

}  // namespace cumulet::logs
