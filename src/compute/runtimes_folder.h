#pragma once

#include <filesystem>

namespace cumulet::compute {

/// Where the runtime clients are: beside the binary when installed, in the source tree when run from its build
/// directory.
std::filesystem::path find_runtimes_folder();

}  // namespace cumulet::compute
