#pragma once

#include <string_view>

namespace cumulet::wire {

/// Whether `text` as a whole matches a pattern of the models (Java's dialect). The pattern is compiled at its first use
/// and kept by its address, so it must be a constant. True when RE2 cannot express it. Thread-safe.
bool matches_pattern(const char* pattern, std::string_view text);

}  // namespace cumulet::wire
