#pragma once

#include <string_view>

namespace cumulet::dynamodb {

/// Whether `name` (in any case) may not stand as an attribute name in an expression.
bool is_reserved_word(std::string_view name);

}  // namespace cumulet::dynamodb
