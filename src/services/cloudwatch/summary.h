#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "services/cloudwatch/distribution.h"

namespace cumulet::cloudwatch {

/// What is kept of the values that a series got in one period. Summaries of parts merge into that of the whole.
struct Summary {
  double sum = 0;
  double count = 0;
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();
  /// Values came as statistic sets whose spread is not known: such a period has no percentiles.
  bool spread_unknown = false;
  Distribution distribution;

  bool empty() const { return count == 0; }
  void add(double value, double times = 1);
  /// A statistic set as PutMetricData takes it.
  void add_set(double set_sum, double set_count, double set_min, double set_max);
  void merge(const Summary& other);

  std::string bytes() const;
  /// An empty one when the row is damaged.
  static Summary read(std::string_view bytes);
};

}  // namespace cumulet::cloudwatch
