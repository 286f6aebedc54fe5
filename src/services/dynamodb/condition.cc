#include "services/dynamodb/condition.h"

#include <algorithm>
#include <optional>
#include <string>

namespace cumulet::dynamodb {
namespace {

/// An operand's value: one that exists elsewhere, or one that was made here.
class Operand {
 public:
  explicit Operand(const AttributeValue* value) : value_(value) {}
  explicit Operand(AttributeValue made) : made_(std::move(made)) {}
  const AttributeValue* get() const { return made_ ? &*made_ : value_; }

 private:
  const AttributeValue* value_ = nullptr;
  std::optional<AttributeValue> made_;
};

std::optional<std::size_t> size_of(const AttributeValue& value) {
  switch (value.type()) {
    case Type::kString:
    case Type::kBinary:
      return value.text().size();
    case Type::kStringSet:
    case Type::kNumberSet:
    case Type::kBinarySet:
      return value.set().size();
    case Type::kList:
      return value.list().size();
    case Type::kMap:
      return value.map().size();
    default:
      return std::nullopt;
  }
}

class Evaluator {
 public:
  Evaluator(const BoundExpression& expression, const Item& item) : expression_(expression), item_(item) {}

  bool condition(std::uint32_t at) const {
    const Node& node = expression_.node(at);
    const auto child_holds = [this](std::uint32_t child) { return condition(child); };
    switch (node.kind) {
      case NodeKind::kOr:
        return std::any_of(node.children.begin(), node.children.end(), child_holds);
      case NodeKind::kAnd:
        return std::all_of(node.children.begin(), node.children.end(), child_holds);
      case NodeKind::kNot:
        return !condition(node.children[0]);
      case NodeKind::kFunction:
        return function(node);
      case NodeKind::kIn:
        return in(node);
      case NodeKind::kBetween:
        return between(node);
      default:
        return comparison(node);
    }
  }

 private:
  Operand operand(std::uint32_t at) const {
    const Node& node = expression_.node(at);
    if (node.kind == NodeKind::kValue) return Operand(&expression_.value_of(node));
    if (node.kind == NodeKind::kPath) return Operand(find(item_, expression_.path_of(node)));
    if (node.kind == NodeKind::kFunction && node.function == Function::kSize) {
      const Operand of = operand(node.children[0]);
      const std::optional<std::size_t> size = of.get() ? size_of(*of.get()) : std::nullopt;
      if (size) return Operand(AttributeValue::number(std::to_string(*size)));
    }
    return Operand(nullptr);
  }

  bool comparison(const Node& node) const {
    const Operand left = operand(node.children[0]);
    const Operand right = operand(node.children[1]);
    const AttributeValue* a = left.get();
    const AttributeValue* b = right.get();
    // What is missing equals nothing, and is unequal to everything.
    if (node.kind == NodeKind::kEqual) return a && b && equal(*a, *b);
    if (node.kind == NodeKind::kNotEqual) return !a || !b || !equal(*a, *b);
    if (!a || !b || !comparable(*a, *b)) return false;
    const int order = compare(*a, *b);
    switch (node.kind) {
      case NodeKind::kLess:
        return order < 0;
      case NodeKind::kLessEqual:
        return order <= 0;
      case NodeKind::kGreater:
        return order > 0;
      case NodeKind::kGreaterEqual:
        return order >= 0;
      default:
        return false;
    }
  }

  bool between(const Node& node) const {
    const Operand value = operand(node.children[0]);
    const Operand lower = operand(node.children[1]);
    const Operand upper = operand(node.children[2]);
    if (!value.get() || !lower.get() || !upper.get()) return false;
    return comparable(*value.get(), *lower.get()) && comparable(*value.get(), *upper.get()) &&
           compare(*value.get(), *lower.get()) >= 0 && compare(*value.get(), *upper.get()) <= 0;
  }

  bool in(const Node& node) const {
    const Operand value = operand(node.children[0]);
    if (!value.get()) return false;
    return std::any_of(node.children.begin() + 1, node.children.end(), [&](std::uint32_t at) {
      const Operand candidate = operand(at);
      return candidate.get() && equal(*value.get(), *candidate.get());
    });
  }

  bool function(const Node& node) const {
    const Operand first = operand(node.children[0]);
    if (node.function == Function::kAttributeExists) return first.get() != nullptr;
    if (node.function == Function::kAttributeNotExists) return first.get() == nullptr;
    if (!first.get() || node.children.size() < 2) return false;
    const Operand second = operand(node.children[1]);
    if (!second.get()) return false;
    switch (node.function) {
      case Function::kAttributeType:
        return type_text(*first.get()) == second.get()->text();
      case Function::kBeginsWith:
        return begins_with(*first.get(), *second.get());
      case Function::kContains:
        return contains(*first.get(), *second.get());
      default:
        return false;
    }
  }

  const BoundExpression& expression_;
  const Item& item_;
};

template <typename Value>
Value* step_into(Value* value, const Step& step) {
  if (step.name) {
    if (!value->is(Type::kMap)) return nullptr;
    const auto found = value->map().find(*step.name);
    return found == value->map().end() ? nullptr : &found->second;
  }
  if (!value->is(Type::kList) || step.index >= value->list().size()) return nullptr;
  return &value->list()[step.index];
}

template <typename Value, typename Members>
Value* find_in(Members& item, const Path& path) {
  if (path.empty() || !path[0].name) return nullptr;
  const auto top = item.find(*path[0].name);
  Value* value = top == item.end() ? nullptr : &top->second;
  for (std::size_t i = 1; value && i < path.size(); ++i) value = step_into(value, path[i]);
  return value;
}

}  // namespace

bool holds(const BoundExpression& condition, const Item& item) {
  return Evaluator(condition, item).condition(condition.ast().root);
}

const AttributeValue* find(const Item& item, const Path& path) { return find_in<const AttributeValue>(item, path); }
AttributeValue* find(Item& item, const Path& path) { return find_in<AttributeValue>(item, path); }

bool contains(const AttributeValue& container, const AttributeValue& wanted) {
  const auto member_of = [&](Type set, Type element) {
    return container.is(set) && wanted.is(element) &&
           std::find(container.set().begin(), container.set().end(), wanted.text()) != container.set().end();
  };
  if ((container.is(Type::kString) && wanted.is(Type::kString)) ||
      (container.is(Type::kBinary) && wanted.is(Type::kBinary))) {
    return container.text().find(wanted.text()) != std::string::npos;
  }
  if (container.is(Type::kList)) {
    return std::any_of(container.list().begin(), container.list().end(),
                       [&](const AttributeValue& element) { return equal(element, wanted); });
  }
  return member_of(Type::kStringSet, Type::kString) || member_of(Type::kNumberSet, Type::kNumber) ||
         member_of(Type::kBinarySet, Type::kBinary);
}

bool begins_with(const AttributeValue& value, const AttributeValue& prefix) {
  if (value.type() != prefix.type() || (!value.is(Type::kString) && !value.is(Type::kBinary))) return false;
  return value.text().starts_with(prefix.text());
}

}  // namespace cumulet::dynamodb
