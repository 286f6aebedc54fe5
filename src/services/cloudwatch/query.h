#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "services/cloudwatch/math.h"
#include "services/cloudwatch/store.h"
#include "storage/database.h"
#include "wire/generated/cloudwatch.h"

namespace cumulet::cloudwatch {

/// The values of one query of a GetMetricData call: of a metric one series, of an expression one or more.
struct QueryResult {
  std::string id;
  std::string label;
  bool returned = true;
  std::int64_t period = 60;
  Points points;
};

/// The window that is asked for, seconds; `now` decides what retention still keeps.
struct QueryWindow {
  QueryWindow(std::int64_t f, std::int64_t t, std::int64_t n) : from(f), to(t), now(n) {}
  std::int64_t from;
  std::int64_t to;
  std::int64_t now;
};

/// The rules that do not need the data: ids, periods, statistics, expressions, references, circles. Fails with
/// ValidationError.
Result<void> check_queries(const std::vector<wire::cloudwatch::MetricDataQuery>& queries);

/// Reads and calculates all queries of a call, those that are not returned included. At most a million values.
Task<std::vector<QueryResult>> run_queries(storage::Database& database, Store store,
                                           std::vector<wire::cloudwatch::MetricDataQuery> queries, QueryWindow window);

}  // namespace cumulet::cloudwatch
