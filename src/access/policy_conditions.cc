// The condition operators of policies: what each means for one value of the request and one of the policy.

#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <utility>

#include <arpa/inet.h>

#include "access/policy_match.h"
#include "base/clock.h"
#include "base/text.h"

namespace cumulet::access {
namespace {

/// Whether one value of the request satisfies one of the policy.
using Compare = bool (*)(const std::string& given, const std::string& wanted, const Context& context);

/// A pattern in which wildcards stand for themselves; variables stay.
std::string without_wildcards(const std::string& wanted) {
  std::string literal;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool in_variable = wanted[i] == '$' && i + 1 < wanted.size() && wanted[i + 1] == '{';
    if (in_variable) {
      const std::size_t end = wanted.find('}', i);
      if (end != std::string::npos) {
        literal += wanted.substr(i, end - i + 1);
        i = end;
        continue;
      }
    }
    if (wanted[i] == '*' || wanted[i] == '?') {
      literal += std::string("${") + wanted[i] + "}";
    } else {
      literal += wanted[i];
    }
  }
  return literal;
}

bool string_equals(const std::string& given, const std::string& wanted, const Context& context) {
  return matches_pattern(without_wildcards(wanted), given, &context);
}

bool string_equals_ignore_case(const std::string& given, const std::string& wanted, const Context& context) {
  return matches_pattern(without_wildcards(wanted), given, &context, true);
}

bool string_like(const std::string& given, const std::string& wanted, const Context& context) {
  return matches_pattern(wanted, given, &context);
}

bool arn_like(const std::string& given, const std::string& wanted, const Context& context) {
  return matches_arn(wanted, given, &context);
}

std::optional<double> number_of(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || end != text.c_str() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// ISO 8601, or seconds since 1970.
std::optional<double> date_of(const std::string& text) {
  Timestamp time{};
  if (parse_iso8601(text, time)) return static_cast<double>(time.time_since_epoch().count()) / 1e6;
  if (parse_iso8601(text + "T00:00:00Z", time)) return static_cast<double>(time.time_since_epoch().count()) / 1e6;
  return number_of(text);
}

enum class Order { kEqual, kLess, kLessOrEqual };

template <std::optional<double> (*Read)(const std::string&), Order order, bool swapped>
bool ordered(const std::string& given, const std::string& wanted, const Context&) {
  std::optional<double> left = Read(given);
  std::optional<double> right = Read(wanted);
  if (!left || !right) return false;
  if (swapped) std::swap(left, right);
  if (order == Order::kEqual) return *left == *right;
  return order == Order::kLess ? *left < *right : *left <= *right;
}

bool bool_equals(const std::string& given, const std::string& wanted, const Context&) { return iequals(given, wanted); }

bool binary_equals(const std::string& given, const std::string& wanted, const Context&) { return given == wanted; }

/// The bytes of an address: 4 or 16; empty when it is none.
std::string address_bytes(const std::string& text) {
  std::array<char, 16> buffer{};
  if (inet_pton(AF_INET, text.c_str(), buffer.data()) == 1) return std::string(buffer.data(), 4);
  if (inet_pton(AF_INET6, text.c_str(), buffer.data()) == 1) return std::string(buffer.data(), 16);
  return {};
}

bool in_network(const std::string& given, const std::string& wanted, const Context&) {
  const std::size_t slash = wanted.find('/');
  const std::string address = address_bytes(given);
  const std::string network = address_bytes(wanted.substr(0, slash));
  if (address.empty() || address.size() != network.size()) return false;
  std::int64_t bits = static_cast<std::int64_t>(network.size()) * 8;
  if (slash != std::string::npos) {
    const std::optional<std::int64_t> length = parse_int(wanted.substr(slash + 1));
    if (!length || *length < 0 || *length > bits) return false;
    bits = *length;
  }
  for (std::size_t i = 0; bits > 0; ++i, bits -= 8) {
    const unsigned mask = bits >= 8 ? 0xFFu : (0xFF00u >> bits) & 0xFFu;
    if ((static_cast<unsigned char>(address[i]) & mask) != (static_cast<unsigned char>(network[i]) & mask))
      return false;
  }
  return true;
}

struct Operator {
  std::string_view name;
  Compare compare;
  bool negated;
};

constexpr std::array<Operator, 27> kOperators{{
    {"StringEquals", string_equals, false},
    {"StringNotEquals", string_equals, true},
    {"StringEqualsIgnoreCase", string_equals_ignore_case, false},
    {"StringNotEqualsIgnoreCase", string_equals_ignore_case, true},
    {"StringLike", string_like, false},
    {"StringNotLike", string_like, true},
    {"NumericEquals", ordered<number_of, Order::kEqual, false>, false},
    {"NumericNotEquals", ordered<number_of, Order::kEqual, false>, true},
    {"NumericLessThan", ordered<number_of, Order::kLess, false>, false},
    {"NumericLessThanEquals", ordered<number_of, Order::kLessOrEqual, false>, false},
    {"NumericGreaterThan", ordered<number_of, Order::kLess, true>, false},
    {"NumericGreaterThanEquals", ordered<number_of, Order::kLessOrEqual, true>, false},
    {"DateEquals", ordered<date_of, Order::kEqual, false>, false},
    {"DateNotEquals", ordered<date_of, Order::kEqual, false>, true},
    {"DateLessThan", ordered<date_of, Order::kLess, false>, false},
    {"DateLessThanEquals", ordered<date_of, Order::kLessOrEqual, false>, false},
    {"DateGreaterThan", ordered<date_of, Order::kLess, true>, false},
    {"DateGreaterThanEquals", ordered<date_of, Order::kLessOrEqual, true>, false},
    {"Bool", bool_equals, false},
    {"BinaryEquals", binary_equals, false},
    {"IpAddress", in_network, false},
    {"NotIpAddress", in_network, true},
    {"ArnEquals", arn_like, false},
    {"ArnNotEquals", arn_like, true},
    {"ArnLike", arn_like, false},
    {"ArnNotLike", arn_like, true},
    {"Null", nullptr, false},
}};

struct Parsed {
  const Operator* operation = nullptr;
  bool if_exists = false;
  bool for_all = false;
  bool for_any = false;
};

std::optional<Parsed> parse_operator(std::string_view text) {
  Parsed parsed;
  if (text.starts_with("ForAllValues:")) {
    parsed.for_all = true;
    text.remove_prefix(13);
  } else if (text.starts_with("ForAnyValue:")) {
    parsed.for_any = true;
    text.remove_prefix(12);
  }
  if (text.ends_with("IfExists") && text != "NullIfExists") {
    parsed.if_exists = true;
    text.remove_suffix(8);
  }
  for (const Operator& operation : kOperators) {
    if (operation.name != text) continue;
    parsed.operation = &operation;
    return parsed;
  }
  return std::nullopt;
}

bool matches_any(const Operator& operation, const std::string& given, const Condition& condition,
                 const Context& context) {
  for (const std::string& wanted : condition.values) {
    if (operation.compare(given, wanted, context)) return true;
  }
  return false;
}

/// A negated operator holds when no value of the policy matches.
bool value_holds(const Operator& operation, const std::string& given, const Condition& condition,
                 const Context& context) {
  return matches_any(operation, given, condition, context) != operation.negated;
}

bool null_holds(const Condition& condition, bool present) {
  for (const std::string& wanted : condition.values) {
    if (iequals(wanted, "true") && !present) return true;
    if (iequals(wanted, "false") && present) return true;
  }
  return false;
}

bool condition_holds(const Condition& condition, const Parsed& parsed, const Context& context) {
  const auto found = context.find(condition.key);
  const bool present = found != context.end() && !found->second.empty();
  if (parsed.operation->name == "Null") return null_holds(condition, present);
  if (!present) {
    if (parsed.if_exists || parsed.for_all) return true;
    if (parsed.for_any) return false;
    return parsed.operation->negated;  // a key that is not there equals nothing
  }
  if (parsed.for_all) {
    for (const std::string& given : found->second) {
      if (!value_holds(*parsed.operation, given, condition, context)) return false;
    }
    return true;
  }
  if (parsed.operation->negated && !parsed.for_any) {
    for (const std::string& given : found->second) {
      if (matches_any(*parsed.operation, given, condition, context)) return false;
    }
    return true;
  }
  for (const std::string& given : found->second) {
    if (value_holds(*parsed.operation, given, condition, context)) return true;
  }
  return false;
}

}  // namespace

bool is_condition_operator(std::string_view operation) { return parse_operator(operation).has_value(); }

bool conditions_hold(const std::vector<Condition>& conditions, const Context& context, bool& understood) {
  bool all = true;
  for (const Condition& condition : conditions) {
    const std::optional<Parsed> parsed = parse_operator(condition.operation);
    if (!parsed) {
      understood = false;
      continue;
    }
    if (!condition_holds(condition, *parsed, context)) all = false;
  }
  return all;
}

}  // namespace cumulet::access
