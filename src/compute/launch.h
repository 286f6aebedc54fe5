#pragma once

#include "compute/cell.h"

/// How a function version becomes a sandbox.
namespace cumulet::compute {

/// What a sandbox is made of, without its command and variables: `task` is shown at /var/task, `client` (if there is
/// one) at /var/runtime.
SandboxSpec empty_spec(const EngineParts& parts, const FunctionVersion& version, const RuntimeChoice& choice,
                       const std::filesystem::path& task, const std::filesystem::path& client);
/// The same with the command of a managed runtime.
SandboxSpec managed_spec(const EngineParts& parts, const FunctionVersion& version, const RuntimeChoice& choice,
                         const std::filesystem::path& task, const std::filesystem::path& client);
struct VersionLaunch {
  SandboxSpec sandbox;
  std::string program;                  ///< The runtime's, or what begins it.
  std::vector<std::string> extensions;  ///< Names of the external extensions; they are started before the runtime.
};
/// The whole of it for a version. Fails with Runtime.InvalidEntrypoint or Extension.LaunchError (200: the function's
/// fault), and with what merging layers or fetching credentials fails with.
Task<VersionLaunch> version_launch(EngineParts& parts, std::shared_ptr<const FunctionVersion> version,
                                   RuntimeChoice choice, std::string log_stream);

}  // namespace cumulet::compute
