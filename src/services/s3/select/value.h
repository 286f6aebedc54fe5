#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "services/s3/select/decimal.h"
#include "services/s3/select/moment.h"

namespace cumulet::s3::select {

class JsonText;

struct Missing {};  ///< Not there, unlike null.
struct Null {};

/// Text that something else keeps: the record, the expression or the scratch memory of one record.
struct Text {
  Text() = default;
  explicit Text(std::string_view t, bool field = false) : text(t), is_field(field) {}
  std::string_view text;
  bool is_field = false;  ///< Of a CSV file, which has no types: a number where one is needed.
};

/// A list or structure of a JSON record.
struct Nested {
  Nested() = default;
  Nested(const JsonText& j, std::uint32_t n) : json(&j), node(n) {}
  const JsonText* json = nullptr;
  std::uint32_t node = 0;
};

/// What an expression gives. Copies are cheap; texts are borrowed.
using Value = std::variant<Missing, Null, bool, std::int64_t, double, Decimal, Text, Moment, Nested>;

inline bool is_missing(const Value& value) { return std::holds_alternative<Missing>(value); }
/// Null or missing.
inline bool is_absent(const Value& value) { return value.index() <= 1; }
inline bool is_true(const Value& value) {
  const bool* boolean = std::get_if<bool>(&value);
  return boolean != nullptr && *boolean;
}

/// An integer, float or decimal; of a CSV field too, when its text is one. Otherwise nullopt.
std::optional<Value> number_of(const Value& value);
/// As number_of, for any text.
std::optional<Value> parse_number(std::string_view text);
Decimal decimal_of(const Value& number);
double double_of(const Value& number);

/// Negative, zero or positive; nullopt when the two cannot be compared.
std::optional<int> compare(const Value& a, const Value& b);

/// The arithmetic of + - * / %, on numbers. `failure` becomes the code of an error.
Value calculate(char operation, const Value& a, const Value& b, std::string_view& failure);

}  // namespace cumulet::s3::select
