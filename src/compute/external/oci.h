#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "compute/external/external_substrate.h"

namespace cumulet::compute::external {

/// The program of an OCI runtime (crun, runc, runsc, kata-runtime, or a path): empty when it is not there.
std::filesystem::path find_program(const std::string& name);

/// Sandboxes built by an OCI runtime: each launch gets a bundle, and runs it in the foreground.
Result<std::unique_ptr<Recipe>> make_oci_recipe(const std::string& runtime);

/// The bundle's config.json. System calls are filtered by the guest, with the filter of the process sandbox.
std::string oci_configuration(const SandboxSpec& spec, const Users& users);

}  // namespace cumulet::compute::external
