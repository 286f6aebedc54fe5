#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "services/dynamodb/expression_binding.h"
#include "services/dynamodb/legacy_condition.h"
#include "services/dynamodb/table.h"
#include "wire/call.h"
#include "wire/generated/dynamodb.h"

/// What several operations check of their input in the same way.
namespace cumulet::dynamodb {

namespace shapes = wire::dynamodb;

/// The name out of a TableName that may be an ARN of a table of the caller. `for_table` operations (CreateTable and the
/// like) have another message than those on items.
Result<std::string> table_name_of(const wire::Call& call, const std::string& given, bool for_table = false);
/// The same for an IndexName.
Result<void> check_index_name(const std::string& name, const std::string& place);

/// A parameter's name and whether the request has it.
using Parameter = std::pair<const char*, bool>;
/// Expression parameters and those from before them exclude one another; placeholders need an expression.
Result<void> check_parameter_mix(std::initializer_list<Parameter> expressions, std::initializer_list<Parameter> legacy,
                                 bool has_names, bool has_values);

/// A condition in either form, or none (which always holds).
class Condition {
 public:
  Condition() = default;
  explicit Condition(std::optional<BoundExpression> expression) : expression_(std::move(expression)) {}
  explicit Condition(LegacyCondition legacy) : legacy_(std::move(legacy)) {}

  bool given() const { return expression_.has_value() || legacy_.has_value(); }
  /// Null: the item does not exist.
  bool holds(const Item* item) const;
  /// The top-level attributes that it looks at.
  std::vector<std::string_view> attributes() const;
  const std::optional<BoundExpression>& expression() const { return expression_; }
  const std::optional<LegacyCondition>& legacy() const { return legacy_; }

 private:
  std::optional<BoundExpression> expression_;
  std::optional<LegacyCondition> legacy_;
};

/// Fails when a path of the expression goes into an attribute that is a key.
Result<void> check_key_paths(const Table& table, const BoundExpression& expression);

/// ConditionalCheckFailedException, with the item when the request asks for it.
Error condition_failed(const Item* item, const std::optional<std::string>& return_values);

Error table_not_found();
Error table_not_found(const std::string& name);

}  // namespace cumulet::dynamodb
