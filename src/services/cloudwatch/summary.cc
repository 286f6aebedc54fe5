#include "services/cloudwatch/summary.h"

#include <algorithm>
#include <bit>

namespace cumulet::cloudwatch {

void Summary::add(double value, double times) {
  if (times <= 0) return;
  sum += value * times;
  count += times;
  min = std::min(min, value);
  max = std::max(max, value);
  distribution.add(value, times);
}

void Summary::add_set(double set_sum, double set_count, double set_min, double set_max) {
  if (set_count <= 0) return;
  if (set_count == 1 || set_min == set_max) return add(set_min == set_max ? set_min : set_sum, set_count);
  sum += set_sum;
  count += set_count;
  min = std::min(min, set_min);
  max = std::max(max, set_max);
  spread_unknown = true;
}

void Summary::merge(const Summary& other) {
  if (other.empty()) return;
  sum += other.sum;
  count += other.count;
  min = std::min(min, other.min);
  max = std::max(max, other.max);
  spread_unknown = spread_unknown || other.spread_unknown;
  distribution.merge(other.distribution);
}

std::string Summary::bytes() const {
  storage::RowWriter row;
  row.number(std::bit_cast<std::uint64_t>(sum)).number(std::bit_cast<std::uint64_t>(count));
  row.number(std::bit_cast<std::uint64_t>(min)).number(std::bit_cast<std::uint64_t>(max));
  row.boolean(spread_unknown);
  distribution.write(row);
  return std::move(row).bytes();
}

Summary Summary::read(std::string_view bytes) {
  storage::RowReader row(bytes);
  Summary result;
  result.sum = std::bit_cast<double>(row.number());
  result.count = std::bit_cast<double>(row.number());
  result.min = std::bit_cast<double>(row.number());
  result.max = std::bit_cast<double>(row.number());
  result.spread_unknown = row.boolean();
  result.distribution = Distribution::read(row);
  return row.ok() ? result : Summary();
}

}  // namespace cumulet::cloudwatch
