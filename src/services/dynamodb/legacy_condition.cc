#include "services/dynamodb/legacy_condition.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "services/dynamodb/condition.h"
#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

using wire::dynamodb::ExpectedAttributeValue;

bool fits_count(std::string_view comparison, std::size_t count) {
  if (comparison == "NULL" || comparison == "NOT_NULL") return count == 0;
  if (comparison == "IN") return count > 0;
  if (comparison == "BETWEEN") return count == 2;
  return count == 1;
}

bool takes_type(std::string_view comparison, const AttributeValue& value) {
  if (comparison == "EQ" || comparison == "NE") return true;
  if (comparison == "BEGINS_WITH") return value.is(Type::kString) || value.is(Type::kBinary);
  return value.is_scalar();
}

Error wrong_count(const std::string& comparison) {
  return invalid_parameter("Invalid number of argument(s) for the " + comparison + " ComparisonOperator");
}

Result<void> check_values(const std::string& comparison, std::vector<AttributeValue>& values) {
  for (AttributeValue& value : values) {
    if (Result<void> done = normalise(value); !done) return done;
  }
  if (!fits_count(comparison, values.size())) return wrong_count(comparison);
  for (const AttributeValue& value : values) {
    if (value.type() != values[0].type()) {
      return invalid_parameter("AttributeValues inside AttributeValueList must be of same type");
    }
    if (!takes_type(comparison, value)) {
      return invalid_parameter("ComparisonOperator " + comparison + " is not valid for " + type_text(value) +
                               " AttributeValue type");
    }
  }
  if (comparison == "BETWEEN" && compare(values[0], values[1]) > 0) {
    return invalid("The BETWEEN condition was provided a range where the lower bound is greater than the upper bound");
  }
  return {};
}

Result<void> check_expected(const std::string& name, ExpectedAttributeValue& expected) {
  const auto fault = [&name](const std::string& what) { return invalid_parameter(what + " for Attribute: " + name); };
  if (expected.attribute_value_list && expected.value) {
    return fault("Value and AttributeValueList cannot be used together");
  }
  if (expected.comparison_operator) {
    if (expected.exists) return fault("Exists and ComparisonOperator cannot be used together");
    const std::string& comparison = *expected.comparison_operator;
    if (comparison != "NULL" && comparison != "NOT_NULL" && !expected.attribute_value_list && !expected.value) {
      return fault("Value or AttributeValueList must be used with ComparisonOperator: " + comparison);
    }
    if (expected.attribute_value_list) return check_values(comparison, *expected.attribute_value_list);
    if (expected.value) {
      if (Result<void> done = normalise(*expected.value); !done) return done;
    }
    if (!fits_count(comparison, expected.value ? 1 : 0)) return wrong_count(comparison);
    if (expected.value && !takes_type(comparison, *expected.value)) {
      return invalid_parameter("ComparisonOperator " + comparison + " is not valid for " + type_text(*expected.value) +
                               " AttributeValue type");
    }
    return {};
  }
  if (expected.attribute_value_list) {
    return fault("AttributeValueList can only be used with a ComparisonOperator");
  }
  if (expected.exists.value_or(true) && !expected.value) {
    return fault(std::string("Value must be provided when Exists is ") + (expected.exists ? "true" : "null"));
  }
  if (!expected.exists.value_or(true) && expected.value) return fault("Value cannot be used when Exists is false");
  if (expected.value) return normalise(*expected.value);
  return {};
}

}  // namespace

Result<void> check_conditions(LegacyCondition::Conditions& conditions) {
  for (auto& [name, condition] : conditions) {
    std::vector<AttributeValue> none;
    std::vector<AttributeValue>& values = condition.attribute_value_list ? *condition.attribute_value_list : none;
    if (Result<void> checked = check_values(condition.comparison_operator, values); !checked) return checked;
  }
  return {};
}

Result<LegacyCondition> LegacyCondition::of_expected(Expected& expected,
                                                     const std::optional<std::string>& conditional_operator) {
  LegacyCondition condition;
  condition.any_ = conditional_operator == "OR";
  for (auto& [name, wanted] : expected) {
    if (Result<void> checked = check_expected(name, wanted); !checked) return std::move(checked).error();
    One one;
    one.attribute = &name;
    if (wanted.comparison_operator) {
      one.comparison = *wanted.comparison_operator;
    } else {
      one.comparison = wanted.value ? "EQ" : "NULL";
    }
    if (wanted.value) one.values.push_back(&*wanted.value);
    if (wanted.attribute_value_list) {
      for (const AttributeValue& value : *wanted.attribute_value_list) one.values.push_back(&value);
    }
    condition.conditions_.push_back(std::move(one));
  }
  return condition;
}

Result<LegacyCondition> LegacyCondition::of_conditions(Conditions& conditions,
                                                       const std::optional<std::string>& conditional_operator) {
  if (Result<void> checked = check_conditions(conditions); !checked) return std::move(checked).error();
  LegacyCondition condition;
  condition.any_ = conditional_operator == "OR";
  for (const auto& [name, wanted] : conditions) {
    One one;
    one.attribute = &name;
    one.comparison = wanted.comparison_operator;
    if (wanted.attribute_value_list) {
      for (const AttributeValue& value : *wanted.attribute_value_list) one.values.push_back(&value);
    }
    condition.conditions_.push_back(std::move(one));
  }
  return condition;
}

bool LegacyCondition::holds(const One& condition, const Item& item) {
  const auto found = item.find(*condition.attribute);
  const std::string& comparison = condition.comparison;
  if (found == item.end()) return comparison == "NULL" || comparison == "NE";
  if (comparison == "NULL") return false;
  if (comparison == "NOT_NULL") return true;
  const AttributeValue& value = found->second;
  const AttributeValue& first = *condition.values[0];
  if (comparison == "EQ") return equal(value, first);
  if (comparison == "NE") return !equal(value, first);
  if (comparison == "CONTAINS") return contains(value, first);
  if (comparison == "NOT_CONTAINS") return !contains(value, first);
  if (comparison == "BEGINS_WITH") return begins_with(value, first);
  if (comparison == "IN") {
    return std::any_of(condition.values.begin(), condition.values.end(),
                       [&](const AttributeValue* candidate) { return equal(value, *candidate); });
  }
  if (!comparable(value, first)) return false;
  const int order = compare(value, first);
  if (comparison == "LT") return order < 0;
  if (comparison == "LE") return order <= 0;
  if (comparison == "GT") return order > 0;
  if (comparison == "GE") return order >= 0;
  return order >= 0 && compare(value, *condition.values[1]) <= 0;  // BETWEEN
}

bool LegacyCondition::holds(const Item& item) const {
  if (conditions_.empty()) return true;
  const auto one_holds = [&item](const One& condition) { return holds(condition, item); };
  return any_ ? std::any_of(conditions_.begin(), conditions_.end(), one_holds)
              : std::all_of(conditions_.begin(), conditions_.end(), one_holds);
}

std::vector<std::string_view> LegacyCondition::attributes() const {
  std::vector<std::string_view> names;
  for (const One& condition : conditions_) names.push_back(*condition.attribute);
  return names;
}

bool LegacyCondition::mentions(const std::string& attribute) const {
  return std::any_of(conditions_.begin(), conditions_.end(),
                     [&](const One& condition) { return *condition.attribute == attribute; });
}

}  // namespace cumulet::dynamodb
