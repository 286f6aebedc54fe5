#include "services/dynamodb/key_condition.h"

#include <utility>
#include <vector>

#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "storage/key.h"

namespace cumulet::dynamodb {
namespace {

using Range = KeyCondition::Range;

/// One condition on one attribute; the operator has its legacy name.
struct AttributeCondition {
  std::string comparison;
  std::vector<const AttributeValue*> values;
};
using AttributeConditions = std::map<std::string, AttributeCondition>;

std::optional<Range> range_of(const std::string& comparison) {
  if (comparison == "EQ") return Range::kEqual;
  if (comparison == "LT") return Range::kLess;
  if (comparison == "LE") return Range::kLessEqual;
  if (comparison == "GT") return Range::kGreater;
  if (comparison == "GE") return Range::kGreaterEqual;
  if (comparison == "BETWEEN") return Range::kBetween;
  if (comparison == "BEGINS_WITH") return Range::kBeginsWith;
  return std::nullopt;
}

/// Takes a KeyConditionExpression apart into conditions on attributes.
class Splitter {
 public:
  explicit Splitter(const BoundExpression& expression) : expression_(expression) {}

  Result<void> split(std::uint32_t at) {
    const Node& node = expression_.node(at);
    switch (node.kind) {
      case NodeKind::kAnd:
        for (const std::uint32_t child : node.children) {
          if (Result<void> done = split(child); !done) return done;
        }
        return {};
      case NodeKind::kOr:
        return bad_operator("OR");
      case NodeKind::kNot:
        return bad_operator("NOT");
      case NodeKind::kIn:
        return bad_operator("IN");
      case NodeKind::kNotEqual:
        return bad_operator("<>");
      case NodeKind::kFunction:
        if (node.function != Function::kBeginsWith) return bad_operator(function_name(node.function));
        if (expression_.node(node.children[0]).kind != NodeKind::kPath) return key_must_be_first("begins_with");
        return take("BEGINS_WITH", node);
      case NodeKind::kBetween:
        if (expression_.node(node.children[0]).kind != NodeKind::kPath) return key_must_be_first("BETWEEN");
        return take("BETWEEN", node);
      case NodeKind::kEqual:
        return take("EQ", node);
      case NodeKind::kLess:
        return take("LT", node);
      case NodeKind::kLessEqual:
        return take("LE", node);
      case NodeKind::kGreater:
        return take("GT", node);
      default:
        return take("GE", node);
    }
  }

  AttributeConditions conditions;

 private:
  static Error bad_operator(const std::string& name) {
    return invalid("Invalid operator used in KeyConditionExpression: " + name);
  }
  static Error key_must_be_first(const std::string& name) {
    return invalid("Invalid condition in KeyConditionExpression: " + name +
                   " operator must have the key attribute as its first operand");
  }
  static std::string mirrored(const std::string& comparison) {
    if (comparison == "LT") return "GT";
    if (comparison == "LE") return "GE";
    if (comparison == "GT") return "LT";
    if (comparison == "GE") return "LE";
    return comparison;
  }

  Result<void> take(std::string comparison, const Node& node) {
    const Path* path = nullptr;
    std::size_t place = 0;
    AttributeCondition condition;
    for (std::size_t i = 0; i < node.children.size(); ++i) {
      const Node& operand = expression_.node(node.children[i]);
      if (operand.kind == NodeKind::kValue) {
        condition.values.push_back(&expression_.value_of(operand));
      } else if (operand.kind == NodeKind::kPath) {
        if (path) {
          return invalid("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition");
        }
        path = &expression_.path_of(operand);
        place = i;
        if (path->size() > 1) return invalid("KeyConditionExpressions cannot have conditions on nested attributes");
      } else {
        return invalid("KeyConditionExpressions cannot contain nested operations");
      }
    }
    if (!path) return invalid("Invalid condition in KeyConditionExpression: No key attribute specified");
    condition.comparison = place == 0 ? std::move(comparison) : mirrored(comparison);
    if (!conditions.emplace(*path->front().name, std::move(condition)).second) {
      return invalid("KeyConditionExpressions must only contain one condition per key");
    }
    return {};
  }

  const BoundExpression& expression_;
};

Result<void> check(const KeyAttribute& attribute, const AttributeCondition& condition) {
  if (!range_of(condition.comparison)) {
    return invalid("Attempted conditional constraint is not an indexable operation");
  }
  for (const AttributeValue* value : condition.values) {
    if (!value->is(attribute.type)) {
      return invalid_parameter("Condition parameter type does not match schema type");
    }
    if (attribute.type != Type::kNumber && value->text().empty() && condition.comparison == "EQ") {
      return invalid(
          "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
          "empty " +
          std::string(attribute.type == Type::kString ? "string" : "binary") + " value. Key: " + attribute.name);
    }
  }
  return {};
}

Result<KeyCondition> fit(const AttributeConditions& conditions, const KeySchema& schema) {
  if (conditions.empty() || conditions.size() > 2) return invalid("Conditions can be of length 1 or 2 only");
  if (conditions.size() == 2 && !schema.range) return invalid("Query key condition not supported");
  const auto hash = conditions.find(schema.hash.name);
  if (hash == conditions.end()) return invalid("Query condition missed key schema element: " + schema.hash.name);
  if (Result<void> checked = check(schema.hash, hash->second); !checked) return std::move(checked).error();
  if (hash->second.comparison != "EQ") return invalid("Query key condition not supported");
  KeyCondition condition;
  condition.hash = *hash->second.values[0];
  if (conditions.size() == 1) return condition;

  const auto range = conditions.find(schema.range->name);
  if (range == conditions.end()) return invalid("Query condition missed key schema element: " + schema.range->name);
  if (Result<void> checked = check(*schema.range, range->second); !checked) return std::move(checked).error();
  condition.range = *range_of(range->second.comparison);
  if (condition.range == Range::kBeginsWith && schema.range->type == Type::kNumber) {
    return invalid_parameter("ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type");
  }
  condition.first = *range->second.values[0];
  if (condition.range == Range::kBetween) condition.second = *range->second.values[1];
  return condition;
}

}  // namespace

Result<KeyCondition> key_condition_of(const BoundExpression& expression, const KeySchema& schema) {
  Splitter splitter(expression);
  if (Result<void> done = splitter.split(expression.ast().root); !done) return std::move(done).error();
  return fit(splitter.conditions, schema);
}

Result<KeyCondition> key_condition_of(const std::map<std::string, wire::dynamodb::Condition>& conditions,
                                      const KeySchema& schema) {
  AttributeConditions split;
  for (const auto& [name, condition] : conditions) {
    AttributeCondition& one = split[name];
    one.comparison = condition.comparison_operator;
    if (!condition.attribute_value_list) continue;
    for (const AttributeValue& value : *condition.attribute_value_list) one.values.push_back(&value);
  }
  return fit(split, schema);
}

storage::KeyRange rows_matching(const KeyCondition& condition, const std::string& rows) {
  const std::string partition = rows + partition_key(condition.hash);
  storage::KeyRange range(partition, storage::after_prefix(partition));
  std::string first = partition;
  if (condition.range == Range::kAll) return range;
  if (condition.range == Range::kBeginsWith) {
    append_ordered_prefix(first, condition.first.text());
    return storage::KeyRange(first, storage::after_prefix(first));
  }
  append_ordered(first, condition.first);
  switch (condition.range) {
    case Range::kLess:
      range.end = first;
      break;
    case Range::kLessEqual:
      range.end = storage::after_prefix(first);
      break;
    case Range::kGreater:
      range.begin = storage::after_prefix(first);
      break;
    case Range::kGreaterEqual:
      range.begin = first;
      break;
    case Range::kBetween: {
      std::string second = partition;
      append_ordered(second, condition.second);
      range.begin = first;
      range.end = storage::after_prefix(second);
      break;
    }
    default:
      range.begin = first;
      range.end = storage::after_prefix(first);
  }
  return range;
}

}  // namespace cumulet::dynamodb
