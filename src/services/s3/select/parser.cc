#include "services/s3/select/parser.h"

#include <charconv>
#include <utility>

#include "base/text.h"
#include "services/s3/select/errors.h"
#include "services/s3/select/syntax.h"

namespace cumulet::s3::select {
namespace {

/// SELECT list FROM S3Object[*]... alias WHERE condition LIMIT number
class StatementParser {
 public:
  explicit StatementParser(Syntax& syntax) : syntax_(syntax), expressions_(syntax) {}

  bool parse(Statement& statement) {
    if (!syntax_.take_keyword("select")) return fail("ParseExpectedKeyword");
    if (!select_list(statement)) return false;
    if (!syntax_.take_keyword("from")) return fail("ParseSelectMissingFrom");
    if (!from(statement)) return false;
    if (syntax_.take_keyword("where")) {
      expressions_.allow_aggregates(false);
      statement.where = expressions_.expression();
      if (statement.where == nullptr) return false;
    }
    if (syntax_.take_keyword("limit") && !limit(statement)) return false;
    syntax_.take_symbol(";");
    return syntax_.here().kind == Token::Kind::kEnd || unexpected();
  }

 private:
  bool fail(std::string_view code) { return syntax_.fail(code) != nullptr; }

  bool unexpected() {
    const Token& token = syntax_.here();
    constexpr std::string_view kJoins[] = {"join", "inner", "left", "right", "full", "outer", "cross", "natural"};
    for (const std::string_view word : kJoins) {
      if (token.is_keyword(word)) return fail("ParseMalformedJoin");
    }
    if (token.is_keyword("group")) return fail("ParseUnsupportedLiteralsGroupBy");
    constexpr std::string_view kClauses[] = {"order", "having", "union", "intersect", "except", "at"};
    for (const std::string_view word : kClauses) {
      if (token.is_keyword(word)) return fail("ParseUnsupportedSyntax");
    }
    switch (token.kind) {
      case Token::Kind::kKeyword:
        return fail("ParseUnExpectedKeyword");
      case Token::Kind::kOperator:
        return fail("ParseUnexpectedOperator");
      case Token::Kind::kName:
      case Token::Kind::kQuotedName:
      case Token::Kind::kText:
      case Token::Kind::kNumber:
      case Token::Kind::kIon:
        return fail("ParseUnexpectedTerm");
      default:
        return fail("ParseUnexpectedToken");
    }
  }

  bool select_list(Statement& statement) {
    if (syntax_.here().is_keyword("distinct") || syntax_.here().is_keyword("all"))
      return fail("ParseUnsupportedSelect");
    if (syntax_.here().is_keyword("from") || syntax_.here().kind == Token::Kind::kEnd) return fail("ParseEmptySelect");
    expressions_.allow_aggregates(true);
    if (syntax_.take_operator("*")) {
      statement.projections.emplace_back();
      return !syntax_.here().is_symbol(",") || fail("ParseAsteriskIsNotAloneInSelectList");
    }
    bool all = false;
    do {
      if (syntax_.here().is_operator("*")) return fail("ParseAsteriskIsNotAloneInSelectList");
      if (syntax_.is_name() && syntax_.here(1).is_symbol(".") && syntax_.here(2).is_operator("*")) {
        stars_.push_back(expressions_.name_step());
        syntax_.skip();
        syntax_.skip();
        statement.projections.emplace_back();
        all = true;
      } else if (!projection(statement)) {
        return false;
      }
    } while (syntax_.take_symbol(","));
    statement.aggregates = expressions_.take_aggregates();
    const bool mixed = !statement.aggregates.empty() && (all || expressions_.refers());
    return !mixed || fail("UnsupportedSqlStructure");
  }

  bool projection(Statement& statement) {
    Projection& made = statement.projections.emplace_back();
    made.expression = expressions_.expression();
    if (made.expression == nullptr) return false;
    made.name = "_" + std::to_string(statement.projections.size());
    const Expression& expression = *made.expression;
    if (expression.operation == Operation::kReference && expression.path.back().kind != PathStep::Kind::kIndex) {
      made.name = expression.path.back().name;
    }
    const bool as = syntax_.take_keyword("as");
    if (syntax_.is_name()) {
      made.name = syntax_.here().text;
      syntax_.skip();
    } else if (as) {
      return fail("ParseExpectedIdentForAlias");
    }
    return true;
  }

  bool from(Statement& statement) {
    if (!syntax_.is_name()) return fail("ParseExpectedTokenType");
    if (!iequals(syntax_.here().text, "S3Object")) return fail("EvaluatorBindingDoesNotExist");
    syntax_.skip();
    if (!expressions_.path_steps(statement.from, true)) return false;
    const bool wildcard = !statement.from.empty();
    if (wildcard && statement.from.front().kind != PathStep::Kind::kAllElements) return fail("InvalidKeyPath");
    if (wildcard) statement.from.erase(statement.from.begin());
    const bool as = syntax_.take_keyword("as");
    if (syntax_.is_name()) {
      statement.alias = expressions_.name_step();
    } else if (as) {
      return fail("ParseExpectedIdentForAlias");
    }
    if (syntax_.here().is_symbol(",")) return fail("MultipleDataSourcesUnsupported");
    for (const PathStep& star : stars_) {
      const bool known = statement.alias ? star.names(statement.alias->name) : is_default_alias(statement, star);
      if (!known) return fail("EvaluatorBindingDoesNotExist");
    }
    return true;
  }

  static bool is_default_alias(const Statement& statement, const PathStep& step) {
    if (statement.from.empty()) return iequals(step.name, "S3Object") || step.name == "_1";
    const PathStep& last = statement.from.back();
    return last.name.empty() ? step.name == "_1" : step.names(last.name);
  }

  bool limit(Statement& statement) {
    if (syntax_.here().is_operator("-")) return fail("EvaluatorNegativeLimit");
    const Token& token = syntax_.here();
    std::uint64_t number = 0;
    const char* end = token.text.data() + token.text.size();
    const auto [stop, error] = std::from_chars(token.text.data(), end, number);
    if (token.kind != Token::Kind::kNumber || error != std::errc() || stop != end) return fail("ParseExpectedNumber");
    statement.limit = number;
    syntax_.skip();
    return true;
  }

  Syntax& syntax_;
  ExpressionParser expressions_;
  Path stars_;
};

}  // namespace

bool PathStep::names(std::string_view other) const {
  return kind == Kind::kName ? iequals(name, other) : name == other;
}

Result<Statement> parse_statement(std::string_view expression) {
  if (expression.size() > kExpressionLimit) return select_error("ExpressionTooLong");
  Result<std::vector<Token>> tokens = tokens_of(expression);
  if (!tokens.ok()) return std::move(tokens).error();
  Syntax syntax(std::move(*tokens));
  Statement statement;
  StatementParser parser(syntax);
  if (!parser.parse(statement)) return select_error(syntax.failure());
  return statement;
}

}  // namespace cumulet::s3::select
