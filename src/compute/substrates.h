#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "compute/sandbox.h"

/// The substrates that there are, by name: "process" (the process sandbox, the default), "oci:NAME" (an OCI runtime:
/// crun, runc, runsc, kata-runtime, or the path of one) and "microvm" (a virtual machine of QEMU's).
namespace cumulet::compute {

struct SubstrateOptions {
  std::filesystem::path state;                ///< A directory for all of them.
  std::vector<std::string> names{"process"};  ///< What sandboxes may be built by; the first one unless they say.
  std::filesystem::path microvm_kernel;       ///< Empty: the newest in /boot.
};

/// Whether this is the name of a substrate at all.
bool is_substrate(const std::string& name);

/// One substrate that hands each start to the one that the specification names. Fails when one of them cannot work
/// here, saying what is missing.
Result<std::unique_ptr<Substrate>> make_substrates(const SubstrateOptions& options);

/// Which of all substrates could be used here, and why not; for `cumulet doctor`. Builds a sandbox with each that looks
/// usable. Blocks.
std::vector<Finding> examine_substrates(const SubstrateOptions& options);

}  // namespace cumulet::compute
