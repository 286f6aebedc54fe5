#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "services/dynamodb/value.h"

/// How items stand in the store: a format version, the item's size as DynamoDB counts it, then the attributes in the
/// order of their names, each with its name, the length of its value, and the value (a type byte and what belongs to
/// it). The lengths let a reader step over what it does not want.
namespace cumulet::dynamodb {

std::string encode_item(const Item& item);
/// The same, when the size is known already.
std::string encode_item(const Item& item, std::size_t size);

/// An encoded item, read without decoding more than is asked for. The bytes must outlive it. Damaged bytes give what
/// could be read, with `ok()` false.
class ItemReader {
 public:
  explicit ItemReader(std::string_view bytes);

  bool ok() const { return ok_; }
  /// As DynamoDB counts it.
  std::size_t size() const { return size_; }
  Item all();
  /// Only the attributes of these names.
  Item only(const std::vector<std::string_view>& names);

 private:
  bool next(std::string_view& name, std::string_view& value);

  std::string_view rest_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace cumulet::dynamodb
