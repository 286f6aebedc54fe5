#include "services/dynamodb/item_codec.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace cumulet::dynamodb {
namespace {

constexpr char kVersion = 1;
// Part of the format on disk: never renumber.
enum class Tag : std::uint8_t {
  kString = 1,
  kNumber = 2,
  kBinary = 3,
  kStringSet = 4,
  kNumberSet = 5,
  kBinarySet = 6,
  kMap = 7,
  kList = 8,
  kNull = 9,
  kFalse = 10,
  kTrue = 11
};

void put_varint(std::string& out, std::uint64_t value) {
  while (value >= 0x80) {
    out += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

bool get_varint(std::string_view& in, std::uint64_t& value) {
  value = 0;
  for (int shift = 0; shift < 64 && !in.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return true;
  }
  return false;
}

void put_text(std::string& out, std::string_view text) {
  put_varint(out, text.size());
  out += text;
}

bool get_text(std::string_view& in, std::string_view& text) {
  std::uint64_t size = 0;
  if (!get_varint(in, size) || size > in.size()) return false;
  text = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

Tag tag_of(const AttributeValue& value) {
  switch (value.type()) {
    case Type::kString:
      return Tag::kString;
    case Type::kNumber:
      return Tag::kNumber;
    case Type::kBinary:
      return Tag::kBinary;
    case Type::kStringSet:
      return Tag::kStringSet;
    case Type::kNumberSet:
      return Tag::kNumberSet;
    case Type::kBinarySet:
      return Tag::kBinarySet;
    case Type::kMap:
      return Tag::kMap;
    case Type::kList:
      return Tag::kList;
    case Type::kNull:
      return Tag::kNull;
    case Type::kBool:
      return value.boolean() ? Tag::kTrue : Tag::kFalse;
  }
  return Tag::kNull;
}

void put_value(std::string& out, const AttributeValue& value) {
  out += static_cast<char>(tag_of(value));
  switch (value.type()) {
    case Type::kString:
    case Type::kNumber:
    case Type::kBinary:
      put_text(out, value.text());
      return;
    case Type::kStringSet:
    case Type::kNumberSet:
    case Type::kBinarySet:
      put_varint(out, value.set().size());
      for (const std::string& element : value.set()) put_text(out, element);
      return;
    case Type::kMap:
      put_varint(out, value.map().size());
      for (const auto& [name, member] : value.map()) {
        put_text(out, name);
        put_value(out, member);
      }
      return;
    case Type::kList:
      put_varint(out, value.list().size());
      for (const AttributeValue& element : value.list()) put_value(out, element);
      return;
    case Type::kNull:
    case Type::kBool:
      return;
  }
}

/// The bytes that put_value writes, less than `item_size` counts too much or too little to be used instead.
std::size_t encoded_guess(const AttributeValue& value) {
  switch (value.type()) {
    case Type::kString:
    case Type::kNumber:
    case Type::kBinary:
      return value.text().size() + 4;
    default:
      return 64;
  }
}

bool get_value(std::string_view& in, AttributeValue& value, int depth);

bool get_set(std::string_view& in, AttributeValue::Set& set) {
  std::uint64_t count = 0;
  if (!get_varint(in, count) || count > in.size()) return false;
  set.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string_view text;
    if (!get_text(in, text)) return false;
    set.emplace_back(text);
  }
  return true;
}

bool get_map(std::string_view& in, AttributeValue::Map& map, int depth) {
  std::uint64_t count = 0;
  if (!get_varint(in, count) || count > in.size()) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::string_view name;
    if (!get_text(in, name)) return false;
    const auto at = map.emplace_hint(map.end(), std::string(name), AttributeValue());
    if (!get_value(in, at->second, depth)) return false;
  }
  return true;
}

bool get_list(std::string_view& in, AttributeValue::List& list, int depth) {
  std::uint64_t count = 0;
  if (!get_varint(in, count) || count > in.size()) return false;
  list.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!get_value(in, list.emplace_back(), depth)) return false;
  }
  return true;
}

bool get_value(std::string_view& in, AttributeValue& value, int depth) {
  constexpr int kDeepest = kMaxNesting + 2;
  if (in.empty() || depth > kDeepest) return false;
  const Tag tag = static_cast<Tag>(in.front());
  in.remove_prefix(1);
  std::string_view text;
  AttributeValue::Set set;
  switch (tag) {
    case Tag::kString:
      if (!get_text(in, text)) return false;
      value = AttributeValue::string(std::string(text));
      return true;
    case Tag::kNumber:
      if (!get_text(in, text)) return false;
      value = AttributeValue::number(std::string(text));
      return true;
    case Tag::kBinary:
      if (!get_text(in, text)) return false;
      value = AttributeValue::binary(std::string(text));
      return true;
    case Tag::kStringSet:
      if (!get_set(in, set)) return false;
      value = AttributeValue::string_set(std::move(set));
      return true;
    case Tag::kNumberSet:
      if (!get_set(in, set)) return false;
      value = AttributeValue::number_set(std::move(set));
      return true;
    case Tag::kBinarySet:
      if (!get_set(in, set)) return false;
      value = AttributeValue::binary_set(std::move(set));
      return true;
    case Tag::kMap:
      value = AttributeValue::map({});
      return get_map(in, value.map(), depth + 1);
    case Tag::kList:
      value = AttributeValue::list({});
      return get_list(in, value.list(), depth + 1);
    case Tag::kNull:
      value = AttributeValue::null();
      return true;
    case Tag::kFalse:
      value = AttributeValue::boolean(false);
      return true;
    case Tag::kTrue:
      value = AttributeValue::boolean(true);
      return true;
  }
  return false;
}

}  // namespace

std::string encode_item(const Item& item) { return encode_item(item, item_size(item)); }

std::string encode_item(const Item& item, std::size_t size) {
  std::string out;
  out.reserve(size + item.size() * 8 + 16);
  out += kVersion;
  put_varint(out, size);
  std::string nested;
  for (const auto& [name, value] : item) {
    put_text(out, name);
    nested.clear();
    nested.reserve(encoded_guess(value));
    put_value(nested, value);
    put_text(out, nested);
  }
  return out;
}

ItemReader::ItemReader(std::string_view bytes) : rest_(bytes) {
  std::uint64_t size = 0;
  if (rest_.empty() || rest_.front() != kVersion) {
    ok_ = false;
    return;
  }
  rest_.remove_prefix(1);
  ok_ = get_varint(rest_, size);
  size_ = size;
}

bool ItemReader::next(std::string_view& name, std::string_view& value) {
  if (!ok_ || rest_.empty()) return false;
  ok_ = get_text(rest_, name) && get_text(rest_, value);
  return ok_;
}

Item ItemReader::all() {
  Item item;
  std::string_view name;
  std::string_view bytes;
  while (next(name, bytes)) {
    const auto at = item.emplace_hint(item.end(), std::string(name), AttributeValue());
    if (!get_value(bytes, at->second, 0)) ok_ = false;
  }
  return item;
}

Item ItemReader::only(const std::vector<std::string_view>& names) {
  Item item;
  std::string_view name;
  std::string_view bytes;
  while (next(name, bytes)) {
    if (std::find(names.begin(), names.end(), name) == names.end()) continue;
    const auto at = item.emplace_hint(item.end(), std::string(name), AttributeValue());
    if (!get_value(bytes, at->second, 0)) ok_ = false;
  }
  return item;
}

}  // namespace cumulet::dynamodb
