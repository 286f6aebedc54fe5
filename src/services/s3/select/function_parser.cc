#include <utility>

#include "base/text.h"
#include "services/s3/select/syntax.h"

/// CASE, CAST, aggregates and functions: each has a form of its own.
namespace cumulet::s3::select {

bool ExpressionParser::open() {
  if (syntax_.take_symbol("(")) return true;
  return syntax_.fail("ParseExpectedLeftParenBuiltinFunctionCall") != nullptr;
}

ExpressionPtr ExpressionParser::close(ExpressionPtr expression) {
  if (expression == nullptr || syntax_.take_symbol(")")) return expression;
  return syntax_.fail("ParseExpectedRightParenBuiltinFunctionCall");
}

ExpressionPtr ExpressionParser::keyword() {
  struct Word {
    std::string_view word;
    ExpressionPtr (*parse)(ExpressionParser&);
  };
  using P = ExpressionParser;
  using enum Operation;
  static constexpr Word kWords[] = {
      {"true", [](P& p) { return p.constant(true); }},
      {"false", [](P& p) { return p.constant(false); }},
      {"null", [](P& p) { return p.constant(Null()); }},
      {"missing", [](P& p) { return p.constant(Missing()); }},
      {"case", [](P& p) { return p.case_expression(); }},
      {"cast", [](P& p) { return p.cast(); }},
      {"count", [](P& p) { return p.aggregate(Aggregate::kCount); }},
      {"sum", [](P& p) { return p.aggregate(Aggregate::kSum); }},
      {"avg", [](P& p) { return p.aggregate(Aggregate::kAverage); }},
      {"min", [](P& p) { return p.aggregate(Aggregate::kMinimum); }},
      {"max", [](P& p) { return p.aggregate(Aggregate::kMaximum); }},
      {"coalesce", [](P& p) { return p.call(kCoalesce, 1, 1000); }},
      {"nullif", [](P& p) { return p.call(kNullIf, 2, 2); }},
      {"char_length", [](P& p) { return p.call(kCharLength, 1, 1); }},
      {"character_length", [](P& p) { return p.call(kCharLength, 1, 1); }},
      {"lower", [](P& p) { return p.call(kLower, 1, 1); }},
      {"upper", [](P& p) { return p.call(kUpper, 1, 1); }},
      {"substring", [](P& p) { return p.substring(); }},
      {"trim", [](P& p) { return p.trim(); }},
      {"extract", [](P& p) { return p.extract(); }},
  };
  for (const Word& word : kWords) {
    if (!syntax_.take_keyword(word.word)) continue;
    return word.parse(*this);
  }
  return syntax_.fail(syntax_.here(1).is_symbol("(") ? "UnsupportedFunction" : "ParseUnExpectedKeyword");
}

ExpressionPtr ExpressionParser::call(Operation operation, std::size_t least, std::size_t most) {
  if (!open()) return nullptr;
  std::vector<ExpressionPtr> operands;
  if (!syntax_.here().is_symbol(")")) {
    do {
      operands.push_back(level(0));
      if (operands.back() == nullptr) return nullptr;
    } while (syntax_.take_symbol(","));
  }
  if (operands.size() < least || operands.size() > most) {
    return syntax_.fail("EvaluatorInvalidArguments");
  }
  return close(syntax_.node(operation, std::move(operands)));
}

ExpressionPtr ExpressionParser::named_function() {
  const std::string name = to_lower(syntax_.here().text);
  syntax_.skip();
  if (name == "to_string") return call(Operation::kToString, 2, 2);
  if (name == "to_timestamp") return call(Operation::kToTimestamp, 1, 2);
  if (name == "utcnow") return call(Operation::kUtcNow, 0, 0);
  if (name == "date_add") return date_function(Operation::kDateAdd);
  if (name == "date_diff") return date_function(Operation::kDateDiff);
  return syntax_.fail("UnsupportedFunction");
}

bool ExpressionParser::date_part(Moment::Part& part) {
  const Token& token = syntax_.here();
  const bool word = token.kind == Token::Kind::kName || token.kind == Token::Kind::kKeyword;
  const std::optional<Moment::Part> found = word ? parse_date_part(token.text) : std::nullopt;
  if (!found) return syntax_.fail("ParseExpectedDatePart") != nullptr;
  part = *found;
  syntax_.skip();
  return true;
}

ExpressionPtr ExpressionParser::date_function(Operation operation) {
  Moment::Part part = Moment::Part::kYear;
  if (!open() || !date_part(part)) return nullptr;
  if (part >= Moment::Part::kTimezoneHour) return syntax_.fail("ParseExpectedDatePart");
  std::vector<ExpressionPtr> operands;
  while (operands.size() < 2) {
    if (!syntax_.take_symbol(",")) return syntax_.fail("ParseExpectedArgumentDelimiter");
    operands.push_back(level(0));
    if (operands.back() == nullptr) return nullptr;
  }
  ExpressionPtr made = close(syntax_.node(operation, std::move(operands)));
  if (made != nullptr) made->part = part;
  return made;
}

ExpressionPtr ExpressionParser::extract() {
  Moment::Part part = Moment::Part::kYear;
  if (!open() || !date_part(part)) return nullptr;
  if (!syntax_.take_keyword("from")) return syntax_.fail("ParseExpectedKeyword");
  std::vector<ExpressionPtr> operands;
  operands.push_back(level(0));
  ExpressionPtr made = close(syntax_.node(Operation::kExtract, std::move(operands)));
  if (made != nullptr) made->part = part;
  return made;
}

/// SUBSTRING(text, start, length) and SUBSTRING(text FROM start FOR length), both also without a length.
ExpressionPtr ExpressionParser::substring() {
  if (!open()) return nullptr;
  std::vector<ExpressionPtr> operands;
  operands.push_back(level(0));
  if (operands.back() == nullptr) return nullptr;
  const bool words = syntax_.take_keyword("from");
  if (!words && !syntax_.take_symbol(",")) return syntax_.fail("ParseExpectedArgumentDelimiter");
  operands.push_back(level(0));
  if (words ? syntax_.take_keyword("for") : syntax_.take_symbol(",")) operands.push_back(level(0));
  return close(syntax_.node(Operation::kSubstring, std::move(operands)));
}

/// TRIM(text), TRIM([LEADING | TRAILING | BOTH] [characters] FROM text).
ExpressionPtr ExpressionParser::trim() {
  if (!open()) return nullptr;
  Trim side = Trim::kBoth;
  bool sided = true;
  if (syntax_.take_keyword("leading")) {
    side = Trim::kLeading;
  } else if (syntax_.take_keyword("trailing")) {
    side = Trim::kTrailing;
  } else {
    sided = syntax_.take_keyword("both");
  }
  ExpressionPtr characters;
  bool from = sided && syntax_.take_keyword("from");
  ExpressionPtr subject = level(0);
  if (subject == nullptr) return nullptr;
  if (!from && syntax_.take_keyword("from")) {
    characters = std::move(subject);
    subject = level(0);
  } else if (sided && !from) {
    return syntax_.fail("ParseExpectedKeyword");
  }
  std::vector<ExpressionPtr> operands;
  operands.push_back(std::move(subject));
  if (characters != nullptr) operands.push_back(std::move(characters));
  ExpressionPtr made = close(syntax_.node(Operation::kTrim, std::move(operands)));
  if (made != nullptr) made->trim = side;
  return made;
}

ExpressionPtr ExpressionParser::case_expression() {
  std::vector<ExpressionPtr> operands;
  const bool valued = !syntax_.here().is_keyword("when");
  if (valued) {
    operands.push_back(level(0));
    if (operands.back() == nullptr) return nullptr;
  }
  if (!syntax_.here().is_keyword("when")) return syntax_.fail("ParseExpectedWhenClause");
  while (syntax_.take_keyword("when")) {
    operands.push_back(level(0));
    if (operands.back() == nullptr) return nullptr;
    if (!syntax_.take_keyword("then")) return syntax_.fail("ParseExpectedKeyword");
    operands.push_back(level(0));
    if (operands.back() == nullptr) return nullptr;
  }
  if (syntax_.take_keyword("else")) operands.push_back(level(0));
  ExpressionPtr made = syntax_.node(valued ? Operation::kCaseValue : Operation::kCase, std::move(operands));
  if (made != nullptr && !syntax_.take_keyword("end")) return syntax_.fail("ParseExpectedKeyword");
  return made;
}

bool ExpressionParser::type(Type& type) {
  struct Name {
    std::string_view name;
    Type type;
  };
  static constexpr Name kNames[] = {
      {"bool", Type::kBool},           {"boolean", Type::kBool},     {"int", Type::kInteger},
      {"integer", Type::kInteger},     {"smallint", Type::kInteger}, {"float", Type::kFloat},
      {"real", Type::kFloat},          {"double", Type::kFloat},     {"decimal", Type::kDecimal},
      {"dec", Type::kDecimal},         {"numeric", Type::kDecimal},  {"string", Type::kString},
      {"varchar", Type::kString},      {"char", Type::kString},      {"character", Type::kString},
      {"timestamp", Type::kTimestamp},
  };
  const Name* found = nullptr;
  for (const Name& name : kNames) {
    if (syntax_.take_keyword(name.name)) found = &name;
    if (found != nullptr) break;
  }
  if (found == nullptr) return syntax_.fail("ParseExpectedTypeName") != nullptr;
  type = found->type;
  if (found->name == "double" && !syntax_.take_keyword("precision")) {
    return syntax_.fail("ParseExpectedTypeName") != nullptr;
  }
  if (!syntax_.take_symbol("(")) return true;
  do {
    if (syntax_.here().kind != Token::Kind::kNumber) return syntax_.fail("ParseInvalidTypeParam") != nullptr;
    syntax_.skip();
  } while (syntax_.take_symbol(","));
  return syntax_.take_symbol(")") || syntax_.fail("ParseInvalidTypeParam") != nullptr;
}

ExpressionPtr ExpressionParser::cast() {
  if (!syntax_.take_symbol("(")) return syntax_.fail("ParseExpectedLeftParenAfterCast");
  std::vector<ExpressionPtr> operands;
  operands.push_back(level(0));
  if (operands.back() == nullptr) return nullptr;
  if (syntax_.here().is_symbol(",") || syntax_.here().is_symbol(")")) return syntax_.fail("ParseCastArity");
  if (!syntax_.take_keyword("as")) return syntax_.fail("ParseExpectedKeyword");
  Type wanted = Type::kBool;
  if (!type(wanted)) return nullptr;
  ExpressionPtr made = close(syntax_.node(Operation::kCast, std::move(operands)));
  if (made != nullptr) made->type = wanted;
  return made;
}

ExpressionPtr ExpressionParser::aggregate(Aggregate aggregate) {
  if (!open()) return nullptr;
  if (!aggregates_allowed_ || in_aggregate_) return syntax_.fail("UnsupportedSqlStructure");
  std::vector<ExpressionPtr> operands;
  if (syntax_.take_operator("*")) {
    if (aggregate != Aggregate::kCount) return syntax_.fail("ParseUnsupportedCallWithStar");
  } else {
    in_aggregate_ = true;
    operands.push_back(level(0));
    in_aggregate_ = false;
    if (operands.back() == nullptr) return nullptr;
    if (syntax_.here().is_symbol(",")) return syntax_.fail("ParseNonUnaryAgregateFunctionCall");
  }
  ExpressionPtr made = close(syntax_.node(Operation::kAggregate, std::move(operands)));
  if (made == nullptr) return nullptr;
  made->aggregate = aggregate;
  made->slot = aggregates_.size();
  aggregates_.push_back(made.get());
  return made;
}

}  // namespace cumulet::s3::select
