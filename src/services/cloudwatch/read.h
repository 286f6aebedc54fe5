#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "services/cloudwatch/statistic.h"
#include "services/cloudwatch/store.h"
#include "storage/database.h"

namespace cumulet::cloudwatch {

/// Which values: periods of [from, to), the first of which begins at `from`. Seconds.
struct Range {
  Range(std::int64_t f, std::int64_t t, std::int64_t p) : from(f), to(t), period(p) {}
  std::int64_t from;
  std::int64_t to;
  std::int64_t period;
  std::int64_t points() const { return to <= from ? 0 : (to - from + period - 1) / period; }
};

/// By the begin of the period, ascending.
using Points = std::vector<std::pair<std::int64_t, double>>;

/// What may be asked as a period: 1, 5, 10, 20, 30 or a multiple of 60.
bool is_period(std::int64_t period);

/// Gives each period that has values to `each`, ascending. What is older than its retention at `now` is left out: data
/// of seconds after 3 hours, periods that are no multiple of 5 minutes after 15 days, of an hour after 63 days. Without
/// a unit all units are taken together. Memory: some thousand summaries at a time.
using EachPeriod = std::function<void(std::int64_t time, const Summary& summary)>;
Task<void> read_periods(storage::Database& database, Store store, Series series, std::optional<std::uint8_t> unit,
                        Range range, std::int64_t now, EachPeriod each);

/// The units that a series has values of.
Task<std::vector<std::uint8_t>> units_of(storage::Database& database, Store store, Series series, Range range);

/// The statistic of each period that has one.
Task<Points> read_points(storage::Database& database, Store store, Series series, std::optional<std::uint8_t> unit,
                         Range range, Statistic statistic, std::int64_t now);

}  // namespace cumulet::cloudwatch
