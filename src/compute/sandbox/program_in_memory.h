#pragma once

#include <string>
#include <string_view>

#include <sys/types.h>

#include "compute/sandbox/system.h"

/// Programs that the server carries inside itself and runs beside itself: the warden, the launcher of OCI runtimes.
namespace cumulet::compute::sandbox {

/// The program as a memory file that can be executed and not be changed any more. `name` stands in errors.
Result<Fd> program_in_memory(const std::string& name, std::string_view bytes);

/// Runs it in a session of its own: nothing in its environment, /dev/null as its standard streams, no signal handled or
/// blocked, and `socket` at the descriptor `at`.
Result<pid_t> run_program(std::string name, const Fd& program, const Fd& socket, int at);

}  // namespace cumulet::compute::sandbox
