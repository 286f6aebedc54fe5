#include "services/cloudwatch/math.h"

#include <algorithm>
#include <cmath>

namespace cumulet::cloudwatch {
namespace {

/// The constants that functions take by name (FILL's REPEAT and LINEAR, SORT's and SLICE's words).
bool is_keyword(const std::string& name) {
  for (const std::string_view word : {"REPEAT", "LINEAR", "ASC", "DESC", "AVG", "MIN", "MAX", "SUM", "STDDEV"}) {
    if (name == word) return true;
  }
  return false;
}

/// Nothing where a result has no value: a division by zero.
std::optional<double> apply(const std::string& op, double a, double b) {
  double result = 0;
  if (op == "+") result = a + b;
  if (op == "-") result = a - b;
  if (op == "*") result = a * b;
  if (op == "/") result = b == 0 ? NAN : a / b;
  if (op == "^") result = std::pow(a, b);
  if (op == "==") result = a == b ? 1 : 0;
  if (op == "!=") result = a != b ? 1 : 0;
  if (op == "<") result = a < b ? 1 : 0;
  if (op == ">") result = a > b ? 1 : 0;
  if (op == "<=") result = a <= b ? 1 : 0;
  if (op == ">=") result = a >= b ? 1 : 0;
  if (op == "AND") result = a != 0 && b != 0 ? 1 : 0;
  if (op == "OR") result = a != 0 || b != 0 ? 1 : 0;
  if (!std::isfinite(result)) return std::nullopt;
  return result;
}

/// Two series meet at the times that both have.
MathSeries meet(const std::string& op, const MathSeries& a, const MathSeries& b) {
  MathSeries result;
  result.label = a.label;
  result.period = std::max(a.period, b.period);
  auto right = b.points.begin();
  for (const auto& [time, value] : a.points) {
    while (right != b.points.end() && right->first < time) ++right;
    if (right == b.points.end()) break;
    if (right->first != time) continue;
    if (const std::optional<double> made = apply(op, value, right->second)) result.points.emplace_back(time, *made);
  }
  return result;
}

MathSeries with_number(const std::string& op, const MathSeries& series, double number, bool number_first) {
  MathSeries result;
  result.label = series.label;
  result.period = series.period;
  for (const auto& [time, value] : series.points) {
    const std::optional<double> made = number_first ? apply(op, number, value) : apply(op, value, number);
    if (made) result.points.emplace_back(time, *made);
  }
  return result;
}

Result<MathValue> binary(const std::string& op, const MathValue& a, const MathValue& b) {
  if (a.scalar && b.scalar) {
    const std::optional<double> made = apply(op, a.number, b.number);
    if (!made) return invalid_math("Division by zero in a metric math expression");
    return MathValue::of(*made);
  }
  MathValue result;
  result.array = a.array || b.array;
  if (a.scalar || b.scalar) {
    const MathValue& many = a.scalar ? b : a;
    const double number = a.scalar ? a.number : b.number;
    for (const MathSeries& series : many.series) result.series.push_back(with_number(op, series, number, a.scalar));
    return result;
  }
  if (a.array && b.array) return invalid_math("Operators between two arrays of time series are not supported");
  const MathValue& many = b.array ? b : a;
  for (const MathSeries& series : many.series) {
    result.series.push_back(b.array ? meet(op, a.series.front(), series) : meet(op, series, b.series.front()));
    result.series.back().label = series.label;
  }
  return result;
}

}  // namespace

Error invalid_math(std::string why) { return Error("ValidationError", 400, std::move(why)); }

MathValue MathValue::of(double number) {
  MathValue value;
  value.scalar = true;
  value.number = number;
  return value;
}

MathValue MathValue::of(MathSeries series) {
  MathValue value;
  value.series.push_back(std::move(series));
  return value;
}

Result<MathValue> evaluate(const MathNode& node, const MathContext& context) {
  switch (node.kind) {
    case MathNode::Kind::kNumber:
      return MathValue::of(node.number);
    case MathNode::Kind::kText:
      return invalid_math("A text stands where a metric or a number is expected: '" + node.text + "'");
    case MathNode::Kind::kName: {
      const MathValue* found = context.find(node.text);
      if (found == nullptr) return invalid_math("Unresolved reference to '" + node.text + "'");
      return *found;
    }
    case MathNode::Kind::kUnary: {
      Result<MathValue> inner = evaluate(node.children[0], context);
      if (!inner.ok() || node.text == "+") return inner;
      if (node.text == "!") return binary("==", *inner, MathValue::of(0));
      return binary("-", MathValue::of(0), *inner);
    }
    case MathNode::Kind::kBinary: {
      const Result<MathValue> left = evaluate(node.children[0], context);
      if (!left.ok()) return left.error();
      const Result<MathValue> right = evaluate(node.children[1], context);
      if (!right.ok()) return right.error();
      return binary(node.text, *left, *right);
    }
    case MathNode::Kind::kCall:
      break;
  }
  if (node.text == "SEARCH") {
    const MathValue* found = context.search(node);
    if (found == nullptr) return invalid_math("SEARCH is not allowed here");
    return *found;
  }
  std::vector<MathValue> arguments;
  for (const MathNode& child : node.children) {
    const bool word =
        child.kind == MathNode::Kind::kText || (child.kind == MathNode::Kind::kName && is_keyword(child.text));
    if (word) {
      arguments.emplace_back();
      continue;
    }
    Result<MathValue> argument = evaluate(child, context);
    if (!argument.ok()) return argument;
    arguments.push_back(std::move(*argument));
  }
  return call_function(node, std::move(arguments), context);
}

}  // namespace cumulet::cloudwatch
