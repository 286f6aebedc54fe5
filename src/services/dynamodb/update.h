#pragma once

#include <vector>

#include "base/result.h"
#include "services/dynamodb/expression_binding.h"
#include "services/dynamodb/value.h"

namespace cumulet::dynamodb {

/// Applies an update expression: all operands are taken from `item` as it was. Fails with ValidationException and
/// DynamoDB's message; `item` is then in no defined state.
Result<void> apply_update(const BoundExpression& update, Item& item);

/// Set arithmetic of ADD and DELETE, which the legacy AttributeUpdates share. `value` may be null: the attribute does
/// not exist. Gives the attribute's new value, nothing when it is to be removed; fails when the types do not fit.
Result<std::optional<AttributeValue>> added(const AttributeValue* value, const AttributeValue& operand);
Result<std::optional<AttributeValue>> deleted(const AttributeValue* value, const AttributeValue& operand);

}  // namespace cumulet::dynamodb
