#include "services/dynamodb/partiql_select.h"

#include <algorithm>
#include <utility>

#include "base/digest.h"
#include "base/text.h"
#include "services/dynamodb/condition.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_codec.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::dynamodb::partiql {
namespace {

std::vector<const AttributeValue*> pointers(const std::deque<AttributeValue>& values) {
  std::vector<const AttributeValue*> all;
  for (const AttributeValue& value : values) all.push_back(&value);
  return all;
}

/// The conditions that must all hold.
void collect(const BoundExpression& where, std::uint32_t at, std::vector<const Node*>& conditions) {
  const Node& node = where.node(at);
  if (node.kind != NodeKind::kAnd) {
    conditions.push_back(&node);
    return;
  }
  for (const std::uint32_t child : node.children) collect(where, child, conditions);
}

bool is_attribute(const BoundExpression& where, const Node& node, const std::string& name) {
  return node.kind == NodeKind::kPath && where.path_of(node).size() == 1 && *where.path_of(node).front().name == name;
}

const AttributeValue* value_at(const BoundExpression& where, std::uint32_t at) {
  const Node& node = where.node(at);
  return node.kind == NodeKind::kValue ? &where.value_of(node) : nullptr;
}

/// The value that the condition sets the attribute equal to.
const AttributeValue* equal_value(const BoundExpression& where, const Node& condition, const std::string& name) {
  if (condition.kind != NodeKind::kEqual) return nullptr;
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    if (is_attribute(where, where.node(condition.children[side]), name)) {
      return value_at(where, condition.children[1 - side]);
    }
  }
  return nullptr;
}

/// The hash keys that a condition lets pass: of =, IN, or either with OR between; nothing when it is something else.
std::optional<std::vector<AttributeValue>> hash_values(const BoundExpression& where, const Node& condition,
                                                       const KeyAttribute& hash) {
  std::vector<AttributeValue> values;
  if (const AttributeValue* value = equal_value(where, condition, hash.name)) {
    values.push_back(*value);
  } else if (condition.kind == NodeKind::kIn && is_attribute(where, where.node(condition.children[0]), hash.name)) {
    for (std::size_t i = 1; i < condition.children.size(); ++i) {
      const AttributeValue* candidate = value_at(where, condition.children[i]);
      if (!candidate) return std::nullopt;
      values.push_back(*candidate);
    }
  } else if (condition.kind == NodeKind::kOr) {
    for (const std::uint32_t child : condition.children) {
      auto more = hash_values(where, where.node(child), hash);
      if (!more) return std::nullopt;
      values.insert(values.end(), more->begin(), more->end());
    }
  } else {
    return std::nullopt;
  }
  return values;
}

std::optional<KeyCondition::Range> range_of(NodeKind kind, bool mirrored) {
  using Range = KeyCondition::Range;
  switch (kind) {
    case NodeKind::kEqual:
      return Range::kEqual;
    case NodeKind::kLess:
      return mirrored ? Range::kGreater : Range::kLess;
    case NodeKind::kLessEqual:
      return mirrored ? Range::kGreaterEqual : Range::kLessEqual;
    case NodeKind::kGreater:
      return mirrored ? Range::kLess : Range::kGreater;
    case NodeKind::kGreaterEqual:
      return mirrored ? Range::kLessEqual : Range::kGreaterEqual;
    default:
      return std::nullopt;
  }
}

/// Takes the range of the range key that a condition gives, when it gives one.
bool take_range(const BoundExpression& where, const Node& condition, const KeyAttribute& attribute,
                KeyCondition& taken) {
  const auto of_type = [&attribute](const AttributeValue* value) { return value && value->is(attribute.type); };
  const bool begins = condition.kind == NodeKind::kFunction && condition.function == Function::kBeginsWith;
  if (begins || condition.kind == NodeKind::kBetween) {
    if (!is_attribute(where, where.node(condition.children[0]), attribute.name)) return false;
    const AttributeValue* first = value_at(where, condition.children[1]);
    const AttributeValue* second = begins ? first : value_at(where, condition.children[2]);
    if (!of_type(first) || !of_type(second)) return false;
    taken.range = begins ? KeyCondition::Range::kBeginsWith : KeyCondition::Range::kBetween;
    taken.first = *first;
    taken.second = *second;
    return true;
  }
  for (const std::size_t side : {std::size_t{0}, std::size_t{1}}) {
    const std::optional<KeyCondition::Range> range = range_of(condition.kind, side == 1);
    if (!range || !is_attribute(where, where.node(condition.children[side]), attribute.name)) continue;
    const AttributeValue* value = value_at(where, condition.children[1 - side]);
    if (!of_type(value)) return false;
    taken.range = *range;
    taken.first = *value;
    return true;
  }
  return false;
}

/// ORDER BY against the keys; gives whether the rows of a partition are read backwards, and sorts the partitions.
Result<bool> take_order(const Statement& statement, const KeySchema& schema, bool has_partitions,
                        std::vector<AttributeValue>& partitions) {
  if (statement.order.empty()) return false;
  if (!statement.where) return invalid("Must have WHERE clause in the statement when using ORDER BY clause.");
  if (!has_partitions) {
    return invalid(
        "Must have at least one non-optional hash key condition in WHERE clause when using ORDER BY clause.");
  }
  bool reverse = false;
  for (const OrderBy& order : statement.order) {
    if (!schema.has(order.attribute)) {
      return invalid("Variable reference " + order.attribute + " in ORDER BY clause must be part of the primary key");
    }
    if (order.attribute != schema.hash.name) {
      reverse = order.descending;
      continue;
    }
    std::sort(partitions.begin(), partitions.end(), [&order](const AttributeValue& a, const AttributeValue& b) {
      return order.descending ? compare(a, b) > 0 : compare(a, b) < 0;
    });
  }
  const bool by_range =
      schema.range && std::any_of(statement.order.begin(), statement.order.end(),
                                  [&](const OrderBy& o) { return o.attribute == schema.range->name; });
  const bool by_hash = statement.order.front().attribute == schema.hash.name;
  if (by_range && !by_hash && partitions.size() > 1) {
    return invalid("ORDER BY of several partitions must begin with the hash key: " + schema.hash.name);
  }
  return reverse;
}

}  // namespace

Result<std::optional<BoundExpression>> bind_where(const Statement& statement) {
  if (!statement.where) return std::optional<BoundExpression>();
  BoundExpression bound = BoundExpression::with_values(statement.where, pointers(statement.values));
  if (Result<void> checked = check_condition(bound); !checked) return std::move(checked).error();
  return std::optional<BoundExpression>(std::move(bound));
}

Result<std::optional<BoundExpression>> bind_update(const Statement& statement) {
  if (!statement.update) return std::optional<BoundExpression>();
  BoundExpression bound = BoundExpression::with_values(statement.update, pointers(statement.values));
  if (Result<void> checked = check_update(bound); !checked) return std::move(checked).error();
  return std::optional<BoundExpression>(std::move(bound));
}

std::optional<WholeKey> whole_key(const std::optional<BoundExpression>& where, const KeySchema& schema) {
  if (!where) return std::nullopt;
  std::vector<const Node*> conditions;
  collect(*where, where->ast().root, conditions);
  WholeKey whole;
  for (const KeyAttribute* attribute : {&schema.hash, schema.range ? &*schema.range : nullptr}) {
    if (!attribute) continue;
    for (const Node* condition : conditions) {
      const AttributeValue* value = equal_value(*where, *condition, attribute->name);
      if (value) whole.key.emplace(attribute->name, *value);
    }
  }
  if (whole.key.size() != schema.size()) return std::nullopt;
  whole.only = conditions.size() == schema.size();
  return whole;
}

Result<SelectPlan> plan_select(const Statement& statement, const std::optional<BoundExpression>& where,
                               const KeySchema& schema, const std::string& rows) {
  std::vector<const Node*> conditions;
  if (where) collect(*where, where->ast().root, conditions);
  std::vector<AttributeValue> partitions;
  bool has_partitions = false;
  KeyCondition condition;
  for (const Node* node : conditions) {
    if (auto values = has_partitions ? std::nullopt : hash_values(*where, *node, schema.hash)) {
      has_partitions = true;
      for (AttributeValue& value : *values) {
        if (!value.is(schema.hash.type)) {
          return invalid_parameter("Condition parameter type does not match schema type");
        }
        const auto same = [&value](const AttributeValue& known) { return equal(known, value); };
        if (std::none_of(partitions.begin(), partitions.end(), same)) partitions.push_back(std::move(value));
      }
    } else if (schema.range && condition.range == KeyCondition::Range::kAll) {
      take_range(*where, *node, *schema.range, condition);
    }
  }
  const Result<bool> reverse = take_order(statement, schema, has_partitions, partitions);
  if (!reverse) return reverse.error();
  SelectPlan plan;
  plan.reverse = *reverse;
  if (!has_partitions) {
    plan.ranges.emplace_back(rows, storage::after_prefix(rows));
    return plan;
  }
  for (AttributeValue& partition : partitions) {
    condition.hash = std::move(partition);
    plan.ranges.push_back(rows_matching(condition, rows));
  }
  return plan;
}

Item shown_of(const Statement& statement, Item item) {
  if (statement.shown.empty()) return item;
  Item shown;
  for (const PathSteps& steps : statement.shown) {
    Path path;
    std::string name;
    for (const PathStep& step : steps) {
      const bool index = step.kind == PathStep::Kind::kIndex;
      path.push_back(index ? Step{nullptr, step.number} : Step{&step.name, 0});
      name = index ? name + "[" + std::to_string(step.number) + "]" : step.name;
    }
    if (const AttributeValue* value = find(std::as_const(item), path)) shown.insert_or_assign(name, *value);
  }
  return shown;
}

std::string token_of(const Place& place, const std::string& fingerprint) {
  storage::RowWriter row;
  row.text(fingerprint).number(place.range).text(place.row);
  return base64_encode(std::move(row).bytes());
}

Result<Place> place_of(const std::string& token, const std::string& fingerprint) {
  const std::optional<std::string> bytes = base64_decode(token);
  storage::RowReader row(bytes ? std::string_view(*bytes) : std::string_view());
  Place place;
  const std::string known = row.text();
  place.range = static_cast<std::size_t>(row.number());
  place.row = row.text();
  if (!bytes || !row.ok() || known != fingerprint || place.row.empty()) return invalid("Invalid NextToken");
  return place;
}

std::string fingerprint_of(const std::string& statement, const std::optional<std::vector<AttributeValue>>& parameters) {
  storage::RowWriter row;
  row.text(statement);
  Item all;
  all["p"] = AttributeValue::list(parameters.value_or(std::vector<AttributeValue>()));
  row.text(encode_item(all));
  return sha256(std::move(row).bytes());
}

}  // namespace cumulet::dynamodb::partiql
