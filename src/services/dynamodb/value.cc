#include "services/dynamodb/value.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

bool has_duplicates(const AttributeValue::Set& set) {
  std::vector<std::string_view> sorted(set.begin(), set.end());
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
}

std::string listed(const AttributeValue::Set& set, bool binary) {
  std::string out = "[";
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (i > 0) out += ", ";
    out += binary ? base64_encode(set[i]) : set[i];
  }
  return out + "]";
}

Result<void> normalise_number(std::string& text) {
  Result<Number> number = Number::parse(text);
  if (!number) return std::move(number).error();
  text = number->text();
  return {};
}

Result<void> normalise_set(AttributeValue& value) {
  AttributeValue::Set& set = value.set();
  const bool binary = value.is(Type::kBinarySet);
  if (set.empty()) {
    if (binary) return invalid_parameter("Binary sets should not be empty");
    return invalid_parameter(value.is(Type::kStringSet) ? "An string set  may not be empty"
                                                        : "An number set  may not be empty");
  }
  if (value.is(Type::kNumberSet)) {
    for (std::string& number : set) {
      if (Result<void> done = normalise_number(number); !done) return done;
    }
    if (has_duplicates(set)) return invalid("Input collection contains duplicates");
  } else if (has_duplicates(set)) {
    return invalid_parameter("Input collection " + listed(set, binary) +
                             (binary ? "of type BS contains duplicates." : " contains duplicates."));
  }
  return {};
}

Result<void> normalise_at(AttributeValue& value, int depth) {
  if (depth > kMaxNesting) return invalid_parameter("Nesting Levels have exceeded supported limits");
  switch (value.type()) {
    case Type::kNumber:
      return normalise_number(value.text());
    case Type::kStringSet:
    case Type::kNumberSet:
    case Type::kBinarySet:
      return normalise_set(value);
    case Type::kList:
      for (AttributeValue& element : value.list()) {
        if (Result<void> done = normalise_at(element, depth + 1); !done) return done;
      }
      return {};
    case Type::kMap:
      for (auto& [name, member] : value.map()) {
        if (Result<void> done = normalise_at(member, depth + 1); !done) return done;
      }
      return {};
    default:
      return {};
  }
}

bool equal_sets(const AttributeValue::Set& a, const AttributeValue::Set& b) {
  if (a.size() != b.size()) return false;
  std::vector<std::string_view> left(a.begin(), a.end());
  std::vector<std::string_view> right(b.begin(), b.end());
  std::sort(left.begin(), left.end());
  std::sort(right.begin(), right.end());
  return left == right;
}

}  // namespace

Result<void> normalise(AttributeValue& value) { return normalise_at(value, 0); }

Result<void> normalise(Item& item) {
  for (auto& [name, value] : item) {
    if (Result<void> done = normalise(value); !done) return done;
  }
  return {};
}

bool equal(const AttributeValue& a, const AttributeValue& b) {
  if (a.type() != b.type()) return false;
  switch (a.type()) {
    case Type::kString:
    case Type::kNumber:
    case Type::kBinary:
      return a.text() == b.text();
    case Type::kStringSet:
    case Type::kNumberSet:
    case Type::kBinarySet:
      return equal_sets(a.set(), b.set());
    case Type::kList:
      return std::equal(a.list().begin(), a.list().end(), b.list().begin(), b.list().end(),
                        [](const AttributeValue& x, const AttributeValue& y) { return equal(x, y); });
    case Type::kMap:
      return std::equal(a.map().begin(), a.map().end(), b.map().begin(), b.map().end(),
                        [](const auto& x, const auto& y) { return x.first == y.first && equal(x.second, y.second); });
    case Type::kNull:
      return true;
    case Type::kBool:
      return a.boolean() == b.boolean();
  }
  return false;
}

bool comparable(const AttributeValue& a, const AttributeValue& b) { return a.type() == b.type() && a.is_scalar(); }

int compare(const AttributeValue& a, const AttributeValue& b) {
  if (a.is(Type::kNumber)) return Number::compare(number_of(a), number_of(b));
  return a.text().compare(b.text());
}

Number number_of(const std::string& normalised) {
  const Result<Number> number = Number::parse(normalised);
  return number.ok() ? *number : Number();
}

Number number_of(const AttributeValue& value) { return number_of(value.text()); }

std::size_t value_size(const AttributeValue& value) {
  constexpr std::size_t kContainer = 3;
  constexpr std::size_t kElement = 1;
  std::size_t size = 0;
  switch (value.type()) {
    case Type::kString:
    case Type::kBinary:
      return value.text().size();
    case Type::kNumber:
      return number_of(value).stored_size();
    case Type::kStringSet:
    case Type::kBinarySet:
      for (const std::string& element : value.set()) size += element.size();
      return size;
    case Type::kNumberSet:
      for (const std::string& element : value.set()) size += number_of(element).stored_size();
      return size;
    case Type::kList:
      size = kContainer;
      for (const AttributeValue& element : value.list()) size += kElement + value_size(element);
      return size;
    case Type::kMap:
      size = kContainer;
      for (const auto& [name, member] : value.map()) size += kElement + name.size() + value_size(member);
      return size;
    case Type::kNull:
    case Type::kBool:
      return 1;
  }
  return size;
}

std::size_t item_size(const Item& item) {
  std::size_t size = 0;
  for (const auto& [name, value] : item) size += name.size() + value_size(value);
  return size;
}

std::string type_text(const AttributeValue& value) { return std::string(wire::type_name(value.type())); }

}  // namespace cumulet::dynamodb
