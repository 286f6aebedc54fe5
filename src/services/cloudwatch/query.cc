#include "services/cloudwatch/query.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "services/cloudwatch/common.h"
#include "services/cloudwatch/label.h"
#include "services/cloudwatch/search.h"

namespace cumulet::cloudwatch {
namespace {

namespace api = wire::cloudwatch;

constexpr std::size_t kMostQueries = 500;
constexpr std::size_t kMostFound = 500;
constexpr std::size_t kSearchPage = 1000;
constexpr std::int64_t kMostPoints = 1'000'000;
constexpr std::int64_t kDefaultPeriod = 60;

bool is_id(const std::string& id) {
  if (id.empty() || id.size() > 255 || id.front() < 'a' || id.front() > 'z') return false;
  return std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

bool is_function_word(const std::string& name) {
  static const std::set<std::string> kWords{"REPEAT", "LINEAR", "ASC", "DESC", "AVG", "MIN", "MAX", "SUM", "STDDEV"};
  return kWords.contains(name);
}

Result<void> check_stat(const api::MetricDataQuery& query) {
  const api::MetricStat& stat = *query.metric_stat;
  if (!stat.metric.namespace_ || !stat.metric.metric_name) {
    return validation_error(
        "The parameter MetricDataQueries.MetricStat.Metric must have a Namespace and a MetricName.");
  }
  if (!is_period(stat.period)) {
    return validation_error(
        "The parameter MetricDataQueries.MetricStat.Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
  }
  if (!Statistic::parse(stat.stat)) {
    return validation_error("The value " + stat.stat +
                            " for parameter MetricDataQueries.MetricStat.Stat is not supported.");
  }
  return {};
}

void collect_searches(const MathNode& node, std::vector<const MathNode*>& searches) {
  if (node.kind == MathNode::Kind::kCall && node.text == "SEARCH") searches.push_back(&node);
  for (const MathNode& child : node.children) collect_searches(child, searches);
}

/// The queries of one call while they are worked out.
class Run final : public MathContext {
 public:
  Run(storage::Database* database, Store store, std::vector<api::MetricDataQuery> queries, QueryWindow window)
      : database_(database), store_(std::move(store)), queries_(std::move(queries)), window_(window) {}

  Result<void> prepare();
  Task<void> read();
  Result<void> calculate();
  std::vector<QueryResult> results() const;

  const MathValue* find(const std::string& id) const override {
    const auto found = values_.find(id);
    return found == values_.end() ? nullptr : &found->second;
  }
  MathValue metrics(const std::string& part) const override;
  const MathValue* search(const MathNode& call) const override {
    const auto found = found_.find(&call);
    return found == found_.end() ? nullptr : &found->second;
  }
  Range range(std::int64_t period) const override {
    const std::int64_t step = period > 0 ? period : current_period_;
    return Range(floor_to(window_.from, step), window_.to, step);
  }

 private:
  Result<void> order(const std::string& id, std::set<std::string>& open);
  Task<MathSeries> read_series(Series series, std::optional<std::uint8_t> unit, std::int64_t period,
                               Statistic statistic);
  Task<void> read_search(const MathNode& call);
  Task<std::vector<Series>> find_series(const Search& search);
  Result<void> count_points(std::int64_t points);

  storage::Database* database_;  ///< Null when nothing is read.
  const Store store_;
  const std::vector<api::MetricDataQuery> queries_;
  const QueryWindow window_;

  std::map<std::string, const api::MetricDataQuery*> by_id_;
  std::map<std::string, MathNode> expressions_;
  std::vector<std::string> order_;  ///< Expressions, each after those that it names.
  std::map<std::string, MathValue> values_;
  std::map<const MathNode*, MathValue> found_;
  std::int64_t current_period_ = kDefaultPeriod;
  std::int64_t points_ = 0;
};

Result<void> Run::prepare() {
  if (queries_.empty()) return validation_error("The collection MetricDataQueries must not be empty.");
  if (queries_.size() > kMostQueries) {
    return validation_error("The collection MetricDataQueries must not have a size greater than 500.");
  }
  for (const api::MetricDataQuery& query : queries_) {
    if (!is_id(query.id)) {
      return validation_error(
          "The value " + query.id +
          " for parameter MetricDataQueries.Id is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$.");
    }
    if (!by_id_.emplace(query.id, &query).second) {
      return validation_error("The values for parameter id in MetricDataQueries are not unique.");
    }
    if (query.expression.has_value() == query.metric_stat.has_value()) {
      return validation_error(
          "The parameters MetricDataQueries.Expression and MetricDataQueries.MetricStat are mutually exclusive and "
          "exactly one of them must be given.");
    }
    if (query.period && !is_period(*query.period)) {
      return validation_error("The parameter MetricDataQueries.Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
    }
    if (query.metric_stat) {
      if (Result<void> checked = check_stat(query); !checked.ok()) return checked;
      continue;
    }
    Result<MathNode> expression = parse_math(*query.expression);
    if (!expression.ok()) return std::move(expression).error();
    expressions_.emplace(query.id, std::move(*expression));
  }
  for (const auto& entry : expressions_) {
    std::set<std::string> open;
    if (Result<void> ordered = order(entry.first, open); !ordered.ok()) return ordered;
  }
  return {};
}

Result<void> Run::order(const std::string& id, std::set<std::string>& open) {
  if (std::find(order_.begin(), order_.end(), id) != order_.end()) return {};
  if (!open.insert(id).second) return validation_error("Circular reference in the expression of '" + id + "'.");
  std::vector<std::string> names;
  collect_names(expressions_.at(id), names);
  for (const std::string& name : names) {
    if (!by_id_.contains(name)) {
      if (is_function_word(name)) continue;
      return validation_error("Error in expression '" + id + "': Unresolved reference to '" + name + "'");
    }
    if (!expressions_.contains(name)) continue;
    if (Result<void> ordered = order(name, open); !ordered.ok()) return ordered;
  }
  order_.push_back(id);
  return {};
}

Result<void> Run::count_points(std::int64_t points) {
  points_ += points;
  if (points_ <= kMostPoints) return {};
  return validation_error(
      "The call asks for more than 1,000,000 datapoints. You may reduce the datapoints requested by increasing Period, "
      "or decreasing the time range.");
}

Task<MathSeries> Run::read_series(Series series, std::optional<std::uint8_t> unit, std::int64_t period,
                                  Statistic statistic) {
  const Range wanted = range(period);
  co_await count_points(wanted.points());
  MathSeries result;
  result.label = series.name;
  result.period = period;
  result.points = co_await read_points(*database_, store_, std::move(series), unit, wanted, statistic, window_.now);
  co_return result;
}

Task<void> Run::read() {
  for (const api::MetricDataQuery& query : queries_) {
    if (!query.metric_stat) continue;
    const api::MetricStat& stat = *query.metric_stat;
    Series series = co_await series_of(*stat.metric.namespace_, *stat.metric.metric_name, stat.metric.dimensions);
    std::optional<std::uint8_t> unit;
    if (stat.unit) unit = unit_number(*stat.unit);
    MathSeries read = co_await read_series(std::move(series), unit, stat.period, *Statistic::parse(stat.stat));
    values_.emplace(query.id, MathValue::of(std::move(read)));
  }
  std::vector<const MathNode*> searches;
  for (const auto& entry : expressions_) collect_searches(entry.second, searches);
  if (searches.size() > 5) {
    co_await fail(validation_error("A call must not have more than 5 SEARCH functions."));
  }
  for (const MathNode* call : searches) co_await read_search(*call);
}

Task<void> Run::read_search(const MathNode& call) {
  const std::vector<MathNode>& given = call.children;
  const bool valid = (given.size() == 2 || given.size() == 3) && given[0].kind == MathNode::Kind::kText &&
                     given[1].kind == MathNode::Kind::kText &&
                     (given.size() == 2 || given[2].kind == MathNode::Kind::kNumber);
  const std::optional<Statistic> statistic = valid ? Statistic::parse(given[1].text) : std::nullopt;
  const std::int64_t period =
      valid && given.size() == 3 ? static_cast<std::int64_t>(given[2].number) : kDefaultPeriod * 5;
  if (!statistic || !is_period(period)) {
    co_await fail(validation_error("The arguments of the function SEARCH are not valid"));
  }
  const Search search = co_await Search::parse(given[0].text);
  const std::vector<Series> series = co_await find_series(search);
  MathValue found;
  found.array = true;
  for (const Series& one : series) {
    MathSeries read = co_await read_series(one, std::nullopt, period, *statistic);
    for (const auto& dimension : one.dimensions) read.label = dimension.second + " " + read.label;
    found.series.push_back(std::move(read));
  }
  found_.emplace(&call, std::move(found));
}

Task<std::vector<Series>> Run::find_series(const Search& search) {
  std::vector<Series> result;
  std::string after;
  do {
    std::string reached;
    const auto page = [&](storage::Transaction& txn) -> Task<std::vector<ListedSeries>> {
      reached = after;
      co_return co_await store_.list_series(txn, search.space(), "", reached, kSearchPage);
    };
    const std::vector<ListedSeries> listed = co_await storage::transact(*database_, page);
    after = reached;
    for (const ListedSeries& series : listed) {
      const bool recent = series.last >= window_.from - kDaySeconds;
      if (recent && search.matches(series.series) && result.size() < kMostFound) result.push_back(series.series);
    }
  } while (!after.empty() && result.size() < kMostFound);
  co_return result;
}

MathValue Run::metrics(const std::string& part) const {
  MathValue result;
  result.array = true;
  for (const api::MetricDataQuery& query : queries_) {
    if (!query.metric_stat || query.id.find(part) == std::string::npos) continue;
    result.series.push_back(values_.at(query.id).series.front());
  }
  return result;
}

Result<void> Run::calculate() {
  for (const std::string& id : order_) {
    std::vector<std::string> names;
    collect_names(expressions_.at(id), names);
    std::int64_t period = 0;
    for (const std::string& name : names) {
      if (const MathValue* value = find(name)) {
        for (const MathSeries& series : value->series) period = std::max(period, series.period);
      }
    }
    const api::MetricDataQuery& query = *by_id_.at(id);
    if (period == 0) period = query.period.value_or(kDefaultPeriod);
    current_period_ = period;
    Result<MathValue> value = evaluate(expressions_.at(id), *this);
    if (!value.ok()) return std::move(value).error();
    if (value->scalar) {
      // A number alone is shown as a line.
      const Range grid = range(period);
      if (Result<void> counted = count_points(grid.points()); !counted.ok()) return counted;
    }
    for (const MathSeries& series : value->series) {
      if (Result<void> counted = count_points(static_cast<std::int64_t>(series.points.size())); !counted.ok()) {
        return counted;
      }
    }
    values_[id] = std::move(*value);
  }
  return {};
}

std::vector<QueryResult> Run::results() const {
  std::vector<QueryResult> results;
  for (const api::MetricDataQuery& query : queries_) {
    const MathValue& value = values_.at(query.id);
    std::vector<MathSeries> shown = value.series;
    if (value.scalar) {
      const Range grid = range(query.period.value_or(kDefaultPeriod));
      MathSeries& line = shown.emplace_back();
      line.period = grid.period;
      for (std::int64_t time = grid.from; time < grid.to; time += grid.period)
        line.points.emplace_back(time, value.number);
    }
    for (MathSeries& series : shown) {
      QueryResult& result = results.emplace_back();
      result.id = query.id;
      result.returned = query.return_data.value_or(true);
      result.period = series.period;
      const std::string own = value.array || query.metric_stat ? series.label : query.id;
      result.label = query.label ? expand_label(*query.label, own, query, series.points) : own;
      result.points = std::move(series.points);
    }
  }
  return results;
}

}  // namespace

Result<void> check_queries(const std::vector<api::MetricDataQuery>& queries) {
  Run run(nullptr, Store("", ""), queries, QueryWindow(0, 0, 0));
  return run.prepare();
}

Task<std::vector<QueryResult>> run_queries(storage::Database& database, Store store,
                                           std::vector<api::MetricDataQuery> queries, QueryWindow window) {
  Run run(&database, std::move(store), std::move(queries), window);
  co_await run.prepare();
  co_await run.read();
  co_await run.calculate();
  co_return run.results();
}

}  // namespace cumulet::cloudwatch
