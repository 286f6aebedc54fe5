#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/partiql_lexer.h"
#include "services/dynamodb/partiql_statement.h"
#include "services/dynamodb/partiql_terms.h"

namespace cumulet::dynamodb::partiql {
namespace {

constexpr std::array<std::pair<std::string_view, Function>, 4> kFunctions = {{
    {"ATTRIBUTE_TYPE", Function::kAttributeType},
    {"BEGINS_WITH", Function::kBeginsWith},
    {"CONTAINS", Function::kContains},
    {"SIZE", Function::kSize},
}};

Function function_named(const Token& token) {
  for (const auto& [name, function] : kFunctions) {
    if (token.is_keyword(name)) return function;
  }
  return Function::kNone;
}

class Parser {
 public:
  Parser(std::vector<Token> tokens, const std::optional<std::vector<AttributeValue>>& parameters)
      : in_(std::move(tokens), parameters) {}

  Result<Statement> parse() {
    if (in_.accept_keyword("EXISTS")) {
      in_.expect("(");
      in_.expect_keyword("SELECT");
      parse_select();
      in_.expect(")");
      out_.verb = Verb::kExists;
    } else if (in_.accept_keyword("SELECT")) {
      parse_select();
    } else if (in_.accept_keyword("INSERT")) {
      parse_insert();
    } else if (in_.accept_keyword("UPDATE")) {
      parse_update();
    } else if (in_.accept_keyword("DELETE")) {
      parse_delete();
    } else {
      in_.fail_here("Expected SELECT, INSERT, UPDATE or DELETE");
    }
    if (Result<void> done = in_.finish(); !done) return std::move(done).error();
    return std::move(out_);
  }

 private:
  // --- statements ---
  void parse_table() {
    out_.table = in_.read_name("a table");
    if (in_.accept(".")) out_.index = in_.read_name("an index");
  }

  void parse_select() {
    if (!in_.accept("*")) {
      do {
        out_.shown.push_back(in_.read_path());
      } while (in_.accept(","));
    }
    in_.expect_keyword("FROM");
    parse_table();
    parse_where();
    if (!in_.accept_keyword("ORDER")) return;
    in_.expect_keyword("BY");
    do {
      OrderBy order;
      const PathSteps path = in_.read_path();
      if (path.size() != 1) {
        in_.fail(invalid("ORDER BY takes attributes of the primary key"));
        return;
      }
      order.attribute = path.front().name;
      order.descending = in_.accept_keyword("DESC");
      if (!order.descending) in_.accept_keyword("ASC");
      out_.order.push_back(std::move(order));
    } while (in_.accept(","));
  }

  void parse_insert() {
    out_.verb = Verb::kInsert;
    in_.expect_keyword("INTO");
    out_.table = in_.read_name("a table");
    in_.expect_keyword("VALUE");
    AttributeValue item = in_.read_value();
    if (in_.failed()) return;
    if (!item.is(Type::kMap)) {
      in_.fail(malformed("Expected an item after VALUE"));
      return;
    }
    out_.item = std::move(item.map());
  }

  void parse_update() {
    out_.verb = Verb::kUpdate;
    out_.table = in_.read_name("a table");
    out_.update = std::make_shared<Expression>();
    out_.update->kind = ExpressionKind::kUpdate;
    building_ = out_.update.get();
    while (!in_.failed()) {
      if (in_.accept_keyword("SET")) {
        do {
          parse_set();
        } while (in_.accept(","));
      } else if (in_.accept_keyword("REMOVE")) {
        do {
          UpdateAction action;
          action.verb = UpdateVerb::kRemove;
          action.path = add_path(in_.read_path());
          building_->actions.push_back(action);
        } while (in_.accept(","));
      } else {
        break;
      }
    }
    if (!in_.failed() && building_->actions.empty()) in_.fail_here("Expected SET or REMOVE");
    parse_where();
    parse_returning();
  }

  void parse_delete() {
    out_.verb = Verb::kDelete;
    in_.expect_keyword("FROM");
    out_.table = in_.read_name("a table");
    parse_where();
    parse_returning();
    if (out_.returning != Returning::kNothing && out_.returning != Returning::kAllOld) {
      in_.fail(invalid("DELETE can return ALL OLD * only"));
    }
  }

  void parse_returning() {
    if (!in_.accept_keyword("RETURNING")) return;
    const bool all = in_.accept_keyword("ALL");
    if (!all) in_.expect_keyword("MODIFIED");
    const bool old = in_.accept_keyword("OLD");
    if (!old) in_.expect_keyword("NEW");
    in_.expect("*");
    if (all) {
      out_.returning = old ? Returning::kAllOld : Returning::kAllNew;
    } else {
      out_.returning = old ? Returning::kModifiedOld : Returning::kModifiedNew;
    }
  }

  void parse_where() {
    if (!in_.accept_keyword("WHERE")) return;
    out_.where = std::make_shared<Expression>();
    building_ = out_.where.get();
    out_.where->root = parse_or();
  }

  // --- building ---
  std::uint32_t add(Node node) {
    building_->nodes.push_back(std::move(node));
    return static_cast<std::uint32_t>(building_->nodes.size() - 1);
  }
  std::uint32_t add(NodeKind kind, std::vector<std::uint32_t> children) {
    Node node;
    node.kind = kind;
    node.children = std::move(children);
    return add(std::move(node));
  }
  std::uint32_t add_function(Function function, std::vector<std::uint32_t> arguments) {
    Node node;
    node.kind = NodeKind::kFunction;
    node.function = function;
    node.children = std::move(arguments);
    return add(std::move(node));
  }
  std::uint32_t add_path(PathSteps steps) {
    if (steps.empty()) steps.emplace_back();
    building_->paths.push_back(std::move(steps));
    return static_cast<std::uint32_t>(building_->paths.size() - 1);
  }
  std::uint32_t add_path_node(PathSteps steps) {
    Node node;
    node.ref = add_path(std::move(steps));
    return add(std::move(node));
  }
  std::uint32_t add_value(AttributeValue value) {
    out_.values.push_back(std::move(value));
    Node node;
    node.kind = NodeKind::kValue;
    node.ref = static_cast<std::uint32_t>(out_.values.size() - 1);
    return add(std::move(node));
  }
  std::uint32_t negated(bool negate, std::uint32_t condition) {
    return negate ? add(NodeKind::kNot, {condition}) : condition;
  }

  // --- conditions ---
  std::uint32_t parse_or() {
    std::vector<std::uint32_t> parts{parse_and()};
    while (in_.accept_keyword("OR")) parts.push_back(parse_and());
    return parts.size() == 1 ? parts[0] : add(NodeKind::kOr, std::move(parts));
  }
  std::uint32_t parse_and() {
    std::vector<std::uint32_t> parts{parse_not()};
    while (in_.accept_keyword("AND")) parts.push_back(parse_not());
    return parts.size() == 1 ? parts[0] : add(NodeKind::kAnd, std::move(parts));
  }
  std::uint32_t parse_not() {
    const Reader::Nesting nesting(in_);
    if (in_.failed()) return add(Node());
    if (in_.accept_keyword("NOT")) return negated(true, parse_not());
    if (in_.accept("(")) {
      const std::uint32_t condition = parse_or();
      in_.expect(")");
      return condition;
    }
    return parse_comparison();
  }

  bool at_function() const { return function_named(in_.current()) != Function::kNone && in_.peek().is("("); }

  std::uint32_t parse_operand() {
    if (in_.failed()) return add(Node());
    if (at_function()) return parse_function();
    if (in_.at_value()) return add_value(in_.read_value());
    return add_path_node(in_.read_path());
  }

  std::uint32_t parse_function() {
    const Function function = function_named(in_.current());
    const std::string name = in_.current().text;
    in_.advance();
    in_.expect("(");
    std::vector<std::uint32_t> arguments;
    do {
      if (at_function()) in_.fail(malformed("A function cannot be an argument of a function"));
      arguments.push_back(parse_operand());
    } while (in_.accept(","));
    in_.expect(")");
    const std::size_t wanted = function == Function::kSize ? 1 : 2;
    if (!in_.failed() && arguments.size() != wanted) {
      in_.fail(invalid("Incorrect number of operands for operator or function; operator or function: " + name +
                       ", number of operands: " + std::to_string(arguments.size())));
    }
    return add_function(function, std::move(arguments));
  }

  std::optional<NodeKind> accept_comparator() {
    constexpr std::array<std::pair<std::string_view, NodeKind>, 7> kComparators = {{
        {"=", NodeKind::kEqual},
        {"<>", NodeKind::kNotEqual},
        {"!=", NodeKind::kNotEqual},
        {"<=", NodeKind::kLessEqual},
        {"<", NodeKind::kLess},
        {">=", NodeKind::kGreaterEqual},
        {">", NodeKind::kGreater},
    }};
    for (const auto& [symbol, kind] : kComparators) {
      if (in_.accept(symbol)) return kind;
    }
    return std::nullopt;
  }

  std::uint32_t parse_comparison() {
    const std::uint32_t left = parse_operand();
    if (const std::optional<NodeKind> kind = accept_comparator()) {
      const std::uint32_t right = parse_operand();
      return add(*kind, {left, right});
    }
    if (in_.accept_keyword("IS")) return parse_is(left);
    const bool negate = in_.accept_keyword("NOT");
    if (in_.accept_keyword("BETWEEN")) {
      const std::uint32_t lower = parse_operand();
      in_.expect_keyword("AND");
      const std::uint32_t upper = parse_operand();
      return negated(negate, add(NodeKind::kBetween, {left, lower, upper}));
    }
    if (in_.accept_keyword("IN")) return negated(negate, parse_in(left));
    const Node& node = building_->nodes[left];
    const bool condition = node.kind == NodeKind::kFunction && node.function != Function::kSize;
    if (negate || !condition) in_.fail_here("Expected a comparison");
    return left;
  }

  std::uint32_t parse_is(std::uint32_t left) {
    const bool negate = in_.accept_keyword("NOT");
    if (in_.accept_keyword("MISSING")) {
      if (!in_.failed() && building_->nodes[left].kind != NodeKind::kPath) {
        in_.fail(malformed("IS MISSING takes a path"));
      }
      return add_function(negate ? Function::kAttributeExists : Function::kAttributeNotExists, {left});
    }
    in_.expect_keyword("NULL");
    const std::uint32_t null = add_value(AttributeValue::string("NULL"));
    return negated(negate, add_function(Function::kAttributeType, {left, null}));
  }

  std::uint32_t parse_in(std::uint32_t left) {
    std::vector<std::uint32_t> operands{left};
    const char* end = in_.accept("[") ? "]" : ")";
    if (*end == ')') in_.expect("(");
    do {
      operands.push_back(parse_operand());
    } while (in_.accept(","));
    in_.expect(end);
    return add(NodeKind::kIn, std::move(operands));
  }

  // --- updates ---
  void parse_set() {
    UpdateAction action;
    const PathSteps target = in_.read_path();
    action.path = add_path(target);
    in_.expect("=");
    const bool adds = in_.current().is_keyword("SET_ADD");
    if ((adds || in_.current().is_keyword("SET_DELETE")) && in_.peek().is("(")) {
      in_.advance();
      in_.advance();
      const PathSteps source = in_.read_path();
      in_.expect(",");
      action.verb = adds ? UpdateVerb::kAdd : UpdateVerb::kDelete;
      action.operand = add_value(in_.read_value());
      in_.expect(")");
      const bool same = std::equal(source.begin(), source.end(), target.begin(), target.end(),
                                   [](const PathStep& a, const PathStep& b) {
                                     return a.kind == b.kind && a.number == b.number && a.name == b.name;
                                   });
      if (!same) in_.fail(malformed("set_add and set_delete take the attribute that is set"));
    } else {
      action.operand = parse_set_value();
    }
    building_->actions.push_back(action);
  }

  std::uint32_t parse_set_value() {
    const std::uint32_t left = parse_set_operand();
    if (in_.accept("+")) return add(NodeKind::kAdd, {left, parse_set_operand()});
    if (in_.accept("-")) return add(NodeKind::kSubtract, {left, parse_set_operand()});
    return left;
  }

  std::uint32_t parse_set_operand() {
    const Reader::Nesting nesting(in_);
    if (in_.failed()) return add(Node());
    if (in_.current().is_keyword("LIST_APPEND") && in_.peek().is("(")) {
      in_.advance();
      in_.advance();
      const std::uint32_t first = parse_set_operand();
      in_.expect(",");
      const std::uint32_t second = parse_set_operand();
      in_.expect(")");
      return add_function(Function::kListAppend, {first, second});
    }
    if (in_.at_value()) return add_value(in_.read_value());
    return add_path_node(in_.read_path());
  }

  Reader in_;
  Statement out_;
  Expression* building_ = nullptr;
};

}  // namespace

Result<Statement> parse(std::string_view text, const std::optional<std::vector<AttributeValue>>& parameters) {
  Result<std::vector<Token>> tokens = tokenize(text);
  if (!tokens) return std::move(tokens).error();
  return Parser(std::move(*tokens), parameters).parse();
}

}  // namespace cumulet::dynamodb::partiql
