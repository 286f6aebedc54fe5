#pragma once

#include <filesystem>
#include <string_view>

#include "compute/sandbox/system.h"

/// The programs that the server carries inside itself for sandboxes that another program builds.
namespace cumulet::compute::external {

/// guest_program.cc.
std::string_view guest_program();

/// machine_program.cc.
std::string_view machine_program();

/// Writes the guest, and the system call filter that it installs, below `state` for sandboxes to be shown; gives the
/// folder.
Result<std::filesystem::path> write_guest(const std::filesystem::path& state);

/// The launcher (launcher_program.cc) as a memory file that can be executed.
Result<sandbox::Fd> launcher_in_memory();

}  // namespace cumulet::compute::external
