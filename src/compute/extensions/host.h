#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "compute/sandbox.h"

namespace cumulet::compute {

/// The extension host (host_program.cc) is carried inside the server. This writes it below `state`; gives the folder.
Result<std::filesystem::path> write_extension_host(const std::filesystem::path& state);

/// The names of the external extensions in an /opt: the files of its folder "extensions", in order.
std::vector<std::string> find_extensions(const std::filesystem::path& opt);

/// Lets the host be the sandbox's main process: it starts these extensions, and the sandbox's command when it is told.
void put_host_in_front(SandboxSpec& spec, const std::filesystem::path& host_folder,
                       const std::vector<std::string>& extensions);

}  // namespace cumulet::compute
