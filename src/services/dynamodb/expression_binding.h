#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/dynamodb/expression_ast.h"
#include "services/dynamodb/value.h"

namespace cumulet::dynamodb {

/// One step of a path whose placeholders are resolved: a name, or an index when `name` is null.
struct Step {
  const std::string* name = nullptr;
  std::uint32_t index = 0;
  friend bool operator==(const Step& a, const Step& b) {
    if (!a.name || !b.name) return a.name == b.name && a.index == b.index;
    return *a.name == *b.name;
  }
};
using Path = std::vector<Step>;
/// "[a, [0], b]", as error messages write paths.
std::string path_text(const Path& path);

/// An expression together with what its placeholders stand for in one request. Refers to the request's names and
/// values, which must outlive it.
class BoundExpression {
 public:
  const Expression& ast() const { return *ast_; }
  const Node& node(std::uint32_t at) const { return ast_->nodes[at]; }
  const Path& path(std::uint32_t at) const { return paths_[at]; }
  const Path& path_of(const Node& node) const { return paths_[node.ref]; }
  const AttributeValue& value_of(const Node& node) const { return *values_[node.ref]; }
  /// The names of the top-level attributes that the expression looks at.
  std::vector<std::string_view> top_level_names() const;
  const std::vector<Path>& paths() const { return paths_; }

  /// Of an expression that has no placeholders for names: `values` are what its values' numbers stand for.
  static BoundExpression with_values(std::shared_ptr<const Expression> ast, std::vector<const AttributeValue*> values);

 private:
  friend class Placeholders;
  std::shared_ptr<const Expression> ast_;
  std::vector<Path> paths_;
  std::vector<const AttributeValue*> values_;
};

/// ExpressionAttributeNames and ExpressionAttributeValues of a request: resolves the placeholders of its expressions,
/// in the order in which DynamoDB checks them, and tells in the end which were not used.
class Placeholders {
 public:
  using Names = std::map<std::string, std::string>;

  /// Checks both maps and normalises the values. They must outlive this and all it binds.
  static Result<Placeholders> make(const std::optional<Names>& names, std::optional<Item>& values);

  /// Parses and binds; nothing when there is no text.
  Result<std::optional<BoundExpression>> bind(ExpressionKind kind, const std::optional<std::string>& text);
  /// After the last bind.
  Result<void> check_all_used() const;

 private:
  const Names* names_ = nullptr;
  const Item* values_ = nullptr;
  std::vector<bool> names_used_;
  std::vector<bool> values_used_;
};

/// What only the bound values can tell to be wrong. Called by Placeholders::bind.
Result<void> check_condition(const BoundExpression& expression);
Result<void> check_update(const BoundExpression& expression);
Result<void> check_projection(const BoundExpression& expression);

}  // namespace cumulet::dynamodb
