#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "services/dynamodb/expression_binding.h"
#include "services/dynamodb/key_schema.h"
#include "storage/database.h"
#include "wire/generated/dynamodb.h"

namespace cumulet::dynamodb {

/// What a Query asks of the keys: one partition, and in it possibly a range.
struct KeyCondition {
  enum class Range { kAll, kEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kBetween, kBeginsWith };
  AttributeValue hash;
  Range range = Range::kAll;
  AttributeValue first;
  AttributeValue second;  ///< Of kBetween.
};

/// Both fail with ValidationException and DynamoDB's message.
Result<KeyCondition> key_condition_of(const BoundExpression& expression, const KeySchema& schema);
Result<KeyCondition> key_condition_of(const std::map<std::string, wire::dynamodb::Condition>& conditions,
                                      const KeySchema& schema);

/// The rows that meet the condition, among those that begin with `rows`.
storage::KeyRange rows_matching(const KeyCondition& condition, const std::string& rows);

}  // namespace cumulet::dynamodb
