#include "services/dynamodb/key_schema.h"

#include <cstdint>

#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    out += c;
    if (c == '\0') out += '\xff';
  }
}

/// FNV-1a with a finaliser that spreads it. Part of the format on disk.
std::uint32_t place_of(std::string_view bytes) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : bytes) {
    hash ^= static_cast<std::uint8_t>(c);
    hash *= 0x100000001b3ULL;
  }
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  hash ^= hash >> 33;
  return static_cast<std::uint32_t>(hash);
}

Result<void> check_length(const KeyAttribute& attribute, const AttributeValue& value, bool is_hash) {
  if (attribute.type == Type::kNumber) return {};
  const std::string& text = value.text();
  if (text.empty()) {
    return invalid(
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an "
        "empty " +
        std::string(attribute.type == Type::kString ? "string" : "binary") + " value. Key: " + attribute.name);
  }
  if (is_hash && text.size() > kMaxHashKeyBytes) {
    return invalid_parameter("Size of hashkey has exceeded the maximum size limit of2048 bytes");
  }
  if (!is_hash && text.size() > kMaxRangeKeyBytes) {
    return invalid_parameter("Aggregated size of all range keys has exceeded the size limit of 1024 bytes");
  }
  return {};
}

Result<void> check_key_attribute(const KeyAttribute& attribute, const Item& key, bool is_hash) {
  const auto found = key.find(attribute.name);
  if (found == key.end() || !found->second.is(attribute.type)) {
    return invalid("The provided key element does not match the schema");
  }
  return check_length(attribute, found->second, is_hash);
}

Result<void> check_item_attribute(const KeyAttribute& attribute, const Item& item, bool is_hash) {
  const auto found = item.find(attribute.name);
  if (found == item.end()) return invalid_parameter("Missing the key " + attribute.name + " in the item");
  if (!found->second.is(attribute.type)) {
    return invalid_parameter("Type mismatch for key " + attribute.name + " expected: " +
                             std::string(wire::type_name(attribute.type)) + " actual: " + type_text(found->second));
  }
  return check_length(attribute, found->second, is_hash);
}

}  // namespace

void append_ordered(std::string& out, const AttributeValue& value) {
  if (value.is(Type::kNumber)) {
    number_of(value).append_ordered(out);
    return;
  }
  append_escaped(out, value.text());
  out += '\0';
  out += '\x01';
}

void append_ordered_prefix(std::string& out, std::string_view text) { append_escaped(out, text); }

std::string partition_key(const AttributeValue& hash) {
  std::string encoded;
  append_ordered(encoded, hash);
  const std::uint32_t place = place_of(encoded);
  std::string out;
  out.reserve(encoded.size() + 64);
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(place >> shift);
  return out += encoded;
}

std::string encoded_key(const KeySchema& schema, const Item& item) {
  std::string out = partition_key(item.at(schema.hash.name));
  if (schema.range) append_ordered(out, item.at(schema.range->name));
  return out;
}

Result<void> check_key(const KeySchema& schema, const Item& key) {
  if (key.size() != schema.size()) return invalid("The provided key element does not match the schema");
  if (Result<void> checked = check_key_attribute(schema.hash, key, true); !checked) return checked;
  if (schema.range) return check_key_attribute(*schema.range, key, false);
  return {};
}

Result<void> check_item_key(const KeySchema& schema, const Item& item) {
  if (Result<void> checked = check_item_attribute(schema.hash, item, true); !checked) return checked;
  if (schema.range) return check_item_attribute(*schema.range, item, false);
  return {};
}

Item key_of(const KeySchema& schema, const Item& item) {
  Item key;
  for (const std::string* name : {&schema.hash.name, schema.range ? &schema.range->name : nullptr}) {
    if (!name) continue;
    if (const auto found = item.find(*name); found != item.end()) key.insert(*found);
  }
  return key;
}

}  // namespace cumulet::dynamodb
