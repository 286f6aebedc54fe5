#include <cmath>
#include <limits>

#include "base/text.h"
#include "services/s3/select/evaluation.h"

/// CAST. https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-conversion.html
namespace cumulet::s3::select {

Value Evaluation::cast(const Value& value, Type type) {
  if (is_absent(value)) return value;
  if (std::holds_alternative<Nested>(value)) return fail("InvalidCast");
  const Text* text = std::get_if<Text>(&value);
  switch (type) {
    case Type::kBool:
      return cast_to_bool(value);
    case Type::kInteger:
      return cast_to_integer(value);
    case Type::kString:
      return cast_to_string(value);
    case Type::kTimestamp: {
      if (std::holds_alternative<Moment>(value)) return value;
      if (text == nullptr) return fail("InvalidCast");
      const std::optional<Moment> moment = Moment::parse(cumulet::trim(text->text));
      if (!moment) return fail("CastFailed");
      return *moment;
    }
    case Type::kFloat:
    case Type::kDecimal:
      break;
  }
  if (std::holds_alternative<Moment>(value)) return fail("InvalidCast");
  Value number = value;
  if (const bool* boolean = std::get_if<bool>(&value)) number = std::int64_t{*boolean};
  if (text != nullptr) {
    const std::optional<Value> parsed = parse_number(text->text);
    if (!parsed) return fail("CastFailed");
    number = *parsed;
  }
  if (type == Type::kFloat) return double_of(number);
  if (const double* real = std::get_if<double>(&number); real != nullptr && !std::isfinite(*real)) {
    return fail("CastFailed");
  }
  return decimal_of(number);
}

Value Evaluation::cast_to_bool(const Value& value) {
  if (std::holds_alternative<bool>(value)) return value;
  if (const Text* text = std::get_if<Text>(&value)) {
    const std::string_view word = cumulet::trim(text->text);
    if (iequals(word, "true")) return true;
    if (iequals(word, "false")) return false;
    return fail("CastFailed");
  }
  if (std::holds_alternative<Moment>(value)) return fail("InvalidCast");
  return double_of(value) != 0;
}

Value Evaluation::cast_to_integer(const Value& value) {
  if (std::holds_alternative<std::int64_t>(value)) return value;
  if (const bool* boolean = std::get_if<bool>(&value)) return std::int64_t{*boolean};
  if (const Text* text = std::get_if<Text>(&value)) {
    const std::optional<Value> number = parse_number(text->text);
    if (!number || !std::holds_alternative<std::int64_t>(*number)) return fail("CastFailed");
    return *number;
  }
  if (std::holds_alternative<Moment>(value)) return fail("InvalidCast");
  if (const double* real = std::get_if<double>(&value)) {
    constexpr double kLimit = 9223372036854775808.0;
    if (!(*real >= -kLimit && *real < kLimit)) return fail("IntegerOverflow");
    return static_cast<std::int64_t>(*real);
  }
  const std::optional<std::int64_t> integer = decimal_of(value).to_integer();
  if (!integer) return fail("IntegerOverflow");
  return *integer;
}

Value Evaluation::cast_to_string(const Value& value) {
  if (const Text* text = std::get_if<Text>(&value)) return Text(text->text);
  std::string out;
  append_text(value, out);
  return keep(out);
}

}  // namespace cumulet::s3::select
