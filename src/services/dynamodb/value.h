#pragma once

#include <cstddef>
#include <string>

#include "base/result.h"
#include "services/dynamodb/number.h"
#include "wire/attribute_value.h"

/// What DynamoDB says about values: which are valid, when two are equal, how large they count.
namespace cumulet::dynamodb {

using wire::AttributeValue;
using Item = AttributeValue::Map;
using Type = AttributeValue::Type;

constexpr std::size_t kMaxItemBytes = 400 * 1024;
constexpr int kMaxNesting = 32;

/// Checks a value that a client sent and brings its numbers into their normal form, so that equal numbers are equal
/// texts from here on. Fails with ValidationException and DynamoDB's message.
Result<void> normalise(AttributeValue& value);
/// The same for each attribute of an item or a key.
Result<void> normalise(Item& item);

/// Both must be normalised. Sets are equal whatever their order.
bool equal(const AttributeValue& a, const AttributeValue& b);
/// Whether the two can be ordered: both S, both N or both B.
bool comparable(const AttributeValue& a, const AttributeValue& b);
/// Negative, zero or positive; only for comparable values.
int compare(const AttributeValue& a, const AttributeValue& b);
/// The number of a normalised N.
Number number_of(const AttributeValue& value);
Number number_of(const std::string& normalised);

/// Bytes as the developer guide counts them ("DynamoDB item sizes and formats").
std::size_t value_size(const AttributeValue& value);
std::size_t item_size(const Item& item);

/// "S", "N", … as a string.
std::string type_text(const AttributeValue& value);

}  // namespace cumulet::dynamodb
