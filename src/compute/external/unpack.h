#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cumulet::compute::external {

/// What xz, zstd or gzip has packed, recognised by its first bytes; anything else as it is. What follows the packed
/// stream is left out. For files of the host's own kernel: at most 512 MiB come out.
Result<std::string> unpack(std::string_view bytes);

}  // namespace cumulet::compute::external
