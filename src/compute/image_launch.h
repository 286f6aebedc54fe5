#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "compute/engine.h"

/// How a function that is a container image starts.
namespace cumulet::compute {

/// The program and its arguments: entry point and command, the program looked up in the image as a shell would, with
/// this PATH. Fails with Runtime.InvalidEntrypoint or Runtime.InvalidWorkingDir (200: the function's fault).
Result<std::vector<std::string>> image_command(const FunctionImage& image, const std::string& search_path);
/// Absolute, and "/" when the image names none.
std::string image_working_directory(const FunctionImage& image);
/// The names of the external extensions in the image's /opt/extensions, in order.
std::vector<std::string> image_extensions(const FunctionImage& image);

}  // namespace cumulet::compute
