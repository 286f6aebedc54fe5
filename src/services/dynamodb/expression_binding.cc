#include "services/dynamodb/expression_binding.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/expression_parser.h"

namespace cumulet::dynamodb {
namespace {

bool is_placeholder(std::string_view key, char mark) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return key.size() > 1 && key[0] == mark && std::all_of(key.begin() + 1, key.end(), is_part);
}

template <typename Map>
Result<void> check_keys(const Map& map, char mark, const std::string& parameter) {
  if (map.empty()) return invalid(parameter + " must not be empty");
  for (const auto& [key, value] : map) {
    if (!is_placeholder(key, mark)) {
      return invalid(parameter + " contains invalid key: Syntax error; key: \"" + key + "\"");
    }
  }
  return {};
}

template <typename Map>
Result<void> check_used(const Map& map, const std::vector<bool>& used, const std::string& parameter) {
  std::string unused;
  auto flag = used.begin();
  for (const auto& [key, value] : map) {
    if (*flag++) continue;
    unused.append(unused.empty() ? "" : ", ").append(key);
  }
  if (unused.empty()) return {};
  return invalid("Value provided in " + parameter + " unused in expressions: keys: {" + unused + "}");
}

Path resolve(const PathSteps& steps, const std::vector<const std::string*>& names) {
  Path path;
  path.reserve(steps.size());
  for (const PathStep& step : steps) {
    switch (step.kind) {
      case PathStep::Kind::kName:
        path.push_back(Step{&step.name, 0});
        break;
      case PathStep::Kind::kNameRef:
        path.push_back(Step{names[step.number], 0});
        break;
      case PathStep::Kind::kIndex:
        path.push_back(Step{nullptr, step.number});
        break;
    }
  }
  return path;
}

}  // namespace

std::string path_text(const Path& path) {
  std::string out = "[";
  for (const Step& step : path) {
    if (out.size() > 1) out += ", ";
    out += step.name ? *step.name : "[" + std::to_string(step.index) + "]";
  }
  return out + "]";
}

std::vector<std::string_view> BoundExpression::top_level_names() const {
  std::vector<std::string_view> names;
  for (const Path& path : paths_) {
    if (std::find(names.begin(), names.end(), *path.front().name) == names.end()) names.push_back(*path.front().name);
  }
  return names;
}

BoundExpression BoundExpression::with_values(std::shared_ptr<const Expression> ast,
                                             std::vector<const AttributeValue*> values) {
  BoundExpression bound;
  bound.ast_ = std::move(ast);
  bound.values_ = std::move(values);
  for (const PathSteps& steps : bound.ast_->paths) bound.paths_.push_back(resolve(steps, {}));
  return bound;
}

Result<Placeholders> Placeholders::make(const std::optional<Names>& names, std::optional<Item>& values) {
  Placeholders placeholders;
  if (names) {
    if (Result<void> checked = check_keys(*names, '#', "ExpressionAttributeNames"); !checked) {
      return std::move(checked).error();
    }
    placeholders.names_ = &*names;
    placeholders.names_used_.resize(names->size());
  }
  if (values) {
    if (Result<void> checked = check_keys(*values, ':', "ExpressionAttributeValues"); !checked) {
      return std::move(checked).error();
    }
    for (auto& [key, value] : *values) {
      if (Result<void> done = normalise(value); !done) {
        return invalid("ExpressionAttributeValues contains invalid value: " + done.error().message() + " for key " +
                       key);
      }
    }
    placeholders.values_ = &*values;
    placeholders.values_used_.resize(values->size());
  }
  return placeholders;
}

Result<std::optional<BoundExpression>> Placeholders::bind(ExpressionKind kind, const std::optional<std::string>& text) {
  if (!text) return std::optional<BoundExpression>();
  Result<std::shared_ptr<const Expression>> parsed = parse_expression_cached(kind, *text);
  if (!parsed) return std::move(parsed).error();
  BoundExpression bound;
  bound.ast_ = std::move(*parsed);
  const std::string prefix = std::string("Invalid ") + expression_kind_name(kind) + ": ";

  std::vector<const std::string*> names;
  for (const std::string& ref : bound.ast_->name_refs) {
    const auto found = names_ ? names_->find(ref) : Names::const_iterator();
    if (!names_ || found == names_->end()) {
      return invalid(prefix +
                     "An expression attribute name used in the document path is not defined; attribute name: " + ref);
    }
    names_used_[static_cast<std::size_t>(std::distance(names_->begin(), found))] = true;
    names.push_back(&found->second);
  }
  for (const std::string& ref : bound.ast_->value_refs) {
    const auto found = values_ ? values_->find(ref) : Item::const_iterator();
    if (!values_ || found == values_->end()) {
      return invalid(prefix +
                     "An expression attribute value used in expression is not defined; attribute value: " + ref);
    }
    values_used_[static_cast<std::size_t>(std::distance(values_->begin(), found))] = true;
    bound.values_.push_back(&found->second);
  }
  bound.paths_.reserve(bound.ast_->paths.size());
  for (const PathSteps& steps : bound.ast_->paths) bound.paths_.push_back(resolve(steps, names));

  Result<void> checked;
  if (kind == ExpressionKind::kUpdate) {
    checked = check_update(bound);
  } else if (kind == ExpressionKind::kProjection) {
    checked = check_projection(bound);
  } else {
    checked = check_condition(bound);
  }
  if (!checked) return invalid(prefix + checked.error().message());
  return std::optional<BoundExpression>(std::move(bound));
}

Result<void> Placeholders::check_all_used() const {
  if (names_) {
    if (Result<void> used = check_used(*names_, names_used_, "ExpressionAttributeNames"); !used) return used;
  }
  if (values_) return check_used(*values_, values_used_, "ExpressionAttributeValues");
  return {};
}

}  // namespace cumulet::dynamodb
