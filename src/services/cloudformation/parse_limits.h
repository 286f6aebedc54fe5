#pragma once

#include <cstddef>
#include <string>

#include "base/error.h"

namespace cumulet::cloudformation {

inline constexpr std::size_t kDocumentLimit = 1u << 20;  ///< Bytes: AWS's limit of a template in S3.
inline constexpr std::size_t kDepthLimit = 64;
inline constexpr std::size_t kNodeLimit = 200'000;  ///< After aliases are expanded.

inline Error format_error(std::string why) { return Error("ValidationError", 400, "Template format error: " + why); }
inline Error too_large() {
  return Error("ValidationError", 400, "Template may not exceed 1000000 bytes in size or 64 levels of nesting.");
}

}  // namespace cumulet::cloudformation
