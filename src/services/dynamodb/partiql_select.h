#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "services/dynamodb/key_condition.h"
#include "services/dynamodb/operations_query.h"
#include "services/dynamodb/partiql_statement.h"

namespace cumulet::dynamodb::partiql {

/// Where of a statement, bound; nothing without one. Fails with ValidationException.
Result<std::optional<BoundExpression>> bind_where(const Statement& statement);
Result<std::optional<BoundExpression>> bind_update(const Statement& statement);

/// The primary key, when conditions that must all hold set each of its attributes equal to a value. `only`: whether
/// they say nothing else.
struct WholeKey {
  WholeKey() = default;
  Item key;
  bool only = false;
};
std::optional<WholeKey> whole_key(const std::optional<BoundExpression>& where, const KeySchema& schema);

/// How a SELECT is read: one partition after another (hash keys by = or IN), or everything.
struct SelectPlan {
  SelectPlan() = default;
  std::vector<storage::KeyRange> ranges;  ///< In the order in which they are read.
  bool reverse = false;
};
Result<SelectPlan> plan_select(const Statement& statement, const std::optional<BoundExpression>& where,
                               const KeySchema& schema, const std::string& rows);

/// What a SELECT shows of an item: each path's last name with its value.
Item shown_of(const Statement& statement, Item item);

/// Where a page ended: the range, and the row in it.
struct Place {
  std::size_t range = 0;
  std::string row;
};
/// As NextToken has it; it fits only the same statement with the same parameters.
std::string token_of(const Place& place, const std::string& fingerprint);
Result<Place> place_of(const std::string& token, const std::string& fingerprint);
/// What tells one statement with its parameters from another.
std::string fingerprint_of(const std::string& statement, const std::optional<std::vector<AttributeValue>>& parameters);

}  // namespace cumulet::dynamodb::partiql
