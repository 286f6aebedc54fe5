#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "services/s3/select/expression.h"
#include "services/s3/select/lexer.h"

namespace cumulet::s3::select {

/// What the parser's parts share: the tokens, and how it fails. The first failure counts; from then on null is handed
/// up.
class Syntax {
 public:
  static constexpr std::size_t kMostDepth = 256;

  explicit Syntax(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& here(std::size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  void skip() { ++at_; }
  bool take_symbol(std::string_view symbol) { return take(here().is_symbol(symbol)); }
  bool take_operator(std::string_view symbol) { return take(here().is_operator(symbol)); }
  bool take_keyword(std::string_view word) { return take(here().is_keyword(word)); }
  bool is_name() const { return here().kind == Token::Kind::kName || here().kind == Token::Kind::kQuotedName; }

  bool failed() const { return !failure_.empty(); }
  std::string_view failure() const { return failure_; }
  /// Always false, and null for an expression.
  std::nullptr_t fail(std::string_view code) {
    if (failure_.empty()) failure_ = code;
    return nullptr;
  }
  /// An operation on these operands; null when one of them is.
  ExpressionPtr node(Operation operation, std::vector<ExpressionPtr> operands);

 private:
  bool take(bool there) {
    if (there) ++at_;
    return there;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::string_view failure_;
};

/// Parses expressions: operators by their precedence, literals, paths, functions.
class ExpressionParser {
 public:
  explicit ExpressionParser(Syntax& syntax) : syntax_(syntax) {}

  /// Null when it failed.
  ExpressionPtr expression() { return level(0); }
  /// The steps behind a name; `wildcards` says whether [*] and .* may be among them.
  bool path_steps(Path& path, bool wildcards);
  PathStep name_step();

  void allow_aggregates(bool allowed) { aggregates_allowed_ = allowed; }
  std::vector<Expression*> take_aggregates() { return std::move(aggregates_); }
  /// Whether there is a reference to the record outside of aggregates.
  bool refers() const { return refers_; }

 private:
  struct Infix;
  static const Infix* infix_of(const Token& token);

  ExpressionPtr level(int lowest);
  ExpressionPtr prefix();
  ExpressionPtr infix(ExpressionPtr left, const Infix& infix);
  ExpressionPtr chained(ExpressionPtr left, Operation operation, int level_above);
  ExpressionPtr membership(ExpressionPtr left);
  ExpressionPtr in(ExpressionPtr left);
  ExpressionPtr like(ExpressionPtr left);
  ExpressionPtr is(ExpressionPtr left);
  ExpressionPtr primary();
  ExpressionPtr keyword();
  ExpressionPtr reference();
  ExpressionPtr number();
  ExpressionPtr ion();
  ExpressionPtr constant(Value value);
  ExpressionPtr text(std::string text);
  ExpressionPtr case_expression();
  ExpressionPtr cast();
  bool type(Type& type);
  ExpressionPtr aggregate(Aggregate aggregate);
  ExpressionPtr call(Operation operation, std::size_t least, std::size_t most);
  ExpressionPtr named_function();
  ExpressionPtr date_function(Operation operation);
  ExpressionPtr extract();
  ExpressionPtr substring();
  ExpressionPtr trim();
  bool open();
  ExpressionPtr close(ExpressionPtr expression);
  bool date_part(Moment::Part& part);

  Syntax& syntax_;
  std::size_t nested_ = 0;
  bool aggregates_allowed_ = false;
  bool in_aggregate_ = false;
  bool refers_ = false;
  std::vector<Expression*> aggregates_;
};

}  // namespace cumulet::s3::select
