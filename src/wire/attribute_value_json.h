#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/attribute_value.h"
#include "wire/json_writer.h"

/// DynamoDB's own JSON: {"S": "text"}, {"N": "1"}, {"M": {…}} …
namespace cumulet::wire {

void write_attribute_value(const AttributeValue& value, JsonWriter& json);
std::string attribute_value_json(const AttributeValue& value);
/// {"name": {"S": …}, …}: an item.
std::string attribute_map_json(const AttributeValue::Map& item);

}  // namespace cumulet::wire
