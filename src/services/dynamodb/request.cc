#include "services/dynamodb/request.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"
#include "services/dynamodb/condition.h"
#include "services/dynamodb/errors.h"
#include "wire/attribute_value_json.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kMinName = 3;
constexpr std::size_t kMaxName = 255;
constexpr std::string_view kNamePattern = "[a-zA-Z0-9_.-]+";

bool has_name_characters(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '-';
  });
}

/// The message of the protocol's own validation, which counts the faults.
Result<void> check_name(const std::string& name, const std::string& place) {
  std::vector<std::string> faults;
  const std::string begin = "Value '" + name + "' at '" + place + "' failed to satisfy constraint: ";
  if (!has_name_characters(name) || name.empty()) {
    faults.push_back(begin + "Member must satisfy regular expression pattern: " + std::string(kNamePattern));
  }
  if (name.size() < kMinName) faults.push_back(begin + "Member must have length greater than or equal to 3");
  if (name.size() > kMaxName) faults.push_back(begin + "Member must have length less than or equal to 255");
  if (faults.empty()) return {};
  return invalid(std::to_string(faults.size()) + " validation error" + (faults.size() > 1 ? "s" : "") +
                 " detected: " + join(faults, "; "));
}

std::string listed(std::initializer_list<Parameter> parameters, std::string_view separator) {
  std::string out;
  for (const auto& [name, present] : parameters) {
    if (!present) continue;
    if (!out.empty()) out += separator;
    out += name;
  }
  return out;
}

}  // namespace

Result<std::string> table_name_of(const wire::Call& call, const std::string& given, bool for_table) {
  std::string name = given;
  if (given.starts_with("arn:")) {
    const std::string own = "arn:aws:dynamodb:" + call.region + ":" + call.account() + ":table/";
    if (!given.starts_with(own)) {
      return Error(errors::kResourceNotFound, "Requested resource not found");
    }
    name = given.substr(own.size());
  }
  if (for_table && (name.size() < kMinName || name.size() > kMaxName)) {
    return invalid("TableName must be at least 3 characters long and at most 255 characters long");
  }
  if (Result<void> checked = check_name(name, "tableName"); !checked) return std::move(checked).error();
  return name;
}

Result<void> check_index_name(const std::string& name, const std::string& place) { return check_name(name, place); }

Result<void> check_parameter_mix(std::initializer_list<Parameter> expressions, std::initializer_list<Parameter> legacy,
                                 bool has_names, bool has_values) {
  const std::string modern = listed(expressions, ", ");
  const std::string old = listed(legacy, ", ");
  if (!modern.empty() && !old.empty()) {
    return invalid(
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {" +
        old + "} Expression parameters: {" + modern + "}");
  }
  if (has_names && modern.empty()) {
    return invalid("ExpressionAttributeNames can only be specified when using expressions");
  }
  if (!has_values) return {};
  std::string with_values;
  int count = 0;
  bool any = false;
  for (const auto& [name, present] : expressions) {
    if (std::string_view(name) == "ProjectionExpression") continue;
    any = any || present;
    with_values.append(count++ > 0 ? " and " : "").append(name);
  }
  if (any) return {};
  return invalid("ExpressionAttributeValues can only be specified when using expressions: " + with_values +
                 (count > 1 ? " are" : " is") + " null");
}

bool Condition::holds(const Item* item) const {
  static const Item kNothing;
  const Item& looked_at = item ? *item : kNothing;
  if (expression_) return dynamodb::holds(*expression_, looked_at);
  return !legacy_ || legacy_->holds(looked_at);
}

std::vector<std::string_view> Condition::attributes() const {
  if (expression_) return expression_->top_level_names();
  return legacy_ ? legacy_->attributes() : std::vector<std::string_view>();
}

Result<void> check_key_paths(const Table& table, const BoundExpression& expression) {
  const auto fault = [](const char* what, const std::string& name) {
    return invalid("Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: " +
                   std::string(what) + ": " + name);
  };
  for (const Path& path : expression.paths()) {
    if (path.size() < 2) continue;
    const std::string& name = *path.front().name;
    if (table.keys.has(name)) return fault("Key", name);
    for (const Index& index : table.indexes) {
      if (index.keys.has(name)) return fault("IndexKey", name);
    }
  }
  return {};
}

Error condition_failed(const Item* item, const std::optional<std::string>& return_values) {
  Error error(errors::kConditionalCheckFailed, "The conditional request failed");
  if (!item || return_values != "ALL_OLD") return error;
  return std::move(error).with_json("Item", wire::attribute_map_json(*item));
}

Error table_not_found() { return Error(errors::kResourceNotFound, "Requested resource not found"); }

Error table_not_found(const std::string& name) {
  return Error(errors::kResourceNotFound, "Requested resource not found: Table: " + name + " not found");
}

}  // namespace cumulet::dynamodb
