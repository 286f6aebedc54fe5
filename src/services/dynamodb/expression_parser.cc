#include "services/dynamodb/expression_parser.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/expression_lexer.h"
#include "services/dynamodb/reserved_words.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::array<std::pair<std::string_view, Function>, 8> kFunctions = {{
    {"attribute_exists", Function::kAttributeExists},
    {"attribute_not_exists", Function::kAttributeNotExists},
    {"attribute_type", Function::kAttributeType},
    {"begins_with", Function::kBeginsWith},
    {"contains", Function::kContains},
    {"size", Function::kSize},
    {"if_not_exists", Function::kIfNotExists},
    {"list_append", Function::kListAppend},
}};

/// Faults that do not end the parse: all of the text is read first, and the most important fault is told. In that
/// order.
enum class Fault { kParentheses, kFunction, kMisuse, kReserved, kSection, kLimit, kCount };

class Parser {
 public:
  Parser(ExpressionKind kind, std::string_view text) : text_(text), tokens_(tokenize(text)) { out_.kind = kind; }

  Result<Expression> parse() {
    if (out_.kind == ExpressionKind::kProjection) {
      parse_projection();
    } else if (out_.kind == ExpressionKind::kUpdate) {
      parse_update();
    } else {
      out_.root = parse_or();
      forbid_lone_size(out_.root);
    }
    if (!failed_ && current().kind != TokenKind::kEnd) syntax_error();
    if (failed_) return std::move(*failure_);
    for (const std::optional<std::string>& fault : faults_) {
      if (fault) return fail(*fault);
    }
    return std::move(out_);
  }

 private:
  // --- tokens ---
  const Token& current() const { return tokens_[at_]; }
  const Token& peek(std::size_t ahead = 1) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  void advance() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool accept(std::string_view symbol) {
    if (failed_ || !current().is(symbol)) return false;
    advance();
    return true;
  }
  bool accept_keyword(std::string_view keyword) {
    if (failed_ || !current().is_keyword(keyword)) return false;
    advance();
    return true;
  }
  void expect(std::string_view symbol) {
    if (!accept(symbol)) syntax_error();
  }

  // --- errors ---
  Error fail(const std::string& what) const {
    return invalid(std::string("Invalid ") + expression_kind_name(out_.kind) + ": " + what);
  }
  /// Ends the parse: names the token and the text from the token before to the one after it.
  void syntax_error() {
    if (failed_) return;
    const Token& token = current();
    const Token& first = at_ > 0 ? tokens_[at_ - 1] : token;
    const Token& last = peek();
    const std::string_view near = text_.substr(first.begin, last.begin + last.text.size() - first.begin);
    stop("Syntax error; token: \"" + (token.kind == TokenKind::kEnd ? "<EOF>" : std::string(token.text)) +
         "\", near: \"" + std::string(near) + "\"");
  }
  void stop(const std::string& what) {
    if (failed_) return;
    failed_ = true;
    failure_ = fail(what);
    at_ = tokens_.size() - 1;
  }
  void note(Fault fault, std::string what) {
    std::optional<std::string>& slot = faults_[static_cast<std::size_t>(fault)];
    if (!slot) slot = std::move(what);
  }

  // --- building ---
  std::uint32_t add(Node node) {
    out_.nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(out_.nodes.size() - 1);
  }
  std::uint32_t add(NodeKind kind, std::vector<std::uint32_t> children) {
    count_operator();
    Node node;
    node.kind = kind;
    node.children = std::move(children);
    return add(std::move(node));
  }
  std::uint32_t add_leaf(NodeKind kind, std::uint32_t ref) {
    Node node;
    node.kind = kind;
    node.ref = ref;
    return add(std::move(node));
  }
  void count_operator() {
    if (++operators_ == kMaxExpressionOperators + 1) {
      note(Fault::kLimit, "The expression contains too many operators; operator count: " +
                              std::to_string(kMaxExpressionOperators + 1));
    }
  }
  static std::uint32_t intern(std::vector<std::string>& refs, std::string_view ref) {
    const auto found = std::find(refs.begin(), refs.end(), ref);
    if (found != refs.end()) return static_cast<std::uint32_t>(found - refs.begin());
    refs.emplace_back(ref);
    return static_cast<std::uint32_t>(refs.size() - 1);
  }

  // --- paths ---
  PathStep parse_name() {
    PathStep step;
    if (current().kind == TokenKind::kName) {
      step.name = std::string(current().text);
      if (is_reserved_word(step.name)) {
        note(Fault::kReserved, "Attribute name is a reserved keyword; reserved keyword: " + step.name);
      }
      advance();
    } else if (current().kind == TokenKind::kNameRef) {
      step.kind = PathStep::Kind::kNameRef;
      step.number = intern(out_.name_refs, current().text);
      advance();
    } else {
      syntax_error();
    }
    return step;
  }
  PathStep parse_index() {
    PathStep step;
    step.kind = PathStep::Kind::kIndex;
    if (current().kind != TokenKind::kInteger) {
      syntax_error();
      return step;
    }
    constexpr std::int64_t kMaxIndex = 0x7fffffff;
    const std::optional<std::int64_t> index = parse_int(current().text);
    if (!index || *index > kMaxIndex) {
      note(Fault::kLimit, "List index is not within the allowable range; index: [" + std::string(current().text) + "]");
    } else {
      step.number = static_cast<std::uint32_t>(*index);
    }
    advance();
    expect("]");
    return step;
  }
  std::uint32_t parse_path() {
    PathSteps steps;
    steps.push_back(parse_name());
    while (!failed_) {
      if (accept(".")) {
        steps.push_back(parse_name());
      } else if (accept("[")) {
        steps.push_back(parse_index());
      } else {
        break;
      }
    }
    if (steps.size() > kMaxPathSteps) {
      note(Fault::kLimit,
           "The document path has too many nesting levels; nesting levels: " + std::to_string(steps.size()));
    }
    out_.paths.push_back(std::move(steps));
    return static_cast<std::uint32_t>(out_.paths.size() - 1);
  }

  // --- operands ---
  bool at_function() const { return current().kind == TokenKind::kName && peek().is("("); }

  std::uint32_t parse_function() {
    const std::string name(current().text);
    advance();
    expect("(");
    count_operator();
    Node node;
    node.kind = NodeKind::kFunction;
    const auto found =
        std::find_if(kFunctions.begin(), kFunctions.end(), [&](const auto& f) { return f.first == name; });
    const bool update = out_.kind == ExpressionKind::kUpdate;
    const bool of_update = found != kFunctions.end() &&
                           (found->second == Function::kIfNotExists || found->second == Function::kListAppend);
    if (found == kFunctions.end() || update != of_update) {
      note(Fault::kFunction, "Invalid function name; function: " + name);
    } else {
      node.function = found->second;
    }
    Nesting nesting(*this);
    if (nesting.too_deep()) return 0;
    do {
      const std::uint32_t argument = update ? parse_update_operand() : parse_operand();
      if (!update && !failed_) forbid_nested(argument);
      node.children.push_back(argument);
    } while (accept(","));
    expect(")");
    return add(std::move(node));
  }

  std::uint32_t parse_operand() {
    if (failed_) return 0;
    if (current().kind == TokenKind::kValueRef) {
      const std::uint32_t ref = intern(out_.value_refs, current().text);
      advance();
      return add_leaf(NodeKind::kValue, ref);
    }
    if (at_function()) return parse_function();
    if (current().is("(") && operand_in_parentheses()) {
      Nesting nesting(*this);
      if (nesting.too_deep()) return 0;
      advance();
      if (current().is("(")) note(Fault::kParentheses, "The expression has redundant parentheses;");
      const std::uint32_t operand = parse_operand();
      expect(")");
      return operand;
    }
    return add_leaf(NodeKind::kPath, parse_path());
  }

  /// Functions but size give no value that could be an operand.
  void forbid_nested(std::uint32_t operand) {
    if (failed_) return;
    const Node& node = out_.nodes[operand];
    if (node.kind == NodeKind::kFunction && node.function != Function::kSize && node.function != Function::kNone) {
      note_misuse(node.function);
    }
  }
  /// size gives no truth value.
  void forbid_lone_size(std::uint32_t condition) {
    if (failed_) return;
    const Node& node = out_.nodes[condition];
    if (node.kind == NodeKind::kFunction && node.function == Function::kSize) note_misuse(node.function);
  }
  void note_misuse(Function function) {
    note(Fault::kMisuse, std::string("The function is not allowed to be used this way in an expression; function: ") +
                             function_name(function));
  }

  // --- conditions ---
  struct Nesting {
    explicit Nesting(Parser& p) : parser(p) { ++parser.depth_; }
    ~Nesting() { --parser.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    bool too_deep() {
      if (parser.depth_ <= kMaxExpressionDepth) return false;
      parser.stop("The expression is nested too deeply; maximum: " + std::to_string(kMaxExpressionDepth));
      return true;
    }
    Parser& parser;
  };

  std::uint32_t parse_or() { return parse_chain(NodeKind::kOr, "OR", &Parser::parse_and); }
  std::uint32_t parse_and() { return parse_chain(NodeKind::kAnd, "AND", &Parser::parse_not); }

  std::uint32_t parse_chain(NodeKind kind, std::string_view keyword, std::uint32_t (Parser::*part)()) {
    std::vector<std::uint32_t> parts;
    parts.push_back((this->*part)());
    while (accept_keyword(keyword)) {
      if (parts.size() > 1) count_operator();
      parts.push_back((this->*part)());
    }
    if (failed_ || parts.size() == 1) return parts[0];
    for (const std::uint32_t condition : parts) forbid_lone_size(condition);
    return add(kind, std::move(parts));
  }

  std::uint32_t parse_not() {
    if (failed_) return 0;
    if (!current().is_keyword("NOT")) return parse_primary();
    Nesting nesting(*this);
    if (nesting.too_deep()) return 0;
    advance();
    const std::uint32_t condition = parse_not();
    if (failed_) return 0;
    forbid_lone_size(condition);
    return add(NodeKind::kNot, {condition});
  }

  /// Whether the parenthesis here holds an operand, not a condition: `(a) = :b`.
  bool operand_in_parentheses() const {
    std::size_t at = at_;
    std::size_t open = 0;
    while (tokens_[at].is("(")) ++at, ++open;
    if (tokens_[at].kind == TokenKind::kName && tokens_[at + 1].is("(")) {
      int depth = 0;
      for (++at; tokens_[at].kind != TokenKind::kEnd; ++at) {
        if (tokens_[at].is("(")) ++depth;
        if (tokens_[at].is(")") && --depth == 0) break;
      }
      if (tokens_[at].kind == TokenKind::kEnd || !tokens_[at + 1].is(")")) return false;
      ++at;
    } else {
      while (tokens_[at].kind == TokenKind::kName || tokens_[at].kind == TokenKind::kNameRef ||
             tokens_[at].kind == TokenKind::kValueRef || tokens_[at].kind == TokenKind::kInteger ||
             tokens_[at].is(".") || tokens_[at].is("[") || tokens_[at].is("]")) {
        if (tokens_[at].is_keyword("AND") || tokens_[at].is_keyword("OR") || tokens_[at].is_keyword("BETWEEN") ||
            tokens_[at].is_keyword("IN") || tokens_[at].is_keyword("NOT")) {
          return false;
        }
        ++at;
      }
    }
    while (open > 0 && tokens_[at].is(")")) ++at, --open;
    if (open > 0) return false;
    return comparator(tokens_[at]).has_value() || tokens_[at].is_keyword("BETWEEN") || tokens_[at].is_keyword("IN");
  }

  static std::optional<NodeKind> comparator(const Token& token) {
    if (token.is("=")) return NodeKind::kEqual;
    if (token.is("<>")) return NodeKind::kNotEqual;
    if (token.is("<")) return NodeKind::kLess;
    if (token.is("<=")) return NodeKind::kLessEqual;
    if (token.is(">")) return NodeKind::kGreater;
    if (token.is(">=")) return NodeKind::kGreaterEqual;
    return std::nullopt;
  }

  std::uint32_t parse_primary() {
    if (failed_) return 0;
    if (!current().is("(") || operand_in_parentheses()) return parse_comparison();
    Nesting nesting(*this);
    if (nesting.too_deep()) return 0;
    advance();
    const bool doubled = current().is("(") && !operand_in_parentheses();
    const std::size_t inner = at_;
    const std::uint32_t condition = parse_or();
    if (!failed_ && doubled && closing_of(inner) + 1 == at_) {
      note(Fault::kParentheses, "The expression has redundant parentheses;");
    }
    expect(")");
    return condition;
  }

  /// The place of the parenthesis that closes the one at `open`.
  std::size_t closing_of(std::size_t open) const {
    int depth = 0;
    for (std::size_t at = open; at < tokens_.size(); ++at) {
      if (tokens_[at].is("(")) ++depth;
      if (tokens_[at].is(")") && --depth == 0) return at;
    }
    return tokens_.size();
  }

  std::uint32_t parse_comparison() {
    const std::uint32_t left = parse_operand();
    if (failed_) return 0;
    if (const std::optional<NodeKind> kind = comparator(current())) {
      advance();
      const std::uint32_t right = parse_operand();
      if (failed_) return 0;
      forbid_nested(left);
      forbid_nested(right);
      return add(*kind, {left, right});
    }
    if (accept_keyword("BETWEEN")) {
      const std::uint32_t lower = parse_operand();
      if (!accept_keyword("AND")) syntax_error();
      const std::uint32_t upper = parse_operand();
      if (failed_) return 0;
      for (const std::uint32_t operand : {left, lower, upper}) forbid_nested(operand);
      return add(NodeKind::kBetween, {left, lower, upper});
    }
    if (accept_keyword("IN")) {
      expect("(");
      std::vector<std::uint32_t> operands{left};
      do {
        operands.push_back(parse_operand());
      } while (accept(","));
      expect(")");
      if (failed_) return 0;
      for (const std::uint32_t operand : operands) forbid_nested(operand);
      if (operands.size() - 1 > kMaxInOperands) {
        note(Fault::kLimit, "The IN operator is provided with too many operands; number of operands: " +
                                std::to_string(operands.size() - 1));
      }
      return add(NodeKind::kIn, std::move(operands));
    }
    if (out_.nodes[left].kind != NodeKind::kFunction) syntax_error();
    return left;
  }

  // --- projections ---
  void parse_projection() {
    do {
      out_.projected.push_back(parse_path());
    } while (accept(","));
  }

  // --- updates ---
  void parse_update() {
    std::array<bool, 4> seen{};
    if (current().kind == TokenKind::kEnd) syntax_error();
    while (!failed_ && current().kind != TokenKind::kEnd) {
      UpdateVerb verb = UpdateVerb::kSet;
      if (current().is_keyword("SET")) {
        verb = UpdateVerb::kSet;
      } else if (current().is_keyword("REMOVE")) {
        verb = UpdateVerb::kRemove;
      } else if (current().is_keyword("ADD")) {
        verb = UpdateVerb::kAdd;
      } else if (current().is_keyword("DELETE")) {
        verb = UpdateVerb::kDelete;
      } else {
        syntax_error();
        return;
      }
      bool& used = seen[static_cast<std::size_t>(verb)];
      if (used) {
        note(Fault::kSection,
             "The \"" + to_upper(current().text) + "\" section can only be used once in an update expression;");
      }
      used = true;
      advance();
      do {
        parse_update_action(verb);
      } while (accept(","));
    }
  }

  void parse_update_action(UpdateVerb verb) {
    if (failed_) return;
    count_operator();
    UpdateAction action;
    action.verb = verb;
    action.path = parse_path();
    if (verb == UpdateVerb::kSet) {
      expect("=");
      action.operand = parse_set_value();
    } else if (verb != UpdateVerb::kRemove) {
      if (!failed_ && current().kind != TokenKind::kValueRef) {
        syntax_error();
      } else {
        action.operand = parse_operand();
      }
    }
    out_.actions.push_back(action);
  }

  /// operand, operand + operand, operand - operand; each possibly in parentheses.
  std::uint32_t parse_set_value() {
    if (failed_) return 0;
    Nesting nesting(*this);
    if (nesting.too_deep()) return 0;
    const std::uint32_t left = parse_update_operand();
    if (failed_) return 0;
    NodeKind kind = NodeKind::kAdd;
    if (accept("-")) {
      kind = NodeKind::kSubtract;
    } else if (!accept("+")) {
      return left;
    }
    const std::uint32_t right = parse_update_operand();
    if (failed_) return 0;
    return add(kind, {left, right});
  }

  std::uint32_t parse_update_operand() {
    if (failed_) return 0;
    if (accept("(")) {
      const bool doubled = current().is("(");
      const std::size_t inner = at_;
      const std::uint32_t operand = parse_set_value();
      if (!failed_ && doubled && closing_of(inner) + 1 == at_) {
        note(Fault::kParentheses, "The expression has redundant parentheses;");
      }
      expect(")");
      return operand;
    }
    if (current().kind == TokenKind::kValueRef) {
      const std::uint32_t ref = intern(out_.value_refs, current().text);
      advance();
      return add_leaf(NodeKind::kValue, ref);
    }
    if (at_function()) return parse_function();
    return add_leaf(NodeKind::kPath, parse_path());
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  std::size_t operators_ = 0;
  bool failed_ = false;
  std::optional<Error> failure_;
  std::array<std::optional<std::string>, static_cast<std::size_t>(Fault::kCount)> faults_;
  Expression out_;
};

}  // namespace

const char* expression_kind_name(ExpressionKind kind) {
  switch (kind) {
    case ExpressionKind::kCondition:
      return "ConditionExpression";
    case ExpressionKind::kFilter:
      return "FilterExpression";
    case ExpressionKind::kKeyCondition:
      return "KeyConditionExpression";
    case ExpressionKind::kProjection:
      return "ProjectionExpression";
    case ExpressionKind::kUpdate:
      return "UpdateExpression";
  }
  return "";
}

const char* function_name(Function function) {
  for (const auto& [name, known] : kFunctions) {
    if (known == function) return name.data();
  }
  return "";
}

Result<Expression> parse_expression(ExpressionKind kind, std::string_view text) {
  const std::string prefix = std::string("Invalid ") + expression_kind_name(kind) + ": ";
  if (text.empty()) return invalid(prefix + "The expression can not be empty;");
  if (text.size() > kMaxExpressionBytes) {
    return invalid(prefix + "Expression size has exceeded the maximum allowed size; expression size: " +
                   std::to_string(text.size()));
  }
  return Parser(kind, text).parse();
}

}  // namespace cumulet::dynamodb
