#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "compute/external/attendant.h"
#include "compute/sandbox.h"
#include "compute/sandbox/mounts.h"

/// Sandboxes that another program builds. What they are built of (control groups,
/// a network namespace with our listening sockets in it, the file system) and how they end is the same as for the
/// process sandbox, made by the same parts; the program puts its own walls inside these.
namespace cumulet::compute::external {

/// The users of the host that a sandbox is: the second is the function's.
struct Users {
  std::uint32_t root = 0;
  std::uint32_t function = 0;
};

/// How a kind of program is told to build a sandbox.
class Recipe {
 public:
  virtual ~Recipe() = default;
  /// The command, the files and further mounts of a launch. `root` is shown at "rootfs", and has what `spec` mounts.
  virtual Result<void> write(const SandboxSpec& spec, const Users& users, sandbox::RootTree& root, Launch& launch) = 0;
  /// What the program needs for itself, beside the function's memory.
  virtual std::uint32_t overhead_mib(const SandboxSpec& spec) const = 0;
  virtual std::chrono::seconds start_limit() const = 0;
  /// The sandbox has a kernel of its own: that knows what memory the programs use, and has a clock that must be set.
  virtual bool has_kernel() const { return false; }
  virtual SubstrateTraits traits() const { return {}; }
};

/// `state` is a directory of its own; leftovers of an earlier run are removed. Needs root.
Result<std::unique_ptr<Substrate>> make_external_substrate(const std::filesystem::path& state,
                                                           std::unique_ptr<Recipe> recipe);

}  // namespace cumulet::compute::external
