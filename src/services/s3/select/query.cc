#include "services/s3/select/query.h"

#include "services/s3/select/errors.h"

namespace cumulet::s3::select {

Query::Query(Statement statement, const Settings& settings, Moment now)
    : statement_(std::move(statement)), evaluation_(now), writer_(settings) {
  for (const Expression* aggregate : statement_.aggregates) accumulators_.emplace_back(aggregate->aggregate);
}

std::string_view Query::bind(RecordSource& source, Expression& expression) {
  if (expression.operation == Operation::kReference) return source.bind(expression);
  for (const ExpressionPtr& operand : expression.operands) {
    const std::string_view failure = bind(source, *operand);
    if (!failure.empty()) return failure;
  }
  return {};
}

Result<void> Query::bind(RecordSource& source) {
  std::string_view failure = statement_.where != nullptr ? bind(source, *statement_.where) : std::string_view();
  for (const Projection& projection : statement_.projections) {
    if (failure.empty() && projection.expression != nullptr) failure = bind(source, *projection.expression);
  }
  if (!failure.empty()) return select_error(failure);
  return {};
}

bool Query::wants_all() const {
  for (const Projection& projection : statement_.projections) {
    if (projection.expression == nullptr) return true;
  }
  return false;
}

bool Query::done() const {
  if (!statement_.limit) return false;
  return *statement_.limit == 0 || (accumulators_.empty() && rows_ >= *statement_.limit);
}

std::string_view Query::write(const Record* record, std::string& out) {
  writer_.begin();
  for (const Projection& projection : statement_.projections) {
    if (projection.expression != nullptr) {
      writer_.column(projection.name, evaluation_.evaluate(*projection.expression));
    } else if (record != nullptr) {
      record->columns(writer_, evaluation_);
    }
  }
  if (evaluation_.failed()) return evaluation_.failure();
  ++rows_;
  return writer_.end(out) ? std::string_view() : "OverMaxRecordSize";
}

std::string_view Query::take(const Record& record, std::string& out) {
  evaluation_.begin(&record);
  if (statement_.where != nullptr) {
    const bool chosen = is_true(evaluation_.evaluate(*statement_.where));
    if (evaluation_.failed()) return evaluation_.failure();
    if (!chosen) return {};
  }
  if (accumulators_.empty()) return write(&record, out);
  for (std::size_t i = 0; i < accumulators_.size(); ++i) {
    const Expression& aggregate = *statement_.aggregates[i];
    if (aggregate.operands.empty()) {
      accumulators_[i].add_one();
      continue;
    }
    const Value value = evaluation_.evaluate(*aggregate.operands[0]);
    if (evaluation_.failed()) return evaluation_.failure();
    const std::string_view failure = accumulators_[i].add(value);
    if (!failure.empty()) return failure;
  }
  return {};
}

std::string_view Query::finish(std::string& out) {
  if (accumulators_.empty() || statement_.limit == std::uint64_t{0}) return {};
  std::vector<Value> results;
  for (const Accumulator& accumulator : accumulators_) results.push_back(accumulator.result());
  evaluation_.begin(nullptr);
  evaluation_.set_aggregates(&results);
  const std::string_view failure = write(nullptr, out);
  evaluation_.set_aggregates(nullptr);
  return failure;
}

}  // namespace cumulet::s3::select
