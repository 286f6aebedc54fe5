#include "services/sns/filter_policy.h"

#include <cstdlib>
#include <vector>

#include <simdjson.h>

#include "services/sns/filter_condition.h"
#include "wire/json_writer.h"

namespace cumulet::sns {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

/// All of `leaves` and `branches` must hold, and of each of `alternatives` one.
struct FilterPolicy::Node {
  std::map<std::string, std::vector<FilterCondition>> leaves;
  std::map<std::string, Node> branches;
  std::vector<std::vector<Node>> alternatives;
};

namespace {

using Node = FilterPolicy::Node;

constexpr std::size_t kKeys = 5;
constexpr double kCombinations = 150;
constexpr int kDepth = 64;
constexpr std::size_t kPolicyLimit = 262'144;

/// Keys that mean "$or is an operator": all its elements are objects, and none looks like a condition.
bool is_alternatives(const element& value) {
  array list;
  if (value.get(list) || list.size() < 2) return false;
  for (const element each : list) {
    object alternative;
    if (each.get(alternative)) return false;
    for (const auto& field : alternative) {
      if (is_filter_operator(field.key)) return false;
    }
  }
  return true;
}

class Parser {
 public:
  explicit Parser(FilterPolicy::Scope scope) : scope_(scope) {}

  Result<Node> read(const object& from, int depth) {
    if (depth > kDepth) return bad_filter_policy("Filter policy is nested too deeply");
    Node node;
    for (const auto& [key, value] : from) {
      const std::string name(key);
      Result<void> read = name == "$or" && is_alternatives(value) ? read_alternatives(node, value, depth)
                                                                  : read_key(node, name, value, depth);
      if (!read.ok()) return std::move(read).error();
    }
    return node;
  }

  Result<void> check(const Node& root) const {
    if (keys_ > kKeys) return bad_filter_policy("Filter policy can not have more than 5 keys");
    if (combinations(root, 1) > kCombinations) return bad_filter_policy("Filter policy is too complex");
    return {};
  }

 private:
  Result<void> read_key(Node& node, const std::string& name, const element& value, int depth) {
    object nested;
    if (!value.get(nested)) {
      if (scope_ == FilterPolicy::Scope::kAttributes)
        return bad_filter_policy("Filter policy scope MessageAttributes does not support nested filter policy");
      Result<Node> branch = read(nested, depth + 1);
      if (!branch.ok()) return std::move(branch).error();
      if (branch->leaves.empty() && branch->branches.empty() && branch->alternatives.empty())
        return bad_filter_policy("Empty objects are not allowed");
      node.branches.insert_or_assign(name, std::move(*branch));
      return {};
    }
    array list;
    if (value.get(list)) return bad_filter_policy("\"" + name + "\" must be an object or an array");
    if (list.size() == 0) return bad_filter_policy("Empty arrays are not allowed");
    ++keys_;
    std::vector<FilterCondition> conditions;
    for (const element each : list) {
      Result<FilterCondition> condition = parse_filter_condition(each);
      if (!condition.ok()) return std::move(condition).error();
      conditions.push_back(std::move(*condition));
    }
    node.leaves.insert_or_assign(name, std::move(conditions));
    return {};
  }

  Result<void> read_alternatives(Node& node, const element& value, int depth) {
    std::vector<Node> options;
    for (const element each : array(value)) {
      Result<Node> option = read(object(each), depth + 1);
      if (!option.ok()) return std::move(option).error();
      options.push_back(std::move(*option));
    }
    node.alternatives.push_back(std::move(options));
    return {};
  }

  /// Values of each key multiplied, each weighted by how deep its key lies; the branches of an $or add up.
  static double combinations(const Node& node, int depth) {
    double total = 1;
    for (const auto& [name, conditions] : node.leaves) total *= static_cast<double>(conditions.size()) * depth;
    for (const auto& [name, branch] : node.branches) total *= combinations(branch, depth + 1);
    for (const auto& options : node.alternatives) {
      double sum = 0;
      for (const Node& option : options) sum += combinations(option, depth);
      total *= sum;
    }
    return total;
  }

  FilterPolicy::Scope scope_;
  std::size_t keys_ = 0;
};

bool leaf_matches(const std::vector<FilterCondition>& conditions, const element* value) {
  for (const FilterCondition& condition : conditions) {
    if (condition.matches(value)) return true;
  }
  return false;
}

/// Null where the document has nothing of that name.
const element* find(const object* document, const std::string& name, element& storage) {
  if (document == nullptr) return nullptr;
  // The last of several fields of one name counts, as in most readers of JSON.
  const element* found = nullptr;
  for (const auto& [key, value] : *document) {
    if (key != name) continue;
    storage = value;
    found = &storage;
  }
  return found;
}

bool holds(const Node& node, const object* document);

/// Of an array of objects one must hold for the whole branch.
bool branch_holds(const Node& node, const element* value) {
  object nested;
  if (value == nullptr) return holds(node, nullptr);
  if (!value->get(nested)) return holds(node, &nested);
  array list;
  if (value->get(list)) return holds(node, nullptr);
  for (const element each : list) {
    if (branch_holds(node, &each)) return true;
  }
  return false;
}

bool holds(const Node& node, const object* document) {
  element storage;
  for (const auto& [name, conditions] : node.leaves) {
    if (!leaf_matches(conditions, find(document, name, storage))) return false;
  }
  for (const auto& [name, branch] : node.branches) {
    if (!branch_holds(branch, find(document, name, storage))) return false;
  }
  for (const auto& options : node.alternatives) {
    bool any = false;
    for (const Node& option : options) any = any || holds(option, document);
    if (!any) return false;
  }
  return true;
}

}  // namespace

Result<FilterPolicy> FilterPolicy::parse(std::string_view json, Scope scope) {
  if (json.size() > kPolicyLimit) return bad_filter_policy("Filter policy is too large");
  thread_local simdjson::dom::parser reader;
  element root;
  if (reader.parse(json.data(), json.size()).get(root)) return bad_filter_policy("failed to parse JSON.");
  object fields;
  if (root.get(fields)) return bad_filter_policy("Filter is not an object");
  Parser parser(scope);
  Result<Node> node = parser.read(fields, 1);
  if (!node.ok()) return std::move(node).error();
  if (Result<void> checked = parser.check(*node); !checked.ok()) return std::move(checked).error();
  return FilterPolicy(std::make_shared<const Node>(std::move(*node)), scope);
}

bool FilterPolicy::matches(std::string_view document) const {
  thread_local simdjson::dom::parser reader;
  element root;
  object fields;
  if (reader.parse(document.data(), document.size()).get(root) || root.get(fields)) return false;
  return holds(*root_, &fields);
}

std::string filter_document(const std::map<std::string, MessageAttribute>& attributes) {
  thread_local simdjson::dom::parser reader;
  wire::JsonWriter json;
  json.begin_object();
  for (const auto& [name, attribute] : attributes) {
    if (attribute.binary()) continue;
    json.key(name);
    element parsed;
    if (attribute.type.starts_with("Number")) {
      json.number(std::strtod(attribute.value.c_str(), nullptr));
    } else if (attribute.type.starts_with("String.Array") &&
               !reader.parse(attribute.value.data(), attribute.value.size()).get(parsed) && parsed.is_array()) {
      json.raw(attribute.value);
    } else {
      json.string(attribute.value);
    }
  }
  json.end_object();
  return json.take();
}

}  // namespace cumulet::sns
