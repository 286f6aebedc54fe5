#include "services/s3/select/accumulator.h"

namespace cumulet::s3::select {

std::string_view Accumulator::add(const Value& value) {
  if (is_absent(value)) return {};
  if (aggregate_ == Aggregate::kSum || aggregate_ == Aggregate::kAverage) return add_number(value);
  if (aggregate_ != Aggregate::kCount) {
    if (std::holds_alternative<Nested>(value)) return "InvalidDataType";
    add_extreme(value);
  }
  ++count_;
  return {};
}

std::string_view Accumulator::add_number(const Value& value) {
  const std::optional<Value> number = number_of(value);
  if (!number) return "IncorrectSqlFunctionArgumentType";
  std::string_view failure;
  Value sum = calculate('+', total_, *number, failure);
  if (failure == "IntegerOverflow") {
    failure = {};
    sum = calculate('+', decimal_of(total_), decimal_of(*number), failure);
  }
  total_ = sum;
  ++count_;
  return failure;
}

void Accumulator::keep(const Value& value) {
  total_ = value;
  if (const Text* text = std::get_if<Text>(&value)) text_ = text->text;
}

/// A CSV field that is a number counts as one, and numbers come before texts.
void Accumulator::add_extreme(const Value& value) {
  const std::optional<Value> number = number_of(value);
  const Value candidate = number ? *number : value;
  if (count_ == 0) return keep(candidate);
  const Value best = std::holds_alternative<Text>(total_) ? Value(Text(text_)) : total_;
  const std::optional<int> order = compare(candidate, best);
  const bool less = order ? *order < 0 : candidate.index() < best.index();
  const bool equal = order && *order == 0;
  if (!equal && less == (aggregate_ == Aggregate::kMinimum)) keep(candidate);
}

Value Accumulator::result() const {
  if (aggregate_ == Aggregate::kCount) return count_;
  if (count_ == 0) return Null();
  if (aggregate_ == Aggregate::kAverage) {
    if (const double* real = std::get_if<double>(&total_)) return *real / static_cast<double>(count_);
    const std::optional<Decimal> average = Decimal::divide(decimal_of(total_), Decimal(count_));
    return average ? Value(*average) : Value(Null());
  }
  return std::holds_alternative<Text>(total_) ? Value(Text(text_)) : total_;
}

}  // namespace cumulet::s3::select
