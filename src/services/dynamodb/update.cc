#include "services/dynamodb/update.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "services/dynamodb/condition.h"
#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

Error wrong_operand() { return invalid("An operand in the update expression has an incorrect data type"); }
Error no_such_place() { return invalid("The document path provided in the update expression is invalid for update"); }
Error no_such_attribute() {
  return invalid("The provided expression refers to an attribute that does not exist in the item");
}

/// Computes the right-hand sides of SET.
class Operands {
 public:
  Operands(const BoundExpression& update, const Item& item) : update_(update), item_(item) {}

  Result<AttributeValue> value(std::uint32_t at) const {
    const Node& node = update_.node(at);
    switch (node.kind) {
      case NodeKind::kValue:
        return update_.value_of(node);
      case NodeKind::kPath: {
        const AttributeValue* found = find(item_, update_.path_of(node));
        if (!found) return no_such_attribute();
        return *found;
      }
      case NodeKind::kAdd:
      case NodeKind::kSubtract:
        return arithmetic(node);
      default:
        return function(node);
    }
  }

 private:
  Result<AttributeValue> arithmetic(const Node& node) const {
    const Result<AttributeValue> left = value(node.children[0]);
    if (!left) return left.error();
    const Result<AttributeValue> right = value(node.children[1]);
    if (!right) return right.error();
    if (!(*left).is(Type::kNumber) || !(*right).is(Type::kNumber)) return wrong_operand();
    const Number a = number_of(*left);
    const Number b = number_of(*right);
    const Result<Number> sum = node.kind == NodeKind::kAdd ? Number::add(a, b) : Number::subtract(a, b);
    if (!sum) return sum.error();
    return AttributeValue::number((*sum).text());
  }

  Result<AttributeValue> function(const Node& node) const {
    if (node.function == Function::kIfNotExists) {
      if (const AttributeValue* found = find(item_, update_.path_of(update_.node(node.children[0])))) return *found;
      return value(node.children[1]);
    }
    Result<AttributeValue> first = value(node.children[0]);
    if (!first) return first;
    Result<AttributeValue> second = value(node.children[1]);
    if (!second) return second;
    if (!first->is(Type::kList) || !second->is(Type::kList)) return wrong_operand();
    AttributeValue::List& list = first->list();
    std::move(second->list().begin(), second->list().end(), std::back_inserter(list));
    return first;
  }

  const BoundExpression& update_;
  const Item& item_;
};

/// What holds the last step of a path: the item itself, a map or a list.
struct Parent {
  AttributeValue::Map* map = nullptr;
  AttributeValue::List* list = nullptr;
};

Parent parent_of(Item& item, const Path& path) {
  Parent parent;
  if (path.size() == 1) {
    parent.map = &item;
    return parent;
  }
  AttributeValue* value = find(item, Path(path.begin(), path.end() - 1));
  if (!value) return parent;
  if (path.back().name && value->is(Type::kMap)) parent.map = &value->map();
  if (!path.back().name && value->is(Type::kList)) parent.list = &value->list();
  return parent;
}

struct Assignment {
  const Path* path;
  AttributeValue value;
};

Result<void> assign(Item& item, Assignment assignment) {
  const Path& path = *assignment.path;
  const Parent parent = parent_of(item, path);
  if (parent.map) {
    parent.map->insert_or_assign(*path.back().name, std::move(assignment.value));
  } else if (parent.list) {
    if (path.back().index < parent.list->size()) {
      (*parent.list)[path.back().index] = std::move(assignment.value);
    } else {
      parent.list->push_back(std::move(assignment.value));
    }
  } else {
    return no_such_place();
  }
  return {};
}

void remove(Item& item, const Path& path) {
  const Parent parent = parent_of(item, path);
  if (parent.map) {
    parent.map->erase(*path.back().name);
  } else if (parent.list && path.back().index < parent.list->size()) {
    parent.list->erase(parent.list->begin() + path.back().index);
  }
}

/// Deeper places first, and of one list the last elements first: so no removal moves what another one names.
void remove_all(Item& item, std::vector<const Path*> paths) {
  std::stable_sort(paths.begin(), paths.end(), [](const Path* a, const Path* b) {
    if (a->size() != b->size()) return a->size() > b->size();
    return a->back().index > b->back().index;
  });
  for (const Path* path : paths) remove(item, *path);
}

AttributeValue same_kind_of_set(const AttributeValue& like, AttributeValue::Set elements) {
  if (like.is(Type::kStringSet)) return AttributeValue::string_set(std::move(elements));
  if (like.is(Type::kNumberSet)) return AttributeValue::number_set(std::move(elements));
  return AttributeValue::binary_set(std::move(elements));
}

bool has(const AttributeValue::Set& set, const std::string& element) {
  return std::find(set.begin(), set.end(), element) != set.end();
}

}  // namespace

Result<std::optional<AttributeValue>> added(const AttributeValue* value, const AttributeValue& operand) {
  if (!value) return std::optional<AttributeValue>(operand);
  if (value->type() != operand.type()) return wrong_operand();
  if (operand.is(Type::kNumber)) {
    const Result<Number> sum = Number::add(number_of(*value), number_of(operand));
    if (!sum) return sum.error();
    return std::optional<AttributeValue>(AttributeValue::number((*sum).text()));
  }
  AttributeValue result = *value;
  if (operand.is_set()) {
    for (const std::string& element : operand.set()) {
      if (!has(value->set(), element)) result.set().push_back(element);
    }
  } else if (operand.is(Type::kList)) {
    result.list().insert(result.list().end(), operand.list().begin(), operand.list().end());
  } else {
    return wrong_operand();
  }
  return std::optional<AttributeValue>(std::move(result));
}

Result<std::optional<AttributeValue>> deleted(const AttributeValue* value, const AttributeValue& operand) {
  if (!value) return std::optional<AttributeValue>();
  if (value->type() != operand.type() || !operand.is_set()) return wrong_operand();
  AttributeValue::Set kept;
  for (const std::string& element : value->set()) {
    if (!has(operand.set(), element)) kept.push_back(element);
  }
  if (kept.empty()) return std::optional<AttributeValue>();
  return std::optional<AttributeValue>(same_kind_of_set(*value, std::move(kept)));
}

Result<void> apply_update(const BoundExpression& update, Item& item) {
  const Operands operands(update, item);
  std::vector<Assignment> assignments;
  std::vector<const Path*> removals;
  for (const UpdateAction& action : update.ast().actions) {
    const Path& path = update.path(action.path);
    if (action.verb == UpdateVerb::kSet) {
      Result<AttributeValue> value = operands.value(action.operand);
      if (!value) return std::move(value).error();
      assignments.push_back(Assignment{&path, std::move(*value)});
      continue;
    }
    const Parent parent = parent_of(item, path);
    if (!parent.map && !parent.list) return no_such_place();
    if (action.verb == UpdateVerb::kRemove) {
      // Not what a SET of the same expression may append to the list.
      if (find(item, path)) removals.push_back(&path);
      continue;
    }
    const AttributeValue& operand = update.value_of(update.node(action.operand));
    const AttributeValue* value = find(std::as_const(item), path);
    Result<std::optional<AttributeValue>> changed =
        action.verb == UpdateVerb::kAdd ? added(value, operand) : deleted(value, operand);
    if (!changed) return std::move(changed).error();
    if (*changed) {
      assignments.push_back(Assignment{&path, std::move(**changed)});
    } else if (value) {
      removals.push_back(&path);
    }
  }
  // Elements beyond the end of a list are appended in the order of their indexes.
  std::stable_sort(assignments.begin(), assignments.end(), [](const Assignment& a, const Assignment& b) {
    return a.path->back().index < b.path->back().index;
  });
  for (Assignment& assignment : assignments) {
    if (Result<void> done = assign(item, std::move(assignment)); !done) return done;
  }
  remove_all(item, std::move(removals));
  return {};
}

}  // namespace cumulet::dynamodb
