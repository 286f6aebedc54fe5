#pragma once

#include <optional>
#include <string_view>

#include "services/cloudwatch/summary.h"

namespace cumulet::cloudwatch {

/// A statistic by its name: SampleCount, Average, Sum, Minimum, Maximum, a percentile (p99.9), IQM, or a trimmed one
/// over a range of percents or of values: tm90, TM(10%:90%), wm98, TC(:0.5), ts90, PR(100:2000).
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
class Statistic {
 public:
  static std::optional<Statistic> parse(std::string_view text);

  /// Nothing when the spread of the values is needed and not known, or a value is negative.
  std::optional<double> of(const Summary& summary) const;
  bool needs_spread() const { return kind_ >= Kind::kPercentile; }
  bool is_percentile() const { return kind_ == Kind::kPercentile; }
  /// Of percents: what the name says ("p99" has 99).
  double percent() const { return high_; }

 private:
  enum class Kind {
    kCount,
    kAverage,
    kSum,
    kMinimum,
    kMaximum,
    kPercentile,
    kTrimmedMean,
    kWinsorizedMean,
    kTrimmedCount,
    kTrimmedSum,
    kPercentileRank
  };

  static std::optional<Kind> trimmed_kind(std::string_view letters);
  bool parse_range(std::string_view text);
  double spread(const Summary& summary) const;

  Kind kind_ = Kind::kAverage;
  bool percents_ = true;  ///< The range is of percents, not of values.
  double low_ = 0;
  double high_ = 100;
};

}  // namespace cumulet::cloudwatch
