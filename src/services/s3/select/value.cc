#include "services/s3/select/value.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "services/s3/select/json_text.h"

namespace cumulet::s3::select {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

int order(int comparison) { return comparison < 0 ? -1 : comparison > 0 ? 1 : 0; }

template <typename T>
int order_of(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

int compare_numbers(const Value& a, const Value& b) {
  const auto* left = std::get_if<std::int64_t>(&a);
  const auto* right = std::get_if<std::int64_t>(&b);
  if (left != nullptr && right != nullptr) return order_of(*left, *right);
  if (std::holds_alternative<double>(a) || std::holds_alternative<double>(b)) {
    return order_of(double_of(a), double_of(b));
  }
  return Decimal::compare(decimal_of(a), decimal_of(b));
}

Value integers(char operation, std::int64_t a, std::int64_t b, std::string_view& failure) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (operation) {
    case '+':
      overflow = __builtin_add_overflow(a, b, &result);
      break;
    case '-':
      overflow = __builtin_sub_overflow(a, b, &result);
      break;
    case '*':
      overflow = __builtin_mul_overflow(a, b, &result);
      break;
    default:
      if (b == 0) {
        failure = "ExternalEvalException";
        return Missing();
      }
      if (a == std::numeric_limits<std::int64_t>::min() && b == -1) {
        overflow = operation == '/';
      } else {
        result = operation == '/' ? a / b : a % b;
      }
  }
  if (overflow) failure = "IntegerOverflow";
  return result;
}

Value doubles(char operation, double a, double b) {
  switch (operation) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
    default:
      return std::fmod(a, b);
  }
}

std::optional<Decimal> decimals(char operation, const Decimal& a, const Decimal& b) {
  switch (operation) {
    case '+':
      return Decimal::add(a, b);
    case '-':
      return Decimal::add(a, b.negated());
    case '*':
      return Decimal::multiply(a, b);
    case '/':
      return Decimal::divide(a, b);
    default:
      return Decimal::remainder(a, b);
  }
}

}  // namespace

std::optional<Value> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return std::nullopt;
  const char* begin = text.data() + (text.front() == '+' ? 1 : 0);
  const char* end = text.data() + text.size();
  std::int64_t integer = 0;
  const auto [stop, error] = std::from_chars(begin, end, integer);
  if (error == std::errc() && stop == end && (begin == text.data() || text[1] != '-')) return Value(integer);
  if (stop == begin && *begin != '.' && *begin != '-') return std::nullopt;
  const std::optional<Decimal> decimal = Decimal::parse(text);
  if (!decimal) return std::nullopt;
  return Value(*decimal);
}

std::optional<Value> number_of(const Value& value) {
  if (const Text* text = std::get_if<Text>(&value)) {
    return text->is_field ? parse_number(text->text) : std::nullopt;
  }
  if (std::holds_alternative<std::int64_t>(value) || std::holds_alternative<double>(value) ||
      std::holds_alternative<Decimal>(value)) {
    return value;
  }
  return std::nullopt;
}

Decimal decimal_of(const Value& number) {
  if (const auto* integer = std::get_if<std::int64_t>(&number)) return Decimal(*integer);
  if (const auto* real = std::get_if<double>(&number)) return Decimal::from(*real).value_or(Decimal());
  const Decimal* decimal = std::get_if<Decimal>(&number);
  return decimal != nullptr ? *decimal : Decimal();
}

double double_of(const Value& number) {
  if (const auto* integer = std::get_if<std::int64_t>(&number)) return static_cast<double>(*integer);
  if (const auto* real = std::get_if<double>(&number)) return *real;
  return decimal_of(number).to_double();
}

std::optional<int> compare(const Value& a, const Value& b) {
  const Text* left = std::get_if<Text>(&a);
  const Text* right = std::get_if<Text>(&b);
  if (left != nullptr && right != nullptr) return order(left->text.compare(right->text));
  const auto* a_moment = std::get_if<Moment>(&a);
  const auto* b_moment = std::get_if<Moment>(&b);
  if (a_moment != nullptr && b_moment != nullptr) return Moment::compare(*a_moment, *b_moment);
  const bool* a_bool = std::get_if<bool>(&a);
  const bool* b_bool = std::get_if<bool>(&b);
  if (a_bool != nullptr && b_bool != nullptr) return order_of(*a_bool, *b_bool);
  const auto* a_nested = std::get_if<Nested>(&a);
  const auto* b_nested = std::get_if<Nested>(&b);
  if (a_nested != nullptr && b_nested != nullptr) {
    return order(a_nested->json->compact(a_nested->node).compare(b_nested->json->compact(b_nested->node)));
  }
  const std::optional<Value> a_number = number_of(a);
  if (!a_number) return std::nullopt;
  const std::optional<Value> b_number = number_of(b);
  if (!b_number) return std::nullopt;
  return compare_numbers(*a_number, *b_number);
}

Value calculate(char operation, const Value& a, const Value& b, std::string_view& failure) {
  const std::optional<Value> left = number_of(a);
  const std::optional<Value> right = number_of(b);
  if (!left || !right) {
    failure = "InvalidDataType";
    return Missing();
  }
  const auto* a_integer = std::get_if<std::int64_t>(&*left);
  const auto* b_integer = std::get_if<std::int64_t>(&*right);
  if (a_integer != nullptr && b_integer != nullptr) return integers(operation, *a_integer, *b_integer, failure);
  if (std::holds_alternative<double>(*left) || std::holds_alternative<double>(*right)) {
    return doubles(operation, double_of(*left), double_of(*right));
  }
  const Decimal divisor = decimal_of(*right);
  const std::optional<Decimal> result = decimals(operation, decimal_of(*left), divisor);
  if (result) return *result;
  failure = (operation == '/' || operation == '%') && divisor.is_zero() ? "ExternalEvalException" : "NumberFormatError";
  return Missing();
}

}  // namespace cumulet::s3::select
