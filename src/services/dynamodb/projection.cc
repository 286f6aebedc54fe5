#include "services/dynamodb/projection.h"

#include <utility>

namespace cumulet::dynamodb {

void Projection::add(const Path& path) {
  Part* part = &root_;
  for (const Step& step : path) part = step.name ? &part->members[*step.name] : &part->elements[step.index];
  part->whole = true;
}

Projection Projection::of_paths(const std::vector<Path>& paths) {
  Projection projection;
  for (const Path& path : paths) projection.add(path);
  return projection;
}

Projection Projection::of_expression(const BoundExpression& expression) {
  Projection projection;
  for (const std::uint32_t path : expression.ast().projected) projection.add(expression.path(path));
  return projection;
}

Projection Projection::of_names(const std::vector<std::string>& names) {
  Projection projection;
  for (const std::string& name : names) projection.root_.members[name].whole = true;
  return projection;
}

std::optional<AttributeValue> Projection::cut(const AttributeValue& value, const Part& part) {
  if (part.whole) return value;
  if (value.is(Type::kMap)) {
    AttributeValue::Map kept;
    for (const auto& [name, below] : part.members) {
      const auto found = value.map().find(name);
      if (found == value.map().end()) continue;
      if (std::optional<AttributeValue> member = cut(found->second, below)) kept.emplace(name, std::move(*member));
    }
    if (!kept.empty()) return AttributeValue::map(std::move(kept));
  } else if (value.is(Type::kList)) {
    AttributeValue::List kept;
    for (const auto& [index, below] : part.elements) {
      if (index >= value.list().size()) break;
      if (std::optional<AttributeValue> element = cut(value.list()[index], below)) kept.push_back(std::move(*element));
    }
    if (!kept.empty()) return AttributeValue::list(std::move(kept));
  }
  return std::nullopt;
}

Item Projection::apply(const Item& item) const {
  Item kept;
  for (const auto& [name, part] : root_.members) {
    const auto found = item.find(name);
    if (found == item.end()) continue;
    if (std::optional<AttributeValue> value = cut(found->second, part))
      kept.emplace_hint(kept.end(), name, std::move(*value));
  }
  return kept;
}

}  // namespace cumulet::dynamodb
