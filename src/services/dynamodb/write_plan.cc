#include "services/dynamodb/write_plan.h"

#include <algorithm>
#include <utility>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/update.h"

namespace cumulet::dynamodb {
namespace {

Error too_large() { return invalid("Item size has exceeded the maximum allowed size"); }

Error no_condition_values(bool has_names) {
  return invalid(has_names ? "ExpressionAttributeNames can only be specified when using expressions"
                           : "ExpressionAttributeValues can only be specified when using expressions: "
                             "ConditionExpression is null");
}

}  // namespace

Result<void> WritePlan::take_expressions(Names& names, Values& values, const std::optional<std::string>& condition,
                                         const std::optional<std::string>& update) {
  Result<Placeholders> placeholders = Placeholders::make(names, values);
  if (!placeholders) return std::move(placeholders).error();
  Result<std::optional<BoundExpression>> bound_update = placeholders->bind(ExpressionKind::kUpdate, update);
  if (!bound_update) return std::move(bound_update).error();
  Result<std::optional<BoundExpression>> bound = placeholders->bind(ExpressionKind::kCondition, condition);
  if (!bound) return std::move(bound).error();
  if (Result<void> used = placeholders->check_all_used(); !used) return used;
  update_ = std::move(*bound_update);
  if (*bound) condition_ = Condition(std::move(*bound));
  return {};
}

Result<void> WritePlan::take_expected(std::optional<LegacyCondition::Expected>& expected,
                                      const std::optional<std::string>& conditional_operator) {
  if (conditional_operator && (!expected || expected->size() < 1)) {
    return invalid_parameter("ConditionalOperator cannot be used without Filter or Expected");
  }
  if (!expected) return {};
  if (conditional_operator && expected->size() == 1) {
    return invalid_parameter("ConditionalOperator can only be used when Filter or Expected has two or more elements");
  }
  Result<LegacyCondition> condition = LegacyCondition::of_expected(*expected, conditional_operator);
  if (!condition) return std::move(condition).error();
  condition_ = Condition(std::move(*condition));
  return {};
}

Result<WritePlan> WritePlan::put(Item& item) {
  WritePlan plan;
  plan.kind_ = Kind::kPut;
  plan.subject_ = &item;
  if (Result<void> done = normalise(item); !done) return std::move(done).error();
  plan.size_ = item_size(item);
  if (plan.size_ > kMaxItemBytes) return too_large();
  return plan;
}

Result<WritePlan> WritePlan::put(shapes::PutItemInput& input) {
  const bool expression = input.condition_expression.has_value();
  const bool expected = input.expected.has_value() || input.conditional_operator.has_value();
  Result<void> checked =
      check_parameter_mix({{"ConditionExpression", expression}},
                          {{"Expected", input.expected.has_value()},
                           {"ConditionalOperator", expected && input.conditional_operator.has_value()}},
                          input.expression_attribute_names.has_value(), input.expression_attribute_values.has_value());
  if (!checked) return std::move(checked).error();
  Result<WritePlan> plan = put(input.item);
  if (!plan) return plan;
  const std::string returned = input.return_values.value_or("NONE");
  if (returned != "ALL_OLD" && returned != "NONE") return invalid("ReturnValues can only be ALL_OLD or NONE");
  checked = plan->take_expected(input.expected, input.conditional_operator);
  if (!checked) return std::move(checked).error();
  checked = plan->take_expressions(input.expression_attribute_names, input.expression_attribute_values,
                                   input.condition_expression, std::nullopt);
  if (!checked) return std::move(checked).error();
  plan->return_on_failure_ = input.return_values_on_condition_check_failure;
  return plan;
}

Result<WritePlan> WritePlan::put(shapes::Put& input) {
  Result<WritePlan> plan = put(input.item);
  if (!plan) return plan;
  if (!input.condition_expression && (input.expression_attribute_names || input.expression_attribute_values)) {
    return no_condition_values(input.expression_attribute_names.has_value());
  }
  Result<void> checked = plan->take_expressions(input.expression_attribute_names, input.expression_attribute_values,
                                                input.condition_expression, std::nullopt);
  if (!checked) return std::move(checked).error();
  plan->return_on_failure_ = input.return_values_on_condition_check_failure;
  return plan;
}

Result<WritePlan> WritePlan::remove(Item& key) {
  WritePlan plan;
  plan.kind_ = Kind::kDelete;
  plan.subject_ = &key;
  if (Result<void> done = normalise(key); !done) return std::move(done).error();
  return plan;
}

Result<WritePlan> WritePlan::remove(shapes::DeleteItemInput& input) {
  Result<void> checked = check_parameter_mix(
      {{"ConditionExpression", input.condition_expression.has_value()}},
      {{"Expected", input.expected.has_value()}, {"ConditionalOperator", input.conditional_operator.has_value()}},
      input.expression_attribute_names.has_value(), input.expression_attribute_values.has_value());
  if (!checked) return std::move(checked).error();
  Result<WritePlan> plan = remove(input.key);
  if (!plan) return plan;
  const std::string returned = input.return_values.value_or("NONE");
  if (returned != "ALL_OLD" && returned != "NONE") return invalid("ReturnValues can only be ALL_OLD or NONE");
  checked = plan->take_expected(input.expected, input.conditional_operator);
  if (!checked) return std::move(checked).error();
  checked = plan->take_expressions(input.expression_attribute_names, input.expression_attribute_values,
                                   input.condition_expression, std::nullopt);
  if (!checked) return std::move(checked).error();
  plan->return_on_failure_ = input.return_values_on_condition_check_failure;
  return plan;
}

Result<WritePlan> WritePlan::remove(shapes::Delete& input) {
  Result<WritePlan> plan = remove(input.key);
  if (!plan) return plan;
  if (!input.condition_expression && (input.expression_attribute_names || input.expression_attribute_values)) {
    return no_condition_values(input.expression_attribute_names.has_value());
  }
  Result<void> checked = plan->take_expressions(input.expression_attribute_names, input.expression_attribute_values,
                                                input.condition_expression, std::nullopt);
  if (!checked) return std::move(checked).error();
  plan->return_on_failure_ = input.return_values_on_condition_check_failure;
  return plan;
}

Result<WritePlan> WritePlan::update(shapes::UpdateItemInput& input) {
  Result<void> checked =
      check_parameter_mix({{"UpdateExpression", input.update_expression.has_value()},
                           {"ConditionExpression", input.condition_expression.has_value()}},
                          {{"AttributeUpdates", input.attribute_updates.has_value()},
                           {"Expected", input.expected.has_value()},
                           {"ConditionalOperator", input.conditional_operator.has_value()}},
                          input.expression_attribute_names.has_value(), input.expression_attribute_values.has_value());
  if (!checked) return std::move(checked).error();
  Result<WritePlan> plan = remove(input.key);
  if (!plan) return plan;
  plan->kind_ = Kind::kUpdate;
  if (input.attribute_updates) {
    checked = plan->take_attribute_updates(*input.attribute_updates);
    if (!checked) return std::move(checked).error();
  }
  checked = plan->take_expected(input.expected, input.conditional_operator);
  if (!checked) return std::move(checked).error();
  checked = plan->take_expressions(input.expression_attribute_names, input.expression_attribute_values,
                                   input.condition_expression, input.update_expression);
  if (!checked) return std::move(checked).error();
  plan->return_on_failure_ = input.return_values_on_condition_check_failure;
  return plan;
}

Result<WritePlan> WritePlan::update(shapes::Update& input) {
  Result<WritePlan> plan = remove(input.key);
  if (!plan) return plan;
  plan->kind_ = Kind::kUpdate;
  Result<void> checked = plan->take_expressions(input.expression_attribute_names, input.expression_attribute_values,
                                                input.condition_expression, input.update_expression);
  if (!checked) return std::move(checked).error();
  plan->return_on_failure_ = input.return_values_on_condition_check_failure;
  return plan;
}

Result<WritePlan> WritePlan::check(shapes::ConditionCheck& input) {
  Result<WritePlan> plan = remove(input.key);
  if (!plan) return plan;
  plan->kind_ = Kind::kCheck;
  Result<void> checked = plan->take_expressions(input.expression_attribute_names, input.expression_attribute_values,
                                                input.condition_expression, std::nullopt);
  if (!checked) return std::move(checked).error();
  plan->return_on_failure_ = input.return_values_on_condition_check_failure;
  return plan;
}

Result<WritePlan> WritePlan::bound(Kind kind, Item& subject, std::optional<BoundExpression> condition,
                                   std::optional<BoundExpression> update, bool is_insert) {
  Result<WritePlan> plan = kind == Kind::kPut ? put(subject) : remove(subject);
  if (!plan) return plan;
  plan->kind_ = kind;
  if (condition) plan->condition_ = Condition(std::move(condition));
  plan->update_ = std::move(update);
  plan->is_insert_ = is_insert;
  plan->of_statement_ = true;
  return plan;
}

std::string_view WritePlan::permission() const {
  switch (kind_) {
    case Kind::kPut:
      return of_statement_ ? "PartiQLInsert" : "PutItem";
    case Kind::kDelete:
      return of_statement_ ? "PartiQLDelete" : "DeleteItem";
    case Kind::kUpdate:
      return of_statement_ ? "PartiQLUpdate" : "UpdateItem";
    case Kind::kCheck:
      break;
  }
  return of_statement_ ? "PartiQLSelect" : "ConditionCheckItem";
}

Error WritePlan::refusal(const Item* before) const {
  if (is_insert_) return Error(errors::kDuplicateItem, "Duplicate primary key exists in table");
  return condition_failed(before, return_on_failure_);
}

Result<void> WritePlan::take_attribute_updates(AttributeUpdates& updates) {
  for (auto& [name, update] : updates) {
    const std::string action = update.action.value_or("PUT");
    if (update.value) {
      if (Result<void> done = normalise(*update.value); !done) return done;
      const AttributeValue& value = *update.value;
      if (action == "DELETE" && !value.is_set()) {
        return invalid_parameter("DELETE action with value is not supported for the type " + type_text(value));
      }
      if (action == "ADD" && !value.is_set() && !value.is(Type::kNumber) && !value.is(Type::kList)) {
        return invalid_parameter("ADD action is not supported for the type " + type_text(value));
      }
    } else if (action != "DELETE") {
      return invalid_parameter("Only DELETE action is allowed when no attribute value is specified");
    }
  }
  attribute_updates_ = &updates;
  return {};
}

std::vector<std::string> WritePlan::updated_names() const {
  std::vector<std::string> names;
  if (attribute_updates_) {
    for (const auto& [name, update] : *attribute_updates_) names.push_back(name);
  }
  if (update_) {
    for (const UpdateAction& action : update_->ast().actions) names.push_back(*update_->path(action.path).front().name);
  }
  return names;
}

Result<void> WritePlan::check_updates(const Table& table) const {
  for (const std::string& name : updated_names()) {
    if (table.keys.has(name)) {
      return invalid_parameter("Cannot update attribute " + name + ". This attribute is part of the key");
    }
  }
  if (!update_) return {};
  if (Result<void> checked = check_key_paths(table, *update_); !checked) return checked;
  // Values that stand in the expression itself; what is computed is checked when it is known.
  Item literal;
  for (const UpdateAction& action : update_->ast().actions) {
    const Path& path = update_->path(action.path);
    if (action.verb == UpdateVerb::kRemove || path.size() > 1) continue;
    const Node& operand = update_->node(action.operand);
    if (operand.kind == NodeKind::kValue) literal.emplace(*path.front().name, update_->value_of(operand));
  }
  return check_index_keys(table, literal);
}

Result<void> WritePlan::check_against(const Table& table) const {
  if (condition_.expression()) {
    if (Result<void> checked = check_key_paths(table, *condition_.expression()); !checked) return checked;
  }
  if (kind_ == Kind::kPut) {
    if (Result<void> checked = check_item_key(table.keys, *subject_); !checked) return checked;
    return check_index_keys(table, *subject_);
  }
  if (Result<void> checked = check_key(table.keys, *subject_); !checked) return checked;
  return kind_ == Kind::kUpdate ? check_updates(table) : Result<void>();
}

Result<void> WritePlan::apply_attribute_updates(Item& item) const {
  for (const auto& [name, update] : *attribute_updates_) {
    const std::string action = update.action.value_or("PUT");
    if (action == "PUT") {
      item.insert_or_assign(name, *update.value);
      continue;
    }
    if (!update.value) {
      item.erase(name);
      continue;
    }
    const auto found = item.find(name);
    const AttributeValue* value = found == item.end() ? nullptr : &found->second;
    Result<std::optional<AttributeValue>> changed =
        action == "ADD" ? added(value, *update.value) : deleted(value, *update.value);
    if (!changed) {
      const bool mismatch = value && value->type() != update.value->type();
      return mismatch ? invalid("Type mismatch for attribute to update") : std::move(changed).error();
    }
    if (*changed) {
      item.insert_or_assign(name, std::move(**changed));
    } else {
      item.erase(name);
    }
  }
  return {};
}

Result<void> WritePlan::check_changed_index_keys(const Table& table, const Item& item) const {
  const std::vector<std::string> names = updated_names();
  Item changed;
  for (const std::string& name : names) {
    if (const auto found = item.find(name); found != item.end()) changed.insert(*found);
  }
  for (const Index& index : table.indexes) {
    for (const KeyAttribute* key : {&index.keys.hash, index.keys.range ? &*index.keys.range : nullptr}) {
      if (!key || !update_) continue;
      const auto found = changed.find(key->name);
      if (found != changed.end() && !found->second.is(key->type)) {
        return invalid("The update expression attempted to update the secondary index key to unsupported type");
      }
    }
  }
  return check_index_keys(table, changed);
}

Result<Item> WritePlan::updated(const Table& table, Item item) const {
  if (attribute_updates_) {
    if (Result<void> done = apply_attribute_updates(item); !done) return std::move(done).error();
  }
  if (update_) {
    if (Result<void> done = apply_update(*update_, item); !done) return std::move(done).error();
    for (auto& [name, value] : item) {
      // A value put below a path may nest deeper than a value alone may.
      if (value.is(Type::kMap) || value.is(Type::kList)) {
        if (Result<void> done = normalise(value); !done) return std::move(done).error();
      }
    }
  }
  if (Result<void> checked = check_changed_index_keys(table, item); !checked) return std::move(checked).error();
  return item;
}

Result<std::optional<StoredItem>> WritePlan::apply(const Table& table, const StoredItem* before) const {
  if (kind_ == Kind::kDelete) return std::optional<StoredItem>();
  if (kind_ == Kind::kPut) return std::optional<StoredItem>(StoredItem(*subject_, size_));
  Result<Item> item = updated(table, before ? before->item : *subject_);
  if (!item) return std::move(item).error();
  const std::size_t size = item_size(*item);
  if (size > kMaxItemBytes) return invalid("Item size to update has exceeded the maximum allowed size");
  return std::optional<StoredItem>(StoredItem(std::move(*item), size));
}

Item WritePlan::touched(const Item& item) const {
  if (!update_) return Projection::of_names(updated_names()).apply(item);
  std::vector<Path> paths;
  for (const UpdateAction& action : update_->ast().actions) paths.push_back(update_->path(action.path));
  return Projection::of_paths(paths).apply(item);
}

}  // namespace cumulet::dynamodb
