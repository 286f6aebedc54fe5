#pragma once

#include <optional>
#include <string>

#include "wire/decoding.h"
#include "wire/schema.h"

namespace cumulet::wire {

/// Every constraint of the model that an input breaks, in AWS's words: "2 validation errors detected: Value null at
/// 'tableName' failed to satisfy constraint: Member must not be null; Value …". Nullopt when it breaks none. Patterns
/// are checked with RE2; one that RE2 does not know (look-ahead) is not checked here.
std::optional<std::string> validate(const Shape& shape, const void* structure, const Findings& findings);

/// Whether every enumerated string inside a value is one of its enumeration.
bool enums_hold(const Shape& shape, const void* value);

}  // namespace cumulet::wire
