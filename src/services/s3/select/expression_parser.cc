#include <algorithm>
#include <charconv>
#include <utility>

#include "base/text.h"
#include "services/s3/select/syntax.h"

/// Operators, literals and paths. What looks like a function is parsed in function_parser.cc.
namespace cumulet::s3::select {
namespace {

// Which operators bind closer: OR, AND, NOT, = <> IS, < <= > >=, IN BETWEEN LIKE, ||, + -, * / %.
constexpr int kNotLevel = 3;
constexpr int kMembershipLevel = 6;
constexpr int kOperandLevel = 7;

template <typename... Operands>
std::vector<ExpressionPtr> listed(Operands... operands) {
  std::vector<ExpressionPtr> all;
  (all.push_back(std::move(operands)), ...);
  return all;
}

}  // namespace

struct ExpressionParser::Infix {
  Token::Kind kind;
  std::string_view text;
  int level;
  Operation operation;
};

ExpressionPtr Syntax::node(Operation operation, std::vector<ExpressionPtr> operands) {
  auto made = std::make_unique<Expression>(operation);
  for (const ExpressionPtr& operand : operands) {
    if (operand == nullptr) return fail("ParseExpectedExpression");
    made->depth = std::max(made->depth, operand->depth + 1);
  }
  if (made->depth > kMostDepth) return fail("MaxOperatorsExceeded");
  made->operands = std::move(operands);
  return made;
}

const ExpressionParser::Infix* ExpressionParser::infix_of(const Token& token) {
  using enum Operation;
  static constexpr Infix kInfixes[] = {
      {Token::Kind::kKeyword, "or", 1, kOr},
      {Token::Kind::kKeyword, "and", 2, kAnd},
      {Token::Kind::kOperator, "=", 4, kEqual},
      {Token::Kind::kOperator, "<>", 4, kNotEqual},
      {Token::Kind::kKeyword, "is", 4, kIsNull},
      {Token::Kind::kOperator, "<", 5, kLess},
      {Token::Kind::kOperator, "<=", 5, kLessOrEqual},
      {Token::Kind::kOperator, ">", 5, kGreater},
      {Token::Kind::kOperator, ">=", 5, kGreaterOrEqual},
      {Token::Kind::kKeyword, "in", kMembershipLevel, kIn},
      {Token::Kind::kKeyword, "between", kMembershipLevel, kBetween},
      {Token::Kind::kKeyword, "like", kMembershipLevel, kLike},
      {Token::Kind::kKeyword, "not", kMembershipLevel, kNot},
      {Token::Kind::kOperator, "||", 7, kConcatenate},
      {Token::Kind::kOperator, "+", 8, kCalculate},
      {Token::Kind::kOperator, "-", 8, kCalculate},
      {Token::Kind::kOperator, "*", 9, kCalculate},
      {Token::Kind::kOperator, "/", 9, kCalculate},
      {Token::Kind::kOperator, "%", 9, kCalculate},
  };
  for (const Infix& infix : kInfixes) {
    if (token.is(infix.kind, infix.text)) return &infix;
  }
  return nullptr;
}

ExpressionPtr ExpressionParser::level(int lowest) {
  if (++nested_ > Syntax::kMostDepth) return syntax_.fail("MaxOperatorsExceeded");
  ExpressionPtr left = prefix();
  while (left != nullptr) {
    const Infix* next = infix_of(syntax_.here());
    if (next == nullptr || next->level < lowest) break;
    left = infix(std::move(left), *next);
  }
  --nested_;
  return left;
}

ExpressionPtr ExpressionParser::prefix() {
  if (syntax_.take_keyword("not")) return syntax_.node(Operation::kNot, listed(level(kNotLevel + 1)));
  if (syntax_.take_operator("+")) return level(10);
  if (!syntax_.take_operator("-")) return primary();
  // The least integer has no positive counterpart.
  if (syntax_.here().is(Token::Kind::kNumber, "9223372036854775808")) {
    syntax_.skip();
    return constant(std::numeric_limits<std::int64_t>::min());
  }
  return syntax_.node(Operation::kNegate, listed(level(10)));
}

ExpressionPtr ExpressionParser::infix(ExpressionPtr left, const Infix& infix) {
  switch (infix.operation) {
    case Operation::kOr:
    case Operation::kAnd:
      return chained(std::move(left), infix.operation, infix.level + 1);
    case Operation::kIsNull:
      syntax_.skip();
      return is(std::move(left));
    case Operation::kIn:
    case Operation::kBetween:
    case Operation::kLike:
    case Operation::kNot:
      return membership(std::move(left));
    default:
      break;
  }
  syntax_.skip();
  ExpressionPtr made = syntax_.node(infix.operation, listed(std::move(left), level(infix.level + 1)));
  if (made != nullptr) made->symbol = infix.text.front();
  return made;
}

/// a AND b AND c is one node, so that long chains are not deep.
ExpressionPtr ExpressionParser::chained(ExpressionPtr left, Operation operation, int level_above) {
  const std::string_view word = operation == Operation::kAnd ? "and" : "or";
  std::vector<ExpressionPtr> operands = listed(std::move(left));
  while (syntax_.take_keyword(word)) {
    operands.push_back(level(level_above));
    if (operands.back() == nullptr) return nullptr;
  }
  return syntax_.node(operation, std::move(operands));
}

ExpressionPtr ExpressionParser::membership(ExpressionPtr left) {
  const bool negated = syntax_.take_keyword("not");
  ExpressionPtr made;
  if (syntax_.take_keyword("in")) {
    made = in(std::move(left));
  } else if (syntax_.take_keyword("like")) {
    made = like(std::move(left));
  } else if (syntax_.take_keyword("between")) {
    ExpressionPtr low = level(kOperandLevel);
    if (low == nullptr) return nullptr;
    if (!syntax_.take_keyword("and")) return syntax_.fail("ParseExpectedKeyword");
    made = syntax_.node(Operation::kBetween, listed(std::move(left), std::move(low), level(kOperandLevel)));
  } else {
    return syntax_.fail("ParseUnExpectedKeyword");
  }
  if (made != nullptr) made->negated = negated;
  return made;
}

ExpressionPtr ExpressionParser::in(ExpressionPtr left) {
  const bool list = syntax_.take_symbol("[");
  if (!list && !syntax_.take_symbol("(")) return syntax_.fail("ParseExpectedLeftParenValueConstructor");
  std::vector<ExpressionPtr> operands = listed(std::move(left));
  do {
    operands.push_back(level(0));
    if (operands.back() == nullptr) return nullptr;
  } while (syntax_.take_symbol(","));
  if (!syntax_.take_symbol(list ? "]" : ")")) return syntax_.fail("ParseExpectedTokenType");
  return syntax_.node(Operation::kIn, std::move(operands));
}

ExpressionPtr ExpressionParser::like(ExpressionPtr left) {
  std::vector<ExpressionPtr> operands = listed(std::move(left), level(kOperandLevel));
  if (syntax_.take_keyword("escape")) operands.push_back(level(kOperandLevel));
  ExpressionPtr made = syntax_.node(Operation::kLike, std::move(operands));
  if (made == nullptr) return nullptr;
  std::optional<std::string_view> texts[2];
  for (std::size_t i = 1; i < made->operands.size(); ++i) {
    const Expression& operand = *made->operands[i];
    if (operand.operation != Operation::kConstant) return made;
    const Text* text = std::get_if<Text>(&operand.constant);
    if (text == nullptr) return is_absent(operand.constant) ? std::move(made) : syntax_.fail("LikeInvalidInputs");
    texts[i - 1] = text->text;
  }
  Result<LikePattern> pattern = LikePattern::compile(*texts[0], texts[1]);
  if (!pattern.ok()) return syntax_.fail("EvaluatorLikePatternInvalidEscapeSequence");
  made->pattern = std::move(*pattern);
  return made;
}

ExpressionPtr ExpressionParser::is(ExpressionPtr left) {
  const bool negated = syntax_.take_keyword("not");
  Operation operation = Operation::kIsType;
  Type wanted = Type::kBool;
  if (syntax_.take_keyword("null")) {
    operation = Operation::kIsNull;
  } else if (syntax_.take_keyword("missing")) {
    operation = Operation::kIsMissing;
  } else if (!type(wanted)) {
    return nullptr;
  }
  ExpressionPtr made = syntax_.node(operation, listed(std::move(left)));
  if (made == nullptr) return nullptr;
  made->negated = negated;
  made->type = wanted;
  return made;
}

ExpressionPtr ExpressionParser::constant(Value value) {
  auto made = std::make_unique<Expression>(Operation::kConstant);
  made->constant = value;
  return made;
}

ExpressionPtr ExpressionParser::text(std::string text) {
  auto made = std::make_unique<Expression>(Operation::kConstant);
  made->text = std::move(text);
  made->constant = Text(made->text);
  return made;
}

ExpressionPtr ExpressionParser::number() {
  const std::optional<Value> value = parse_number(syntax_.here().text);
  if (!value) return syntax_.fail("NumberFormatError");
  syntax_.skip();
  return constant(*value);
}

ExpressionPtr ExpressionParser::ion() {
  const std::string literal(cumulet::trim(syntax_.here().text));
  syntax_.skip();
  if (const std::optional<Moment> moment = Moment::parse(literal)) return constant(*moment);
  if (const std::optional<Value> value = parse_number(literal)) return constant(*value);
  if (literal == "true" || literal == "false") return constant(literal == "true");
  if (literal == "null") return constant(Null());
  const bool quoted = literal.size() >= 2 && literal.front() == '"' && literal.back() == '"';
  if (!quoted || literal.find('\\') != std::string::npos) return syntax_.fail("LexerInvalidIONLiteral");
  return text(literal.substr(1, literal.size() - 2));
}

PathStep ExpressionParser::name_step() {
  const bool quoted = syntax_.here().kind == Token::Kind::kQuotedName;
  PathStep step(quoted ? PathStep::Kind::kQuotedName : PathStep::Kind::kName, syntax_.here().text);
  syntax_.skip();
  return step;
}

bool ExpressionParser::path_steps(Path& path, bool wildcards) {
  while (true) {
    if (path.size() > Syntax::kMostDepth) return syntax_.fail("MaxOperatorsExceeded") != nullptr;
    if (syntax_.take_symbol(".")) {
      if (syntax_.is_name()) {
        path.push_back(name_step());
      } else if (wildcards && syntax_.take_operator("*")) {
        path.emplace_back(PathStep::Kind::kAllAttributes, "");
      } else {
        const bool star = syntax_.here().is_operator("*");
        const bool keyword = syntax_.here().kind == Token::Kind::kKeyword;
        syntax_.fail(star      ? "ParseInvalidContextForWildcardInSelectList"
                     : keyword ? "ParseUnExpectedKeyword"
                               : "ParseInvalidPathComponent");
        return false;
      }
    } else if (syntax_.take_symbol("[")) {
      const Token& inside = syntax_.here();
      if (inside.kind == Token::Kind::kText) {
        path.emplace_back(PathStep::Kind::kQuotedName, inside.text);
      } else if (inside.is_operator("*") && wildcards) {
        path.emplace_back(PathStep::Kind::kAllElements, "");
      } else {
        std::size_t index = 0;
        const char* end = inside.text.data() + inside.text.size();
        const auto [stop, error] = std::from_chars(inside.text.data(), end, index);
        if (inside.kind != Token::Kind::kNumber || error != std::errc() || stop != end) {
          syntax_.fail(inside.is_operator("*") ? "ParseCannotMixSqbAndWildcardInSelectList"
                                               : "ParseInvalidPathComponent");
          return false;
        }
        path.emplace_back(index);
      }
      syntax_.skip();
      if (!syntax_.take_symbol("]")) return syntax_.fail("ParseExpectedTokenType") != nullptr;
    } else {
      return true;
    }
  }
}

ExpressionPtr ExpressionParser::reference() {
  auto made = std::make_unique<Expression>(Operation::kReference);
  made->path.push_back(name_step());
  if (!path_steps(made->path, false)) return nullptr;
  if (!in_aggregate_) refers_ = true;
  return made;
}

ExpressionPtr ExpressionParser::primary() {
  const Token& token = syntax_.here();
  switch (token.kind) {
    case Token::Kind::kNumber:
      return number();
    case Token::Kind::kIon:
      return ion();
    case Token::Kind::kText: {
      ExpressionPtr made = text(token.text);
      syntax_.skip();
      return made;
    }
    case Token::Kind::kName:
      return syntax_.here(1).is_symbol("(") ? named_function() : reference();
    case Token::Kind::kQuotedName:
      return reference();
    case Token::Kind::kKeyword:
      return keyword();
    case Token::Kind::kOperator:
      return syntax_.fail("ParseUnexpectedOperator");
    case Token::Kind::kEnd:
      return syntax_.fail("ParseExpectedExpression");
    case Token::Kind::kSymbol:
      break;
  }
  if (!syntax_.take_symbol("(")) return syntax_.fail("ParseUnexpectedToken");
  ExpressionPtr inside = level(0);
  if (inside == nullptr) return nullptr;
  if (!syntax_.take_symbol(")")) return syntax_.fail("ParseExpectedTokenType");
  return inside;
}

}  // namespace cumulet::s3::select
