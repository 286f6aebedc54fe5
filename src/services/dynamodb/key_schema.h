#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "services/dynamodb/value.h"

namespace cumulet::dynamodb {

constexpr std::size_t kMaxHashKeyBytes = 2048;
constexpr std::size_t kMaxRangeKeyBytes = 1024;

struct KeyAttribute {
  std::string name;
  Type type = Type::kString;
};

/// The key attributes of a table or an index.
struct KeySchema {
  KeyAttribute hash;
  std::optional<KeyAttribute> range;

  bool has(std::string_view name) const { return name == hash.name || (range && name == range->name); }
  std::size_t size() const { return range ? 2 : 1; }
};

// The order-preserving encoding of keys. A partition's place is four bytes of a hash over its encoded hash key, so that
// partitions spread evenly and a parallel scan's segments are ranges of places; then come the encoded hash and range
// key. No encoded value is a prefix of another of its type.

void append_ordered(std::string& out, const AttributeValue& value);
/// The bytes with which the encodings of all texts begin that begin with this one.
void append_ordered_prefix(std::string& out, std::string_view text);
/// Place and hash key.
std::string partition_key(const AttributeValue& hash);
/// Place, hash key, range key. The item must have the schema's attributes.
std::string encoded_key(const KeySchema& schema, const Item& item);

/// Whether a key given for GetItem and the like is exactly the table's, and fit to be a key.
Result<void> check_key(const KeySchema& schema, const Item& key);
/// Whether an item to be written has the table's key, fit to be a key.
Result<void> check_item_key(const KeySchema& schema, const Item& item);
/// The item's key attributes only.
Item key_of(const KeySchema& schema, const Item& item);

}  // namespace cumulet::dynamodb
