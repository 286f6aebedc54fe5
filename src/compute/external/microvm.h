#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compute/external/external_substrate.h"

/// Sandboxes that are virtual machines: QEMU's machine "microvm", with a kernel of the host's and a root directory that
/// the host exports. QEMU stands where the OCI runtime stands; what a runtime does inside the sandbox is done by
/// process 1 of the machine (machine_program.cc).
namespace cumulet::compute::external {

enum class Accelerator { kKvm, kEmulation };

/// QEMU's command line. `clock_khz`: what the processor's time stamps count, which an emulated machine cannot measure.
std::vector<std::string> machine_command(const std::string& qemu, const SandboxSpec& spec, Accelerator accelerator,
                                         std::uint64_t clock_khz);
/// The machine's memory: the function's, its /tmp, and what the kernel takes.
std::uint32_t machine_memory_mib(const SandboxSpec& spec);
/// What the machine is told to run (machine_protocol.h). Fails when it is too much.
Result<std::string> machine_order(const SandboxSpec& spec);

/// The program; empty when it is not installed.
std::filesystem::path find_qemu();

struct Microvm {
  std::unique_ptr<Substrate> substrate;
  std::string detail;  ///< The kernel and the accelerator, and why not the better one.
};

/// A substrate that has been tried with `try_out`: with KVM, else by emulation, else it fails and says why. What came
/// of it is remembered in `state` for as long as QEMU and the kernel stay the same. `kernel`: see find_guest_kernel().
Result<Microvm> make_microvm(const std::filesystem::path& state, const std::filesystem::path& kernel,
                             const std::function<Result<void>(Substrate&)>& try_out);

}  // namespace cumulet::compute::external
