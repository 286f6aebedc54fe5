#include "services/cloudwatch/statistic.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace cumulet::cloudwatch {
namespace {

using WeightedValues = std::vector<std::pair<double, double>>;

constexpr std::size_t kLongestNumber = 24;

bool parse_plain(std::string_view text, double& value) {
  if (text.empty() || text.size() > kLongestNumber) return false;
  if (text.find_first_not_of("0123456789.") != std::string_view::npos) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

double percentile(const WeightedValues& points, double total, double percent) {
  const double rank = percent / 100 * (total - 1);
  double seen = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double last = seen + points[i].second - 1;
    if (rank <= last || i + 1 == points.size()) return points[i].first;
    if (rank < last + 1) {
      const double part = rank - std::max(last, 0.0);
      return points[i].first + (points[i + 1].first - points[i].first) * std::clamp(part, 0.0, 1.0);
    }
    seen += points[i].second;
  }
  return 0;
}

}  // namespace

std::optional<Statistic::Kind> Statistic::trimmed_kind(std::string_view letters) {
  if (letters == "tm") return Kind::kTrimmedMean;
  if (letters == "wm") return Kind::kWinsorizedMean;
  if (letters == "tc") return Kind::kTrimmedCount;
  if (letters == "ts") return Kind::kTrimmedSum;
  if (letters == "pr") return Kind::kPercentileRank;
  return std::nullopt;
}

std::optional<Statistic> Statistic::parse(std::string_view text) {
  Statistic result;
  if (text == "SampleCount" || text == "Average" || text == "Sum" || text == "Minimum" || text == "Maximum") {
    result.kind_ = text == "SampleCount" ? Kind::kCount
                   : text == "Average"   ? Kind::kAverage
                   : text == "Sum"       ? Kind::kSum
                   : text == "Minimum"   ? Kind::kMinimum
                                         : Kind::kMaximum;
    return result;
  }
  if (text == "IQM") {
    result.kind_ = Kind::kTrimmedMean;
    result.low_ = 25;
    result.high_ = 75;
    return result;
  }
  if (text.starts_with('p') && parse_plain(text.substr(1), result.high_) && result.high_ <= 100) {
    result.kind_ = Kind::kPercentile;
    return result;
  }
  if (text.size() < 3) return std::nullopt;
  const std::optional<Kind> kind = trimmed_kind(to_lower(text.substr(0, 2)));
  if (!kind) return std::nullopt;
  result.kind_ = *kind;
  const std::string_view rest = text.substr(2);
  if (rest.front() == '(' && rest.back() == ')') {
    return result.parse_range(rest.substr(1, rest.size() - 2)) ? std::optional(result) : std::nullopt;
  }
  const bool plain = *kind != Kind::kPercentileRank && parse_plain(rest, result.high_) && result.high_ <= 100;
  return plain ? std::optional(result) : std::nullopt;
}

bool Statistic::parse_range(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view low = trim(text.substr(0, colon));
  std::string_view high = trim(text.substr(colon + 1));
  if (low.empty() && high.empty()) return false;
  const bool low_percent = low.ends_with('%');
  const bool high_percent = high.ends_with('%');
  if (!low.empty() && !high.empty() && low_percent != high_percent) return false;
  percents_ = low_percent || high_percent;
  if (kind_ == Kind::kPercentileRank && percents_) return false;
  if (low_percent) low.remove_suffix(1);
  if (high_percent) high.remove_suffix(1);
  low_ = 0;
  high_ = percents_ ? 100 : std::numeric_limits<double>::infinity();
  if (low.empty() && !percents_) low_ = -std::numeric_limits<double>::infinity();
  if (!low.empty() && !parse_plain(low, low_)) return false;
  if (!high.empty() && !parse_plain(high, high_)) return false;
  return low_ <= high_ && (!percents_ || high_ <= 100);
}

std::optional<double> Statistic::of(const Summary& summary) const {
  if (summary.empty()) return std::nullopt;
  switch (kind_) {
    case Kind::kCount:
      return summary.count;
    case Kind::kAverage:
      return summary.sum / summary.count;
    case Kind::kSum:
      return summary.sum;
    case Kind::kMinimum:
      return summary.min;
    case Kind::kMaximum:
      return summary.max;
    default:
      break;
  }
  if (summary.spread_unknown || summary.min < 0) return std::nullopt;
  return spread(summary);
}

double Statistic::spread(const Summary& summary) const {
  const WeightedValues points = summary.distribution.points();
  const double total = summary.count;
  if (kind_ == Kind::kPercentile) {
    if (high_ == 100) return summary.max;
    return std::clamp(percentile(points, total, high_), summary.min, summary.max);
  }
  double kept = 0;
  double sum = 0;
  double seen = 0;
  const double from = low_ / 100 * total;
  const double to = high_ / 100 * total;
  for (const auto& [value, count] : points) {
    double inside = value > low_ && value <= high_ ? count : 0;
    if (percents_) inside = std::max(0.0, std::min(to, seen + count) - std::max(from, seen));
    kept += inside;
    sum += inside * value;
    seen += count;
  }
  switch (kind_) {
    case Kind::kTrimmedCount:
      return kept;
    case Kind::kTrimmedSum:
      return sum;
    case Kind::kPercentileRank:
      return kept / total * 100;
    case Kind::kTrimmedMean:
      return kept > 0 ? sum / kept : 0;
    default:
      break;
  }
  // Winsorized: what lies outside counts with the value of the nearer bound.
  const double low = percents_ ? percentile(points, total, low_) : std::max(low_, summary.min);
  const double high = percents_ ? percentile(points, total, high_) : std::min(high_, summary.max);
  double moved = 0;
  for (const auto& [value, count] : points) moved += std::clamp(value, low, std::max(low, high)) * count;
  return moved / total;
}

}  // namespace cumulet::cloudwatch
