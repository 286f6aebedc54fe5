#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cumulet::dynamodb {

/// Which parameter an expression came in: it decides the grammar, and its name stands in error messages.
enum class ExpressionKind : std::uint8_t { kCondition, kFilter, kKeyCondition, kProjection, kUpdate };
/// "ConditionExpression" and so on.
const char* expression_kind_name(ExpressionKind kind);

/// One step of a document path: a name, a placeholder for a name (`number` is its place in Expression::name_refs), or
/// an index into a list.
struct PathStep {
  enum class Kind : std::uint8_t { kName, kNameRef, kIndex };
  Kind kind = Kind::kName;
  std::uint32_t number = 0;
  std::string name;
};
using PathSteps = std::vector<PathStep>;

enum class NodeKind : std::uint8_t {
  kOr,
  kAnd,
  kNot,
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kBetween,   ///< value, lower, upper
  kIn,        ///< value, candidates…
  kFunction,  ///< arguments; `function` tells which
  kAdd,
  kSubtract,
  kPath,   ///< `ref` is the place in Expression::paths
  kValue,  ///< `ref` is the place in Expression::value_refs
};

enum class Function : std::uint8_t {
  kNone,
  kAttributeExists,
  kAttributeNotExists,
  kAttributeType,
  kBeginsWith,
  kContains,
  kSize,
  kIfNotExists,
  kListAppend,
};
/// The function's name as it stands in expressions.
const char* function_name(Function function);

struct Node {
  NodeKind kind = NodeKind::kPath;
  Function function = Function::kNone;
  std::uint32_t ref = 0;
  std::vector<std::uint32_t> children;  ///< Places in Expression::nodes.
};

enum class UpdateVerb : std::uint8_t { kSet, kRemove, kAdd, kDelete };

struct UpdateAction {
  UpdateVerb verb = UpdateVerb::kSet;
  std::uint32_t path = 0;     ///< Place in Expression::paths.
  std::uint32_t operand = 0;  ///< Place in Expression::nodes; none for kRemove.
};

/// A parsed expression of any kind. It knows nothing of the values that its placeholders stand for, so one parsed
/// expression serves every request that sends the same text. Immutable once parsed; shared between threads.
struct Expression {
  ExpressionKind kind = ExpressionKind::kCondition;
  std::vector<Node> nodes;
  std::vector<PathSteps> paths;
  std::vector<std::string> name_refs;    ///< "#a", each once.
  std::vector<std::string> value_refs;   ///< ":a", each once.
  std::uint32_t root = 0;                ///< Of conditions.
  std::vector<UpdateAction> actions;     ///< Of updates.
  std::vector<std::uint32_t> projected;  ///< Of projections: places in `paths`.

  const Node& node(std::uint32_t at) const { return nodes[at]; }
};

}  // namespace cumulet::dynamodb
