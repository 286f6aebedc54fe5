#pragma once

#include <filesystem>
#include <string>

#include "compute/sandbox/system.h"

namespace cumulet::compute::sandbox {

/// Groups are named after the state directory: a server that starts again finds those of its earlier run.
std::string group_name(const std::filesystem::path& state);

/// Makes the state directory and locks it for this server.
Result<Fd> lock_state(const std::filesystem::path& state);

}  // namespace cumulet::compute::sandbox
