#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/session.h"

namespace cumulet::cli {

/// A function of a template whose code is on this machine.
struct LocalFunction {
  std::string logical_id;
  std::filesystem::path code;  ///< A folder, a file, or an archive.
  std::string name;            ///< Of the function in the cloud.
};

struct Deployment {
  std::filesystem::path file;  ///< The template.
  std::vector<LocalFunction> functions;
};

/// The options of `cumulet deploy`.
std::vector<std::string> deploy_options();
/// Does what `cumulet deploy` does, and says it.
Result<Deployment> deploy_stack(const Arguments& arguments, const Session& session);
/// A package as the cloud wants it: the archive itself, or the folder as one.
Result<std::string> packed(const std::filesystem::path& code);

}  // namespace cumulet::cli
