#pragma once

#include <array>
#include <cstddef>
#include <memory_resource>
#include <string>
#include <string_view>
#include <vector>

#include "services/s3/select/expression.h"

namespace cumulet::s3::select {

constexpr std::size_t kRecordLimit = 1u << 20;

class Evaluation;

/// Takes the columns of a record, one after the other.
class ColumnSink {
 public:
  virtual ~ColumnSink() = default;
  virtual void column(std::string_view name, const Value& value) = 0;
};

/// One record of the object, while it is the current one.
class Record {
 public:
  virtual ~Record() = default;
  /// What a reference means here. May fail the evaluation.
  virtual Value value(const Expression& reference, Evaluation& evaluation) const = 0;
  virtual void columns(ColumnSink& sink, Evaluation& evaluation) const = 0;
};

/// Evaluates expressions over one record after the other. A failure is kept and ends the query: check `failed` after
/// each record. Texts that are made live until the next record begins.
class Evaluation {
 public:
  explicit Evaluation(Moment now) : now_(now) {}
  Evaluation(const Evaluation&) = delete;
  Evaluation& operator=(const Evaluation&) = delete;

  void begin(const Record* record);
  /// What aggregates have become, by slot, from now on.
  void set_aggregates(const std::vector<Value>* results) { aggregates_ = results; }

  Value evaluate(const Expression& expression);

  bool failed() const { return !failure_.empty(); }
  std::string_view failure() const { return failure_; }
  Missing fail(std::string_view code) {
    if (failure_.empty()) failure_ = code;
    return {};
  }
  /// A copy that lives until the next record. Too much of it fails with OverMaxRecordSize.
  Text keep(std::string_view text);

 private:
  Value logical(const Expression& expression, bool deciding);
  Value comparison(const Expression& expression);
  Value equality(const Expression& expression);
  Value between(const Expression& expression);
  Value in(const Expression& expression);
  Value like(const Expression& expression);
  Value conditional(const Expression& expression);
  Value coalesce(const Expression& expression);
  Value null_if(const Expression& expression);
  Value negate(const Expression& expression);
  Value arithmetic(const Expression& expression);
  Value is_type(const Expression& expression);

  // functions.cc
  Value function(const Expression& expression);
  Value concatenate(const Value& a, const Value& b);
  Value substring(const std::vector<Value>& arguments);
  Value trim(const Expression& expression, const std::vector<Value>& arguments);
  Value to_string(const std::vector<Value>& arguments);
  Value to_timestamp(const std::vector<Value>& arguments);
  Value date_add(const Expression& expression, const std::vector<Value>& arguments);
  Value date_diff(const Expression& expression, const std::vector<Value>& arguments);
  Value wrong_type() { return fail("IncorrectSqlFunctionArgumentType"); }

  // cast.cc
  Value cast(const Value& value, Type type);
  Value cast_to_bool(const Value& value);
  Value cast_to_integer(const Value& value);
  Value cast_to_string(const Value& value);

  const Moment now_;
  const Record* record_ = nullptr;
  const std::vector<Value>* aggregates_ = nullptr;
  std::string_view failure_;
  std::array<char, 16 * 1024> first_memory_;
  std::pmr::monotonic_buffer_resource memory_{first_memory_.data(), first_memory_.size()};
  std::size_t kept_ = 0;
};

/// A scalar as text: what CSV output and CAST show. Empty for what is absent.
void append_text(const Value& value, std::string& out);

}  // namespace cumulet::s3::select
