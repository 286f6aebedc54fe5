#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/s3/select/accumulator.h"
#include "services/s3/select/csv_source.h"
#include "services/s3/select/evaluation.h"
#include "services/s3/select/expression.h"
#include "services/s3/select/record_source.h"
#include "services/s3/select/row_writer.h"

namespace cumulet::s3::select {

/// A statement at work: takes records, gives rows.
class Query {
 public:
  Query(Statement statement, const Settings& settings, Moment now);

  /// Tells every reference of the statement what it means in this source.
  Result<void> bind(RecordSource& source);
  /// Whether a column may be any.
  bool wants_all() const;

  /// Takes one record; appends what it gives to `out`. Gives the code of an error; empty when all is well.
  std::string_view take(const Record& record, std::string& out);
  /// Appends the row of the aggregates, after the last record.
  std::string_view finish(std::string& out);
  /// Whether further records change nothing: LIMIT is reached.
  bool done() const;

 private:
  std::string_view bind(RecordSource& source, Expression& expression);
  std::string_view write(const Record* record, std::string& out);

  Statement statement_;
  Evaluation evaluation_;
  RowWriter writer_;
  std::vector<Accumulator> accumulators_;
  std::uint64_t rows_ = 0;
};

}  // namespace cumulet::s3::select
