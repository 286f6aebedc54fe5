#include <algorithm>
#include <cmath>
#include <ctime>
#include <functional>
#include <numeric>
#include <set>

#include "services/cloudwatch/math.h"

namespace cumulet::cloudwatch {
namespace {

using Values = std::vector<double>;

double aggregate(const std::string& function, const Values& values) {
  if (function == "MIN") return *std::min_element(values.begin(), values.end());
  if (function == "MAX") return *std::max_element(values.begin(), values.end());
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  if (function == "SUM") return sum;
  const double mean = sum / static_cast<double>(values.size());
  if (function == "AVG") return mean;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return std::sqrt(squares / static_cast<double>(values.size()));
}

bool is_aggregate(const std::string& name) {
  return name == "AVG" || name == "MAX" || name == "MIN" || name == "STDDEV" || name == "SUM";
}

Values values_of(const MathSeries& series) {
  Values values;
  values.reserve(series.points.size());
  for (const auto& point : series.points) values.push_back(point.second);
  return values;
}

std::int64_t widest_period(const std::vector<MathSeries>& series) {
  std::int64_t period = 60;
  for (const MathSeries& one : series) period = &one == &series.front() ? one.period : std::max(period, one.period);
  return period;
}

/// Over the series of an array, time by time.
MathSeries across(const std::string& function, const std::vector<MathSeries>& all) {
  std::map<std::int64_t, Values> times;
  for (const MathSeries& series : all) {
    for (const auto& [time, value] : series.points) times[time].push_back(value);
  }
  MathSeries result;
  result.label = function;
  result.period = widest_period(all);
  for (const auto& [time, values] : times) {
    const double value =
        function == "DATAPOINT_COUNT" ? static_cast<double>(values.size()) : aggregate(function, values);
    result.points.emplace_back(time, value);
  }
  return result;
}

/// A call with its evaluated arguments.
class FunctionCall {
 public:
  FunctionCall(const MathNode& node, std::vector<MathValue> arguments, const MathContext& context)
      : node_(node), name_(node.text), arguments_(std::move(arguments)), context_(context) {}

  Result<MathValue> run();

 private:
  using PerPoint = std::function<double(std::int64_t time, double value)>;

  Error arguments_wrong() const { return invalid_math("The arguments of the function " + name_ + " are not valid"); }
  bool is_series(std::size_t at) const {
    return at < arguments_.size() && !arguments_[at].scalar && node_.children[at].kind != MathNode::Kind::kText &&
           !is_word(at);
  }
  bool is_number(std::size_t at) const { return at < arguments_.size() && arguments_[at].scalar; }
  bool is_word(std::size_t at) const {
    return at < node_.children.size() && node_.children[at].kind == MathNode::Kind::kName && !arguments_[at].scalar &&
           arguments_[at].series.empty() && !arguments_[at].array;
  }
  const std::string& word(std::size_t at) const { return node_.children[at].text; }

  Result<MathValue> each_point(const PerPoint& change) const;
  Result<MathValue> each_series(const std::function<MathSeries(const MathSeries&)>& change) const;
  Result<MathValue> aggregate_call() const;
  Result<MathValue> number_of_series(const std::function<double(const MathSeries&)>& number) const;
  Result<MathValue> steps(bool of_time, bool per_second) const;
  Result<MathValue> fill() const;
  MathSeries filled(const MathSeries& series) const;
  Result<MathValue> condition() const;
  Result<MathValue> sort() const;
  Result<MathValue> slice() const;
  Result<MathValue> time_series() const;
  Result<MathValue> list() const;
  Result<MathValue> calendar() const;
  Result<MathValue> running_sum() const;

  const MathNode& node_;
  const std::string& name_;
  const std::vector<MathValue> arguments_;
  const MathContext& context_;
};

Result<MathValue> FunctionCall::each_series(const std::function<MathSeries(const MathSeries&)>& change) const {
  if (!is_series(0)) return arguments_wrong();
  MathValue result;
  result.array = arguments_[0].array;
  for (const MathSeries& series : arguments_[0].series) {
    result.series.push_back(change(series));
    result.series.back().label = series.label;
    result.series.back().period = series.period;
  }
  return result;
}

Result<MathValue> FunctionCall::each_point(const PerPoint& change) const {
  if (arguments_.size() != 1) return arguments_wrong();
  if (is_number(0)) return MathValue::of(change(0, arguments_[0].number));
  return each_series([&change](const MathSeries& series) {
    MathSeries result;
    for (const auto& [time, value] : series.points) {
      const double made = change(time, value);
      if (std::isfinite(made)) result.points.emplace_back(time, made);
    }
    return result;
  });
}

/// Of one series a number, of an array a series.
Result<MathValue> FunctionCall::aggregate_call() const {
  if (arguments_.empty()) return arguments_wrong();
  if (arguments_.size() == 1 && is_number(0)) return arguments_[0];
  if (arguments_.size() == 1 && is_series(0) && !arguments_[0].array) {
    const Values values = values_of(arguments_[0].series.front());
    if (name_ == "DATAPOINT_COUNT") return MathValue::of(static_cast<double>(values.size()));
    // Without values there is nothing to say about them.
    if (values.empty()) return MathValue::of(MathSeries());
    return MathValue::of(aggregate(name_, values));
  }
  std::vector<MathSeries> all;
  Values numbers;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (is_number(i)) {
      numbers.push_back(arguments_[i].number);
    } else if (is_series(i)) {
      all.insert(all.end(), arguments_[i].series.begin(), arguments_[i].series.end());
    } else {
      return arguments_wrong();
    }
  }
  if (all.empty() && !numbers.empty()) return MathValue::of(aggregate(name_, numbers));
  return MathValue::of(across(name_, all));
}

Result<MathValue> FunctionCall::number_of_series(const std::function<double(const MathSeries&)>& number) const {
  if (arguments_.size() != 1 || !is_series(0)) return arguments_wrong();
  if (arguments_[0].array) {
    MathValue result;
    result.array = true;
    for (const MathSeries& series : arguments_[0].series) {
      MathSeries constant = series;
      for (auto& point : constant.points) point.second = number(series);
      result.series.push_back(std::move(constant));
    }
    return result;
  }
  return MathValue::of(number(arguments_[0].series.front()));
}

Result<MathValue> FunctionCall::steps(bool of_time, bool per_second) const {
  return each_series([of_time, per_second](const MathSeries& series) {
    MathSeries result;
    for (std::size_t i = 1; i < series.points.size(); ++i) {
      const auto& [before, old_value] = series.points[i - 1];
      const auto& [time, value] = series.points[i];
      const auto seconds = static_cast<double>(time - before);
      const double step = of_time ? seconds : value - old_value;
      result.points.emplace_back(time, per_second ? step / seconds : step);
    }
    return result;
  });
}

MathSeries FunctionCall::filled(const MathSeries& series) const {
  const Range range = context_.range(series.period);
  std::map<std::int64_t, double> known(series.points.begin(), series.points.end());
  std::map<std::int64_t, double> other;
  if (is_series(1))
    other.insert(arguments_[1].series.front().points.begin(), arguments_[1].series.front().points.end());
  MathSeries result;
  for (std::int64_t time = range.from; time < range.to; time += series.period) {
    const auto after = known.lower_bound(time);
    if (after != known.end() && after->first == time) {
      result.points.emplace_back(time, after->second);
    } else if (is_number(1)) {
      result.points.emplace_back(time, arguments_[1].number);
    } else if (is_series(1)) {
      if (other.contains(time)) result.points.emplace_back(time, other[time]);
    } else if (after != known.begin()) {
      const auto before = std::prev(after);
      if (word(1) == "REPEAT") {
        result.points.emplace_back(time, before->second);
      } else if (after != known.end()) {
        const double part =
            static_cast<double>(time - before->first) / static_cast<double>(after->first - before->first);
        result.points.emplace_back(time, before->second + (after->second - before->second) * part);
      }
    }
  }
  return result;
}

Result<MathValue> FunctionCall::fill() const {
  const bool known_word = is_word(1) && (word(1) == "REPEAT" || word(1) == "LINEAR");
  if (arguments_.size() != 2 || !(is_number(1) || is_series(1) || known_word)) return arguments_wrong();
  return each_series([this](const MathSeries& series) { return filled(series); });
}

Result<MathValue> FunctionCall::condition() const {
  if (arguments_.size() < 2 || arguments_.size() > 3) return arguments_wrong();
  if (is_number(0)) {
    if (arguments_[0].number != 0) return arguments_[1];
    return arguments_.size() == 3 ? arguments_[2] : MathValue::of(MathSeries());
  }
  for (std::size_t i = 1; i < arguments_.size(); ++i) {
    if (!is_number(i) && (!is_series(i) || arguments_[i].array)) return arguments_wrong();
  }
  const auto at = [this](std::size_t which, std::int64_t time) -> std::optional<double> {
    if (which >= arguments_.size()) return std::nullopt;
    if (is_number(which)) return arguments_[which].number;
    const Points& points = arguments_[which].series.front().points;
    const auto found = std::lower_bound(points.begin(), points.end(), std::pair<std::int64_t, double>(time, -INFINITY));
    if (found == points.end() || found->first != time) return std::nullopt;
    return found->second;
  };
  return each_series([&at](const MathSeries& series) {
    MathSeries result;
    for (const auto& [time, value] : series.points) {
      if (const std::optional<double> made = at(value != 0 ? 1 : 2, time)) result.points.emplace_back(time, *made);
    }
    return result;
  });
}

Result<MathValue> FunctionCall::sort() const {
  const bool valid = arguments_.size() >= 3 && arguments_.size() <= 4 && is_series(0) && is_word(1) && is_word(2) &&
                     is_aggregate(word(1)) && (word(2) == "ASC" || word(2) == "DESC") &&
                     (arguments_.size() == 3 || is_number(3));
  if (!valid) return arguments_wrong();
  std::vector<std::pair<double, const MathSeries*>> ranked;
  for (const MathSeries& series : arguments_[0].series) {
    const Values values = values_of(series);
    if (!values.empty()) ranked.emplace_back(aggregate(word(1), values), &series);
  }
  const bool ascending = word(2) == "ASC";
  std::stable_sort(ranked.begin(), ranked.end(), [ascending](const auto& a, const auto& b) {
    return ascending ? a.first < b.first : a.first > b.first;
  });
  if (arguments_.size() == 4)
    ranked.resize(
        std::min(ranked.size(), static_cast<std::size_t>(std::max(0.0, std::min(arguments_[3].number, 500.0)))));
  MathValue result;
  result.array = true;
  for (const auto& entry : ranked) result.series.push_back(*entry.second);
  return result;
}

Result<MathValue> FunctionCall::slice() const {
  const bool valid = arguments_.size() >= 2 && arguments_.size() <= 3 && is_series(0) && is_number(1) &&
                     (arguments_.size() == 2 || is_number(2));
  if (!valid) return arguments_wrong();
  const std::vector<MathSeries>& all = arguments_[0].series;
  const auto index = [&all](double number) {
    return static_cast<std::size_t>(std::clamp(number, 0.0, static_cast<double>(all.size())));
  };
  const std::size_t begin = index(arguments_[1].number);
  const std::size_t end = arguments_.size() == 3 ? index(arguments_[2].number) : begin + 1;
  MathValue result;
  result.array = arguments_.size() == 3;
  for (std::size_t i = begin; i < std::min(end, all.size()); ++i) result.series.push_back(all[i]);
  if (result.series.empty() && !result.array) result.series.emplace_back();
  return result;
}

Result<MathValue> FunctionCall::time_series() const {
  if (arguments_.size() != 1 || !is_number(0)) return arguments_wrong();
  const Range range = context_.range(0);
  MathSeries result;
  result.label = name_;
  result.period = range.period;
  for (std::int64_t time = range.from; time < range.to; time += range.period) {
    result.points.emplace_back(time, arguments_[0].number);
  }
  return MathValue::of(std::move(result));
}

Result<MathValue> FunctionCall::list() const {
  MathValue result;
  result.array = true;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (!is_series(i)) return arguments_wrong();
    result.series.insert(result.series.end(), arguments_[i].series.begin(), arguments_[i].series.end());
  }
  return result;
}

Result<MathValue> FunctionCall::calendar() const {
  return each_point([this](std::int64_t time, double) -> double {
    const std::time_t seconds = time;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    if (name_ == "MINUTE") return parts.tm_min;
    if (name_ == "HOUR") return parts.tm_hour;
    if (name_ == "DAY") return parts.tm_wday == 0 ? 7 : parts.tm_wday;
    if (name_ == "DATE") return parts.tm_mday;
    if (name_ == "MONTH") return parts.tm_mon + 1;
    if (name_ == "YEAR") return parts.tm_year + 1900;
    return static_cast<double>(time);
  });
}

Result<MathValue> FunctionCall::running_sum() const {
  return each_series([](const MathSeries& series) {
    MathSeries result = series;
    double sum = 0;
    for (auto& point : result.points) point.second = sum += point.second;
    return result;
  });
}

Result<MathValue> FunctionCall::run() {
  if (is_aggregate(name_) || name_ == "DATAPOINT_COUNT") return aggregate_call();
  if (name_ == "METRICS") {
    if (arguments_.size() > 1 || (arguments_.size() == 1 && node_.children[0].kind != MathNode::Kind::kText)) {
      return arguments_wrong();
    }
    return context_.metrics(arguments_.empty() ? "" : node_.children[0].text);
  }
  if (name_ == "[]") return list();
  if (name_ == "ABS") return each_point([](std::int64_t, double value) { return std::fabs(value); });
  if (name_ == "CEIL") return each_point([](std::int64_t, double value) { return std::ceil(value); });
  if (name_ == "FLOOR") return each_point([](std::int64_t, double value) { return std::floor(value); });
  if (name_ == "LOG") return each_point([](std::int64_t, double value) { return std::log(value); });
  if (name_ == "LOG10") return each_point([](std::int64_t, double value) { return std::log10(value); });
  if (name_ == "DIFF") return steps(false, false);
  if (name_ == "DIFF_TIME") return steps(true, false);
  if (name_ == "RATE") return steps(false, true);
  if (name_ == "FILL") return fill();
  if (name_ == "IF") return condition();
  if (name_ == "SORT") return sort();
  if (name_ == "SLICE") return slice();
  if (name_ == "TIME_SERIES") return time_series();
  if (name_ == "RUNNING_SUM") return running_sum();
  if (name_ == "PERIOD") {
    return number_of_series([](const MathSeries& series) { return static_cast<double>(series.period); });
  }
  if (name_ == "FIRST" || name_ == "LAST") {
    if (!is_series(0) || arguments_[0].series.empty()) return arguments_wrong();
    const auto& all = arguments_[0].series;
    return MathValue::of(name_ == "FIRST" ? all.front() : all.back());
  }
  if (name_ == "METRIC_COUNT") {
    if (!is_series(0)) return arguments_wrong();
    return MathValue::of(static_cast<double>(arguments_[0].series.size()));
  }
  if (name_ == "REMOVE_EMPTY") {
    if (!is_series(0)) return arguments_wrong();
    MathValue result = arguments_[0];
    std::erase_if(result.series, [](const MathSeries& series) { return series.points.empty(); });
    return result;
  }
  static const std::set<std::string> kCalendar{"MINUTE", "HOUR", "DAY", "DATE", "MONTH", "YEAR", "EPOCH"};
  if (kCalendar.contains(name_)) return calendar();
  return invalid_math("The function " + name_ + " is not supported");
}

}  // namespace

Result<MathValue> call_function(const MathNode& node, std::vector<MathValue> arguments, const MathContext& context) {
  return FunctionCall(node, std::move(arguments), context).run();
}

}  // namespace cumulet::cloudwatch
