#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/dynamodb/value.h"
#include "wire/generated/dynamodb.h"

namespace cumulet::dynamodb {

/// The conditions from before expressions: Expected, QueryFilter, ScanFilter with ConditionalOperator. Refers to the
/// request's input, which must outlive it.
class LegacyCondition {
 public:
  using Expected = std::map<std::string, wire::dynamodb::ExpectedAttributeValue>;
  using Conditions = std::map<std::string, wire::dynamodb::Condition>;

  /// Both normalise the values in place, and fail with ValidationException and DynamoDB's message.
  static Result<LegacyCondition> of_expected(Expected& expected,
                                             const std::optional<std::string>& conditional_operator);
  static Result<LegacyCondition> of_conditions(Conditions& conditions,
                                               const std::optional<std::string>& conditional_operator);

  bool holds(const Item& item) const;
  std::vector<std::string_view> attributes() const;
  /// Whether it looks at that attribute.
  bool mentions(const std::string& attribute) const;

 private:
  struct One {
    const std::string* attribute = nullptr;
    std::string comparison;
    std::vector<const AttributeValue*> values;
  };
  static bool holds(const One& condition, const Item& item);

  std::vector<One> conditions_;
  bool any_ = false;
};

/// Checks and normalises conditions such as KeyConditions.
Result<void> check_conditions(LegacyCondition::Conditions& conditions);

}  // namespace cumulet::dynamodb
