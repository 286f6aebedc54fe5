#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/expression_binding.h"

namespace cumulet::dynamodb {
namespace {

const char* operator_text(NodeKind kind) {
  switch (kind) {
    case NodeKind::kEqual:
      return "=";
    case NodeKind::kNotEqual:
      return "<>";
    case NodeKind::kLess:
      return "<";
    case NodeKind::kLessEqual:
      return "<=";
    case NodeKind::kGreater:
      return ">";
    case NodeKind::kGreaterEqual:
      return ">=";
    case NodeKind::kBetween:
      return "BETWEEN";
    case NodeKind::kIn:
      return "IN";
    case NodeKind::kAdd:
      return "+";
    case NodeKind::kSubtract:
      return "-";
    default:
      return "";
  }
}

/// A value as error messages print it: "AttributeValue: {S:abc}".
std::string value_text(const AttributeValue& value) {
  std::string content;
  if (value.is(Type::kBinary)) {
    content = base64_encode(value.text());
  } else if (value.is_scalar()) {
    content = value.text();
  } else if (value.is(Type::kBool)) {
    content = value.boolean() ? "true" : "false";
  } else if (value.is(Type::kNull)) {
    content = "true";
  }
  return "AttributeValue: {" + type_text(value) + ":" + content + "}";
}

/// What ADD and DELETE call the types they do not take.
const char* long_type_name(Type type) {
  switch (type) {
    case Type::kString:
      return "STRING";
    case Type::kNumber:
      return "NUMBER";
    case Type::kBinary:
      return "BINARY";
    case Type::kNull:
      return "NULL";
    case Type::kBool:
      return "BOOLEAN";
    case Type::kList:
      return "LIST";
    case Type::kMap:
      return "MAP";
    default:
      return "SET";
  }
}

/// Finds the first fault of each kind, and tells the one that DynamoDB would.
class Checker {
 public:
  explicit Checker(const BoundExpression& expression) : expression_(expression) {}

  void visit(std::uint32_t at) {
    const Node& node = expression_.node(at);
    for (const std::uint32_t child : node.children) visit(child);
    switch (node.kind) {
      case NodeKind::kFunction:
        check_function(node);
        break;
      case NodeKind::kLess:
      case NodeKind::kLessEqual:
      case NodeKind::kGreater:
      case NodeKind::kGreaterEqual:
        for (const std::uint32_t child : node.children) require_ordered(node, child);
        [[fallthrough]];
      case NodeKind::kEqual:
      case NodeKind::kNotEqual:
        check_distinct(operator_text(node.kind), node);
        break;
      case NodeKind::kBetween:
        check_between(node);
        break;
      case NodeKind::kAdd:
      case NodeKind::kSubtract:
        for (const std::uint32_t child : node.children) {
          const std::optional<Type> type = type_of(expression_.node(child));
          if (type && *type != Type::kNumber) wrong_type(operator_text(node.kind), *type);
        }
        break;
      default:
        break;
    }
  }

  Result<void> result() const {
    for (const std::optional<std::string>* fault : {&count_, &distinct_, &operand_}) {
      if (*fault) return invalid(**fault);
    }
    return {};
  }

 private:
  static void note(std::optional<std::string>& slot, std::string what) {
    if (!slot) slot = std::move(what);
  }
  void wrong_type(const std::string& name, Type type) {
    note(operand_, "Incorrect operand type for operator or function; operator or function: " + name +
                       ", operand type: " + std::string(wire::type_name(type)));
  }

  const AttributeValue* literal(const Node& node) const {
    return node.kind == NodeKind::kValue ? &expression_.value_of(node) : nullptr;
  }
  /// The type that an operand has whatever the item holds.
  std::optional<Type> type_of(const Node& node) const {
    if (const AttributeValue* value = literal(node)) return value->type();
    switch (node.kind) {
      case NodeKind::kAdd:
      case NodeKind::kSubtract:
        return Type::kNumber;
      case NodeKind::kFunction:
        if (node.function == Function::kSize) return Type::kNumber;
        if (node.function == Function::kListAppend) return Type::kList;
        if (node.function == Function::kIfNotExists || node.function == Function::kNone) return std::nullopt;
        return Type::kBool;
      default:
        return std::nullopt;
    }
  }

  static std::size_t operand_count(Function function) {
    switch (function) {
      case Function::kAttributeExists:
      case Function::kAttributeNotExists:
      case Function::kSize:
        return 1;
      default:
        return 2;
    }
  }

  void check_function(const Node& node) {
    const std::string name = function_name(node.function);
    if (node.children.size() != operand_count(node.function)) {
      note(count_, "Incorrect number of operands for operator or function; operator or function: " + name +
                       ", number of operands: " + std::to_string(node.children.size()));
      return;
    }
    const Node& first = expression_.node(node.children[0]);
    switch (node.function) {
      case Function::kAttributeExists:
      case Function::kAttributeNotExists:
      case Function::kIfNotExists:
        if (first.kind != NodeKind::kPath) {
          note(operand_, "Operator or function requires a document path; operator or function: " + name);
        }
        break;
      case Function::kBeginsWith:
        check_distinct(name, node);
        for (const std::uint32_t child : node.children) {
          const std::optional<Type> type = type_of(expression_.node(child));
          if (type && *type != Type::kString && *type != Type::kBinary) wrong_type(name, *type);
        }
        break;
      case Function::kContains:
        check_distinct(name, node);
        break;
      case Function::kSize: {
        const std::optional<Type> type = type_of(first);
        if (type == Type::kNumber || type == Type::kBool || type == Type::kNull) wrong_type(name, *type);
        break;
      }
      case Function::kListAppend:
        for (const std::uint32_t child : node.children) {
          const std::optional<Type> type = type_of(expression_.node(child));
          if (type && *type != Type::kList) wrong_type(name, *type);
        }
        break;
      case Function::kAttributeType:
        check_attribute_type(expression_.node(node.children[1]));
        break;
      case Function::kNone:
        break;
    }
  }

  void check_attribute_type(const Node& wanted) {
    const AttributeValue* value = literal(wanted);
    if (!value || !value->is(Type::kString)) {
      note(operand_,
           "Incorrect operand type for operator or function; operator or function: attribute_type, operand type: " +
               (value ? type_text(*value) : std::string("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")));
      return;
    }
    constexpr std::array<std::string_view, 10> kTypes = {"B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M"};
    if (std::find(kTypes.begin(), kTypes.end(), value->text()) == kTypes.end()) {
      note(operand_, "Invalid attribute type name found; type: " + value->text() +
                         ", valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}");
    }
  }

  void check_distinct(const std::string& name, const Node& node) {
    if (node.children.size() != 2) return;
    const Node& first = expression_.node(node.children[0]);
    const Node& second = expression_.node(node.children[1]);
    if (first.kind != NodeKind::kPath || second.kind != NodeKind::kPath) return;
    if (expression_.path_of(first) != expression_.path_of(second)) return;
    note(distinct_,
         "The first operand must be distinct from the remaining operands for this operator or function; operator: " +
             name + ", first operand: " + path_text(expression_.path_of(first)));
  }

  void require_ordered(const Node& node, std::uint32_t child) {
    const AttributeValue* value = literal(expression_.node(child));
    if (value && !value->is_scalar()) {
      note(operand_, std::string("Incorrect operand type for operator or function; operator: ") +
                         operator_text(node.kind) + ", operand type: " + type_text(*value));
    }
  }

  void check_between(const Node& node) {
    for (const std::uint32_t child : node.children) require_ordered(node, child);
    const AttributeValue* lower = literal(expression_.node(node.children[1]));
    const AttributeValue* upper = literal(expression_.node(node.children[2]));
    if (!lower || !upper) return;
    const std::string bounds =
        "lower bound operand: " + value_text(*lower) + ", upper bound operand: " + value_text(*upper);
    if (lower->type() != upper->type()) {
      note(operand_, "The BETWEEN operator requires same data type for lower and upper bounds; " + bounds);
    } else if (comparable(*lower, *upper) && compare(*lower, *upper) > 0) {
      note(operand_, "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; " + bounds);
    }
  }

  const BoundExpression& expression_;
  std::optional<std::string> count_;
  std::optional<std::string> distinct_;
  std::optional<std::string> operand_;
};

/// Two paths must not name the same place, and must not take one place for a list and for a map.
Result<void> check_paths(const std::vector<const Path*>& paths) {
  std::optional<std::string> conflict;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    for (std::size_t j = i + 1; j < paths.size(); ++j) {
      const Path& a = *paths[i];
      const Path& b = *paths[j];
      const auto [at, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
      const std::string both = "must remove or rewrite one of these paths; path one: ";
      if (at == a.end() || other == b.end()) {
        return invalid("Two document paths overlap with each other; " + both + path_text(a) +
                       ", path two: " + path_text(b));
      }
      if ((at->name == nullptr) != (other->name == nullptr) && !conflict) {
        conflict =
            "Two document paths conflict with each other; " + both + path_text(a) + ", path two: " + path_text(b);
      }
    }
  }
  if (conflict) return invalid(*conflict);
  return {};
}

}  // namespace

Result<void> check_condition(const BoundExpression& expression) {
  Checker checker(expression);
  checker.visit(expression.ast().root);
  return checker.result();
}

Result<void> check_update(const BoundExpression& expression) {
  std::vector<const Path*> paths;
  for (const UpdateAction& action : expression.ast().actions) paths.push_back(&expression.path(action.path));
  if (Result<void> checked = check_paths(paths); !checked) return checked;
  Checker checker(expression);
  for (const UpdateAction& action : expression.ast().actions) {
    if (action.verb == UpdateVerb::kRemove) continue;
    const Node& operand = expression.node(action.operand);
    if (action.verb == UpdateVerb::kAdd || action.verb == UpdateVerb::kDelete) {
      const AttributeValue& value = expression.value_of(operand);
      const bool add = action.verb == UpdateVerb::kAdd;
      if (!value.is_set() && !(add && value.is(Type::kNumber))) {
        return invalid(std::string("Incorrect operand type for operator or function; operator: ") +
                       (add ? "ADD" : "DELETE") + ", operand type: " + long_type_name(value.type()));
      }
    }
    checker.visit(action.operand);
  }
  return checker.result();
}

Result<void> check_projection(const BoundExpression& expression) {
  std::vector<const Path*> paths;
  for (const std::uint32_t path : expression.ast().projected) paths.push_back(&expression.path(path));
  return check_paths(paths);
}

}  // namespace cumulet::dynamodb
