#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace cumulet::wire {

/// A DynamoDB value. Numbers are the text that the client sent; binaries are raw bytes. Cheap to move.
class AttributeValue {
 public:
  using Set = std::vector<std::string>;
  using List = std::vector<AttributeValue>;
  using Map = std::map<std::string, AttributeValue>;
  enum class Type : std::uint8_t {
    kString,
    kNumber,
    kBinary,
    kStringSet,
    kNumberSet,
    kBinarySet,
    kMap,
    kList,
    kNull,
    kBool
  };

  AttributeValue() : value_(false) {}  ///< NULL.
  static AttributeValue string(std::string text) { return {Type::kString, Storage(std::move(text))}; }
  static AttributeValue number(std::string text) { return {Type::kNumber, Storage(std::move(text))}; }
  static AttributeValue binary(std::string bytes) { return {Type::kBinary, Storage(std::move(bytes))}; }
  static AttributeValue string_set(Set texts) { return {Type::kStringSet, Storage(std::move(texts))}; }
  static AttributeValue number_set(Set texts) { return {Type::kNumberSet, Storage(std::move(texts))}; }
  static AttributeValue binary_set(Set bytes) { return {Type::kBinarySet, Storage(std::move(bytes))}; }
  static AttributeValue map(Map members) { return {Type::kMap, Storage(std::move(members))}; }
  static AttributeValue list(List elements) { return {Type::kList, Storage(std::move(elements))}; }
  static AttributeValue null() { return {}; }
  static AttributeValue boolean(bool value) { return {Type::kBool, Storage(value)}; }

  Type type() const { return type_; }
  bool is(Type type) const { return type_ == type; }
  bool is_scalar() const { return type_ == Type::kString || type_ == Type::kNumber || type_ == Type::kBinary; }
  bool is_set() const { return type_ == Type::kStringSet || type_ == Type::kNumberSet || type_ == Type::kBinarySet; }

  /// The text of S and N, the bytes of B. As all accessors below: only for the types that have it.
  const std::string& text() const { return std::get<std::string>(value_); }
  std::string& text() { return std::get<std::string>(value_); }
  const Set& set() const { return std::get<Set>(value_); }
  Set& set() { return std::get<Set>(value_); }
  const List& list() const { return std::get<List>(value_); }
  List& list() { return std::get<List>(value_); }
  const Map& map() const { return std::get<Map>(value_); }
  Map& map() { return std::get<Map>(value_); }
  bool boolean() const { return std::get<bool>(value_); }

  /// Same type, same content as it was written: 1 and 1.0 differ, and so do sets in another order.
  friend bool operator==(const AttributeValue&, const AttributeValue&) = default;

 private:
  using Storage = std::variant<bool, std::string, Set, List, Map>;
  AttributeValue(Type type, Storage value) : type_(type), value_(std::move(value)) {}

  Type type_ = Type::kNull;
  Storage value_;
};

/// "S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL".
std::string_view type_name(AttributeValue::Type type);

}  // namespace cumulet::wire
