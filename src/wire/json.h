#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/decoding.h"
#include "wire/json_writer.h"
#include "wire/schema.h"

/// JSON to and from generated structs, driven by their shapes.
namespace cumulet::wire {

/// Fills `structure` (of `shape`, a structure) from JSON text. Unknown members are ignored, null counts as absent; with
/// `body_only` members that travel outside the body (REST) are left alone. findings.fatal is a SerializationException.
void decode_json(std::string_view text, const Shape& shape, void* structure, bool body_only, Findings& findings);

/// The same for a value that stands alone (a payload).
std::string encode_json(const Shape& shape, const void* structure, bool body_only = false);
void encode_json(const Shape& shape, const void* value, JsonWriter& json);

/// For clients of the API: a typed value from the JSON of a response.
template <typename T>
Result<T> read_json(const Shape& shape, std::string_view text) {
  T value{};
  Findings findings;
  decode_json(text, shape, &value, false, findings);
  if (findings.fatal) return std::move(*findings.fatal);
  return value;
}

}  // namespace cumulet::wire
