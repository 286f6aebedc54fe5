#include "services/sns/filter_condition.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <arpa/inet.h>

#include "base/text.h"
#include "services/sns/model.h"

namespace cumulet::sns {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;
using Kind = FilterCondition::Kind;

constexpr double kLargest = 1e9;
/// SNS compares numbers to five digits behind the point.
constexpr double kNearness = 5e-6;

bool near(double a, double b) { return std::abs(a - b) < kNearness; }

/// `*` stands for any text, `\` before a character for itself. Greedy with one way back: linear in most cases, and at
/// worst the product of the lengths.
bool wildcard_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t mark = 0;
  while (t < text.size()) {
    const bool escaped = p + 1 < pattern.size() && pattern[p] == '\\';
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p + (escaped ? 1 : 0)] == text[t]) {
      p += escaped ? 2 : 1;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

Result<std::string> text_of(const element& value, const std::string& operation) {
  std::string_view text;
  if (value.get(text)) return bad_filter_policy(operation + " match pattern must be a string");
  if (text.empty() && operation != "equals-ignore-case")
    return bad_filter_policy("Null or empty " + operation + " match is not allowed");
  return std::string(text);
}

Result<FilterCondition> parse_literal(const element& from) {
  FilterCondition condition;
  std::string_view text;
  bool flag = false;
  if (!from.get(text)) {
    condition.kind = Kind::kString;
    condition.text = text;
  } else if (!from.get(condition.number)) {
    condition.kind = Kind::kNumber;
    if (std::abs(condition.number) > kLargest)
      return bad_filter_policy("Value of numeric match must be between -1.0E9 and 1.0E9");
  } else if (!from.get(flag)) {
    condition.kind = flag ? Kind::kTrue : Kind::kFalse;
  } else if (from.is_null()) {
    condition.kind = Kind::kNull;
  } else {
    return bad_filter_policy("Match value must be String, number, true, false, or null");
  }
  return condition;
}

Result<FilterCondition> parse_numeric(const element& value) {
  FilterCondition condition;
  condition.kind = Kind::kNumeric;
  array list;
  if (value.get(list)) return bad_filter_policy("Value of numeric must be an array.");
  if (list.size() == 0) return bad_filter_policy("Invalid member in numeric match: ]");
  if (list.size() % 2 != 0 || list.size() > 4) return bad_filter_policy("Too many elements in numeric expression");
  for (std::size_t i = 0; i < list.size(); i += 2) {
    std::string_view relation;
    FilterCondition::Bound bound;
    constexpr std::array<std::string_view, 5> kRelations{"=", "<", "<=", ">", ">="};
    if (list.at(i).get(relation) || std::find(kRelations.begin(), kRelations.end(), relation) == kRelations.end())
      return bad_filter_policy("Unrecognized numeric range operator: " + simdjson::minify(list.at(i).value()));
    bound.relation = relation;
    if (list.at(i + 1).get(bound.value)) return bad_filter_policy("Value of " + bound.relation + " must be numeric");
    if (std::abs(bound.value) > kLargest) {
      return bad_filter_policy("Value of " + bound.relation + " must be between -1.0E9 and 1.0E9");
    }
    condition.bounds.push_back(std::move(bound));
  }
  if (condition.bounds.size() == 2) {
    const auto& [low, high] = std::tie(condition.bounds[0], condition.bounds[1]);
    if (!low.relation.starts_with(">") || !high.relation.starts_with("<"))
      return bad_filter_policy("Bad numeric range operator: " + high.relation);
    if (low.value >= high.value) return bad_filter_policy("Bottom must be less than top");
  }
  return condition;
}

Result<FilterCondition> parse_cidr(const element& value) {
  const Result<std::string> text = text_of(value, "cidr");
  if (!text.ok()) return text.error();
  const std::size_t slash = text->find('/');
  const std::optional<std::int64_t> bits = parse_int(slash == std::string::npos ? "" : text->substr(slash + 1));
  const std::string address = text->substr(0, slash);
  FilterCondition condition;
  condition.kind = Kind::kCidr;
  std::array<char, 16> bytes{};
  int size = 0;
  if (::inet_pton(AF_INET, address.c_str(), bytes.data()) == 1) size = 4;
  if (size == 0 && ::inet_pton(AF_INET6, address.c_str(), bytes.data()) == 1) size = 16;
  if (size == 0 || !bits || *bits < 0 || *bits > size * 8) return bad_filter_policy("Malformed CIDR, one '/' required");
  condition.text.assign(bytes.data(), static_cast<std::size_t>(size));
  condition.prefix_bits = static_cast<int>(*bits);
  return condition;
}

Result<FilterCondition> parse_operator(std::string_view name, const element& value);

Result<FilterCondition> parse_anything_but(const element& value) {
  FilterCondition condition;
  condition.kind = Kind::kAnythingBut;
  object nested;
  if (!value.get(nested)) {
    if (nested.size() != 1) return bad_filter_policy("Only one key allowed in match expression");
    const auto [name, inner] = *nested.begin();
    constexpr std::array<std::string_view, 4> kAllowed{"prefix", "suffix", "wildcard", "equals-ignore-case"};
    if (std::find(kAllowed.begin(), kAllowed.end(), name) == kAllowed.end())
      return bad_filter_policy("Unsupported anything-but pattern: " + std::string(name));
    array several;
    if (inner.get(several)) {
      Result<FilterCondition> one = parse_operator(name, inner);
      if (!one.ok()) return std::move(one).error();
      condition.others.push_back(std::move(*one));
      return condition;
    }
    for (const element each : several) {
      Result<FilterCondition> one = parse_operator(name, each);
      if (!one.ok()) return std::move(one).error();
      condition.others.push_back(std::move(*one));
    }
    if (condition.others.empty()) return bad_filter_policy("Empty arrays are not allowed");
    return condition;
  }
  array list;
  const bool single = value.get(list) != simdjson::SUCCESS;
  if (!single && list.size() == 0) return bad_filter_policy("Empty arrays are not allowed");
  const auto add = [&condition](const element& each) -> Result<void> {
    Result<FilterCondition> literal = parse_literal(each);
    if (!literal.ok()) return std::move(literal).error();
    if (literal->kind != Kind::kString && literal->kind != Kind::kNumber)
      return bad_filter_policy("Inside anything but list, start|null|boolean is not supported.");
    if (!condition.others.empty() && condition.others.front().kind != literal->kind)
      return bad_filter_policy(
          "Inside anything but list, either all values are number or string, mixed type is not supported");
    condition.others.push_back(std::move(*literal));
    return {};
  };
  if (single) {
    Result<void> added = add(value);
    if (!added.ok()) return std::move(added).error();
    return condition;
  }
  for (const element each : list) {
    Result<void> added = add(each);
    if (!added.ok()) return std::move(added).error();
  }
  return condition;
}

Result<FilterCondition> parse_text_operator(Kind kind, std::string_view name, const element& value) {
  Result<std::string> text = text_of(value, std::string(name));
  if (!text.ok()) return std::move(text).error();
  FilterCondition condition;
  condition.kind = kind;
  condition.text = std::move(*text);
  if (kind == Kind::kWildcard && condition.text.find("**") != std::string::npos)
    return bad_filter_policy("Consecutive wildcard characters at pos " + std::to_string(condition.text.find("**")));
  return condition;
}

Result<FilterCondition> parse_operator(std::string_view name, const element& value) {
  if (name == "prefix") return parse_text_operator(Kind::kPrefix, name, value);
  if (name == "suffix") return parse_text_operator(Kind::kSuffix, name, value);
  if (name == "equals-ignore-case") return parse_text_operator(Kind::kIgnoreCase, name, value);
  if (name == "wildcard") return parse_text_operator(Kind::kWildcard, name, value);
  if (name == "numeric") return parse_numeric(value);
  if (name == "cidr") return parse_cidr(value);
  if (name == "anything-but") return parse_anything_but(value);
  if (name == "exists") {
    FilterCondition condition;
    condition.kind = Kind::kExists;
    if (value.get(condition.exists)) return bad_filter_policy("exists match pattern must be either true or false.");
    return condition;
  }
  return bad_filter_policy("Unrecognized match type " + std::string(name));
}

}  // namespace

Error bad_filter_policy(const std::string& why) { return invalid("FilterPolicy: " + why); }

bool is_filter_operator(std::string_view name) {
  constexpr std::array<std::string_view, 8> kOperators{"prefix",  "suffix", "equals-ignore-case", "wildcard",
                                                       "numeric", "cidr",   "anything-but",       "exists"};
  return std::find(kOperators.begin(), kOperators.end(), name) != kOperators.end();
}

Result<FilterCondition> parse_filter_condition(const element& from) {
  object operation;
  if (from.get(operation)) return parse_literal(from);
  if (operation.size() == 0) return bad_filter_policy("Empty objects are not allowed");
  if (operation.size() != 1) return bad_filter_policy("Only one key allowed in match expression");
  const auto [name, value] = *operation.begin();
  return parse_operator(name, value);
}

bool FilterCondition::matches(const element* value) const {
  if (kind == Kind::kExists) return (value != nullptr) == exists;
  if (value == nullptr) return false;
  array list;
  if (value->get(list)) return matches_one(*value);
  for (const element each : list) {
    if (matches(&each)) return true;
  }
  return false;
}

bool FilterCondition::matches_one(const element& value) const {
  double measured = 0;
  std::string_view content;
  bool flag = false;
  switch (kind) {
    case Kind::kNumber:
      return !value.get(measured) && near(measured, number);
    case Kind::kTrue:
    case Kind::kFalse:
      return !value.get(flag) && flag == (kind == Kind::kTrue);
    case Kind::kNull:
      return value.is_null();
    case Kind::kNumeric:
      if (value.get(measured)) return false;
      return std::all_of(bounds.begin(), bounds.end(), [measured](const Bound& bound) {
        if (bound.relation == "=") return near(measured, bound.value);
        if (bound.relation.size() == 2 && near(measured, bound.value)) return true;
        return bound.relation[0] == '<' ? measured < bound.value : measured > bound.value;
      });
    case Kind::kAnythingBut:
      return !value.is_object() && std::none_of(others.begin(), others.end(), [&value](const FilterCondition& other) {
        return other.matches_one(value);
      });
    case Kind::kExists:
      return exists;
    default:
      return !value.get(content) && matches_text(content);
  }
}

bool FilterCondition::matches_text(std::string_view value) const {
  switch (kind) {
    case Kind::kString:
      return value == text;
    case Kind::kPrefix:
      return value.starts_with(text);
    case Kind::kSuffix:
      return value.ends_with(text);
    case Kind::kIgnoreCase:
      return iequals(value, text);
    case Kind::kWildcard:
      return wildcard_matches(text, value);
    case Kind::kCidr:
      return in_network(value);
    default:
      return false;
  }
}

bool FilterCondition::in_network(std::string_view address) const {
  std::array<char, 16> bytes{};
  const int family = text.size() == 4 ? AF_INET : AF_INET6;
  if (::inet_pton(family, std::string(address).c_str(), bytes.data()) != 1) return false;
  for (int bit = 0; bit < prefix_bits; ++bit) {
    const auto byte = static_cast<std::size_t>(bit / 8);
    const int mask = 0x80 >> (bit % 8);
    if (((bytes[byte] ^ text[byte]) & mask) != 0) return false;
  }
  return true;
}

}  // namespace cumulet::sns
