#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/dynamodb/expression_ast.h"
#include "services/dynamodb/value.h"

/// PartiQL as DynamoDB speaks it ("PartiQL - a SQL-compatible query language for Amazon DynamoDB" in its developer
/// guide). A statement's conditions and updates become the expressions that the other operations use.
namespace cumulet::dynamodb::partiql {

enum class Verb : std::uint8_t { kSelect, kInsert, kUpdate, kDelete, kExists };
enum class Returning : std::uint8_t { kNothing, kAllOld, kModifiedOld, kAllNew, kModifiedNew };

struct OrderBy {
  std::string attribute;
  bool descending = false;
};

/// A parsed statement with its parameters in place. Values stand in `values`, where kValue nodes of both expressions
/// find them by number; they are normalised.
struct Statement {
  Verb verb = Verb::kSelect;
  std::string table;
  std::optional<std::string> index;
  std::vector<PathSteps> shown;  ///< Of SELECT; empty: all attributes.
  Item item;                     ///< Of INSERT.
  std::shared_ptr<Expression> where;
  std::shared_ptr<Expression> update;
  std::vector<OrderBy> order;
  Returning returning = Returning::kNothing;
  std::deque<AttributeValue> values;

  bool reads() const { return verb == Verb::kSelect; }
};

/// Fails with ValidationException.
Result<Statement> parse(std::string_view text, const std::optional<std::vector<AttributeValue>>& parameters);

}  // namespace cumulet::dynamodb::partiql
