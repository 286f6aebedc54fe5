#include "services/s3/select/evaluation.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "services/s3/select/json_text.h"

namespace cumulet::s3::select {
namespace {

/// What the functions of one record may make.
constexpr std::size_t kMostKept = 16 * kRecordLimit;

Value either(bool condition, bool negated) { return condition != negated; }

/// What an operation on these gives when one of them is not there.
std::optional<Value> absent(const Value& a, const Value& b) {
  if (is_missing(a) || is_missing(b)) return Value(Missing());
  if (is_absent(a) || is_absent(b)) return Value(Null());
  return std::nullopt;
}

}  // namespace

void append_text(const Value& value, std::string& out) {
  std::array<char, 40> buffer{};
  if (const Text* text = std::get_if<Text>(&value)) {
    out += text->text;
  } else if (const bool* boolean = std::get_if<bool>(&value)) {
    out += *boolean ? "true" : "false";
  } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), *integer);
    out.append(buffer.data(), written.ptr);
  } else if (const auto* real = std::get_if<double>(&value)) {
    const auto written = std::to_chars(buffer.data(), buffer.data() + buffer.size(), *real);
    const std::string_view digits(buffer.data(), static_cast<std::size_t>(written.ptr - buffer.data()));
    out += digits;
    if (std::isfinite(*real) && digits.find_first_of(".e") == std::string_view::npos) out += ".0";
  } else if (const auto* decimal = std::get_if<Decimal>(&value)) {
    out += decimal->text();
  } else if (const auto* moment = std::get_if<Moment>(&value)) {
    out += moment->text();
  } else if (const auto* nested = std::get_if<Nested>(&value)) {
    nested->json->append_compact(nested->node, out);
  }
}

void Evaluation::begin(const Record* record) {
  record_ = record;
  if (kept_ == 0) return;
  memory_.release();
  kept_ = 0;
}

Text Evaluation::keep(std::string_view text) {
  kept_ += text.size() + 1;
  if (text.size() > kRecordLimit || kept_ > kMostKept) {
    fail("OverMaxRecordSize");
    return Text();
  }
  if (text.empty()) return Text();
  char* copy = static_cast<char*>(memory_.allocate(text.size(), 1));
  std::memcpy(copy, text.data(), text.size());
  return Text(std::string_view(copy, text.size()));
}

Value Evaluation::evaluate(const Expression& expression) {
  if (failed()) return Missing();
  switch (expression.operation) {
    case Operation::kConstant:
      return expression.constant;
    case Operation::kReference:
      return record_ != nullptr ? record_->value(expression, *this) : Value(Missing());
    case Operation::kAnd:
      return logical(expression, false);
    case Operation::kOr:
      return logical(expression, true);
    case Operation::kNot: {
      const Value value = evaluate(*expression.operands[0]);
      if (const bool* boolean = std::get_if<bool>(&value)) return !*boolean;
      if (is_absent(value)) return Null();
      return fail("InvalidDataType");
    }
    case Operation::kNegate:
      return negate(expression);
    case Operation::kCalculate:
      return arithmetic(expression);
    case Operation::kEqual:
    case Operation::kNotEqual:
      return equality(expression);
    case Operation::kLess:
    case Operation::kLessOrEqual:
    case Operation::kGreater:
    case Operation::kGreaterOrEqual:
      return comparison(expression);
    case Operation::kBetween:
      return between(expression);
    case Operation::kIn:
      return in(expression);
    case Operation::kLike:
      return like(expression);
    case Operation::kIsNull:
      return either(is_absent(evaluate(*expression.operands[0])), expression.negated);
    case Operation::kIsMissing:
      return either(is_missing(evaluate(*expression.operands[0])), expression.negated);
    case Operation::kIsType:
      return is_type(expression);
    case Operation::kCase:
    case Operation::kCaseValue:
      return conditional(expression);
    case Operation::kCast:
      return cast(evaluate(*expression.operands[0]), expression.type);
    case Operation::kAggregate:
      return aggregates_ != nullptr ? (*aggregates_)[expression.slot] : Value(Missing());
    case Operation::kCoalesce:
      return coalesce(expression);
    case Operation::kNullIf:
      return null_if(expression);
    default:
      return function(expression);
  }
}

/// AND ends with the first FALSE, OR with the first TRUE; what is absent makes the rest unknown.
Value Evaluation::logical(const Expression& expression, bool deciding) {
  bool unknown = false;
  for (const ExpressionPtr& operand : expression.operands) {
    const Value value = evaluate(*operand);
    if (const bool* boolean = std::get_if<bool>(&value)) {
      if (*boolean == deciding) return deciding;
    } else if (is_absent(value)) {
      unknown = true;
    } else {
      return fail("InvalidDataType");
    }
  }
  if (unknown) return Null();
  return !deciding;
}

Value Evaluation::equality(const Expression& expression) {
  const Value left = evaluate(*expression.operands[0]);
  const Value right = evaluate(*expression.operands[1]);
  if (const std::optional<Value> nothing = absent(left, right)) return *nothing;
  const std::optional<int> order = compare(left, right);
  return either(order && *order == 0, expression.operation == Operation::kNotEqual);
}

/// What cannot be compared is neither less nor greater.
Value Evaluation::comparison(const Expression& expression) {
  const Value left = evaluate(*expression.operands[0]);
  const Value right = evaluate(*expression.operands[1]);
  if (const std::optional<Value> nothing = absent(left, right)) return *nothing;
  const std::optional<int> order = compare(left, right);
  if (!order) return Null();
  switch (expression.operation) {
    case Operation::kLess:
      return *order < 0;
    case Operation::kLessOrEqual:
      return *order <= 0;
    case Operation::kGreater:
      return *order > 0;
    default:
      return *order >= 0;
  }
}

Value Evaluation::between(const Expression& expression) {
  const Value value = evaluate(*expression.operands[0]);
  const Value low = evaluate(*expression.operands[1]);
  const Value high = evaluate(*expression.operands[2]);
  if (const std::optional<Value> nothing = absent(value, low)) return *nothing;
  if (const std::optional<Value> nothing = absent(value, high)) return *nothing;
  const std::optional<int> above = compare(value, low);
  const std::optional<int> below = compare(value, high);
  if (!above || !below) return Null();
  return either(*above >= 0 && *below <= 0, expression.negated);
}

Value Evaluation::in(const Expression& expression) {
  const Value value = evaluate(*expression.operands[0]);
  if (is_absent(value)) return value;
  bool unknown = false;
  for (std::size_t i = 1; i < expression.operands.size(); ++i) {
    const Value candidate = evaluate(*expression.operands[i]);
    if (is_absent(candidate)) {
      unknown = true;
      continue;
    }
    const std::optional<int> order = compare(value, candidate);
    if (order && *order == 0) return either(true, expression.negated);
  }
  if (unknown) return Null();
  return either(false, expression.negated);
}

Value Evaluation::like(const Expression& expression) {
  const Value subject = evaluate(*expression.operands[0]);
  if (is_absent(subject)) return subject;
  const Text* text = std::get_if<Text>(&subject);
  if (text == nullptr) return fail("LikeInvalidInputs");
  std::optional<bool> matches;
  if (expression.pattern) {
    matches = expression.pattern->matches(text->text);
  } else {
    std::optional<std::string_view> parts[2];
    Value values[2];
    for (std::size_t i = 1; i < expression.operands.size(); ++i) {
      values[i - 1] = evaluate(*expression.operands[i]);
      if (is_absent(values[i - 1])) return Null();
      const Text* part = std::get_if<Text>(&values[i - 1]);
      if (part == nullptr) return fail("LikeInvalidInputs");
      parts[i - 1] = part->text;
    }
    const Result<LikePattern> pattern = LikePattern::compile(*parts[0], parts[1]);
    if (!pattern.ok()) return fail("EvaluatorLikePatternInvalidEscapeSequence");
    matches = pattern->matches(text->text);
  }
  if (!matches) return fail("LikeInvalidInputs");
  return either(*matches, expression.negated);
}

Value Evaluation::conditional(const Expression& expression) {
  const std::vector<ExpressionPtr>& operands = expression.operands;
  const bool valued = expression.operation == Operation::kCaseValue;
  const Value value = valued ? evaluate(*operands[0]) : Value(Missing());
  std::size_t at = valued ? 1 : 0;
  for (; at + 1 < operands.size(); at += 2) {
    const Value when = evaluate(*operands[at]);
    bool holds = is_true(when);
    if (valued) {
      const std::optional<int> order = absent(value, when) ? std::nullopt : compare(value, when);
      holds = order && *order == 0;
    }
    if (holds) return evaluate(*operands[at + 1]);
  }
  return at < operands.size() ? evaluate(*operands[at]) : Value(Null());
}

Value Evaluation::coalesce(const Expression& expression) {
  for (const ExpressionPtr& operand : expression.operands) {
    const Value value = evaluate(*operand);
    if (!is_absent(value)) return value;
  }
  return Null();
}

Value Evaluation::null_if(const Expression& expression) {
  const Value first = evaluate(*expression.operands[0]);
  const Value second = evaluate(*expression.operands[1]);
  if (absent(first, second)) return first;
  const std::optional<int> order = compare(first, second);
  if (order && *order == 0) return Null();
  return first;
}

Value Evaluation::negate(const Expression& expression) {
  const Value value = evaluate(*expression.operands[0]);
  if (is_absent(value)) return value;
  std::string_view failure;
  const Value result = calculate('-', std::int64_t{0}, value, failure);
  if (!failure.empty()) return fail(failure);
  return result;
}

Value Evaluation::arithmetic(const Expression& expression) {
  const Value left = evaluate(*expression.operands[0]);
  const Value right = evaluate(*expression.operands[1]);
  if (const std::optional<Value> nothing = absent(left, right)) return *nothing;
  std::string_view failure;
  const Value result = calculate(expression.symbol, left, right, failure);
  if (!failure.empty()) return fail(failure);
  return result;
}

Value Evaluation::is_type(const Expression& expression) {
  const Value value = evaluate(*expression.operands[0]);
  bool is = false;
  switch (expression.type) {
    case Type::kBool:
      is = std::holds_alternative<bool>(value);
      break;
    case Type::kInteger:
      is = std::holds_alternative<std::int64_t>(value);
      break;
    case Type::kFloat:
      is = std::holds_alternative<double>(value);
      break;
    case Type::kDecimal:
      is = std::holds_alternative<Decimal>(value);
      break;
    case Type::kString:
      is = std::holds_alternative<Text>(value);
      break;
    case Type::kTimestamp:
      is = std::holds_alternative<Moment>(value);
      break;
  }
  return either(is, expression.negated);
}

}  // namespace cumulet::s3::select
