#include <algorithm>
#include <limits>

#include "base/text.h"
#include "services/s3/select/errors.h"
#include "services/s3/select/evaluation.h"
#include "services/s3/select/moment_format.h"

/// Functions of texts and of dates. An argument that is not there makes the result NULL.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-sql-functions.html
namespace cumulet::s3::select {
namespace {

std::size_t character_length(std::string_view text) {
  std::size_t length = 1;
  while (length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) ++length;
  return length;
}

/// Without its first `count` characters.
std::string_view after(std::string_view text, std::int64_t count) {
  for (; count > 0 && !text.empty(); --count) text.remove_prefix(character_length(text));
  return text;
}

std::optional<std::int64_t> integer_of(const Value& value) {
  const std::optional<Value> number = number_of(value);
  if (!number) return std::nullopt;
  if (const auto* integer = std::get_if<std::int64_t>(&*number)) return *integer;
  return std::nullopt;
}

std::string_view last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return text.substr(at);
}

}  // namespace

Value Evaluation::function(const Expression& expression) {
  if (expression.operation == Operation::kUtcNow) return now_;
  std::vector<Value> arguments;
  arguments.reserve(expression.operands.size());
  bool absent = false;
  for (const ExpressionPtr& operand : expression.operands) {
    arguments.push_back(evaluate(*operand));
    absent = absent || is_absent(arguments.back());
  }
  if (failed()) return Missing();
  if (absent) return Null();
  switch (expression.operation) {
    case Operation::kConcatenate:
      return concatenate(arguments[0], arguments[1]);
    case Operation::kSubstring:
      return substring(arguments);
    case Operation::kTrim:
      return trim(expression, arguments);
    case Operation::kToString:
      return to_string(arguments);
    case Operation::kToTimestamp:
      return to_timestamp(arguments);
    case Operation::kDateAdd:
      return date_add(expression, arguments);
    case Operation::kDateDiff:
      return date_diff(expression, arguments);
    case Operation::kExtract: {
      const Moment* moment = std::get_if<Moment>(&arguments[0]);
      if (moment == nullptr) return wrong_type();
      return moment->extract(expression.part);
    }
    default:
      break;
  }
  const Text* text = std::get_if<Text>(&arguments[0]);
  if (text == nullptr) return wrong_type();
  if (expression.operation == Operation::kCharLength) return static_cast<std::int64_t>(utf8_length(text->text));
  return keep(expression.operation == Operation::kLower ? to_lower(text->text) : to_upper(text->text));
}

Value Evaluation::concatenate(const Value& a, const Value& b) {
  const Text* left = std::get_if<Text>(&a);
  const Text* right = std::get_if<Text>(&b);
  if (left == nullptr || right == nullptr) return fail("InvalidDataType");
  std::string joined(left->text);
  joined += right->text;
  return keep(joined);
}

/// Positions count from 1; those before it take from the length.
Value Evaluation::substring(const std::vector<Value>& arguments) {
  const Text* text = std::get_if<Text>(&arguments[0]);
  const std::optional<std::int64_t> start = integer_of(arguments[1]);
  if (text == nullptr || !start) return wrong_type();
  const std::int64_t begin = std::max<std::int64_t>(*start, 1);
  const std::string_view rest = after(text->text, begin - 1);
  if (arguments.size() == 2) return Text(rest);
  const std::optional<std::int64_t> length = integer_of(arguments[2]);
  if (!length) return wrong_type();
  if (*length < 0) return fail("EvaluatorInvalidArguments");
  std::int64_t end = 0;
  if (__builtin_add_overflow(*start, *length, &end)) end = std::numeric_limits<std::int64_t>::max();
  const std::string_view behind = after(rest, end > begin ? end - begin : 0);
  return Text(rest.substr(0, rest.size() - behind.size()));
}

Value Evaluation::trim(const Expression& expression, const std::vector<Value>& arguments) {
  const Text* subject = std::get_if<Text>(&arguments[0]);
  if (subject == nullptr) return wrong_type();
  std::string_view characters = " ";
  if (arguments.size() == 2) {
    const Text* given = std::get_if<Text>(&arguments[1]);
    if (given == nullptr) return wrong_type();
    characters = given->text;
  }
  std::string_view text = subject->text;
  const auto listed = [characters](std::string_view character) {
    return characters.find(character) != std::string_view::npos;
  };
  if (expression.trim != Trim::kTrailing) {
    while (!text.empty() && listed(text.substr(0, character_length(text)))) text.remove_prefix(character_length(text));
  }
  if (expression.trim != Trim::kLeading) {
    while (!text.empty() && listed(last_character(text))) text.remove_suffix(last_character(text).size());
  }
  return Text(text);
}

Value Evaluation::to_string(const std::vector<Value>& arguments) {
  const Moment* moment = std::get_if<Moment>(&arguments[0]);
  const Text* pattern = std::get_if<Text>(&arguments[1]);
  if (moment == nullptr || pattern == nullptr) return wrong_type();
  const Result<std::string> shown = format_moment(*moment, pattern->text);
  if (!shown.ok()) return fail(known_code(shown.error()));
  return keep(*shown);
}

Value Evaluation::to_timestamp(const std::vector<Value>& arguments) {
  if (arguments.size() == 1 && std::holds_alternative<Moment>(arguments[0])) return arguments[0];
  const Text* text = std::get_if<Text>(&arguments[0]);
  if (text == nullptr) return wrong_type();
  if (arguments.size() == 1) {
    const std::optional<Moment> moment = Moment::parse(text->text);
    if (!moment) return fail("ValueParseFailure");
    return *moment;
  }
  const Text* pattern = std::get_if<Text>(&arguments[1]);
  if (pattern == nullptr) return wrong_type();
  const Result<Moment> moment = parse_moment(text->text, pattern->text);
  if (!moment.ok()) return fail(known_code(moment.error()));
  return *moment;
}

Value Evaluation::date_add(const Expression& expression, const std::vector<Value>& arguments) {
  const std::optional<std::int64_t> quantity = integer_of(arguments[0]);
  const Moment* moment = std::get_if<Moment>(&arguments[1]);
  if (!quantity || moment == nullptr) return wrong_type();
  if (*quantity == std::numeric_limits<std::int64_t>::min()) return fail("IntegerOverflow");
  const std::optional<Moment> sum = Moment::add(*moment, expression.part, *quantity);
  if (!sum) return fail("IntegerOverflow");
  return *sum;
}

Value Evaluation::date_diff(const Expression& expression, const std::vector<Value>& arguments) {
  const Moment* first = std::get_if<Moment>(&arguments[0]);
  const Moment* second = std::get_if<Moment>(&arguments[1]);
  if (first == nullptr || second == nullptr) return wrong_type();
  return Moment::difference(*first, *second, expression.part);
}

}  // namespace cumulet::s3::select
