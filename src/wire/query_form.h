#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wire/decoding.h"
#include "wire/schema.h"

/// The query protocol's form: "Tags.member.1.Key=stage&…".
namespace cumulet::wire {

using FormFields = std::vector<std::pair<std::string, std::string>>;

/// Decodes a form (or a query string). False when it has a broken escape, is not UTF-8 or has more than 20,000 fields.
bool parse_form(std::string_view text, FormFields& fields);

/// Fills `structure` from form fields. Unknown fields are ignored; findings.fatal is MalformedInput.
void decode_form(const FormFields& fields, const Shape& shape, void* structure, Findings& findings);

}  // namespace cumulet::wire
