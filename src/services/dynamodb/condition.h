#pragma once

#include "services/dynamodb/expression_binding.h"
#include "services/dynamodb/value.h"

namespace cumulet::dynamodb {

/// Whether a condition or filter holds for an item; an item that does not exist has no attributes.
bool holds(const BoundExpression& condition, const Item& item);

/// The value at a path; null when the item has none there.
const AttributeValue* find(const Item& item, const Path& path);
AttributeValue* find(Item& item, const Path& path);

/// What `contains`, `begins_with` and the legacy operators of the same names mean.
bool contains(const AttributeValue& container, const AttributeValue& wanted);
bool begins_with(const AttributeValue& value, const AttributeValue& prefix);

}  // namespace cumulet::dynamodb
