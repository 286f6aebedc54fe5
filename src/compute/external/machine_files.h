#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace cumulet::compute::external {

/// What all microVMs of a server start from: "vmlinux" and "initramfs" in a folder.
struct MachineFiles {
  std::filesystem::path folder;
  std::string kernel;    ///< Its version.
  std::string identity;  ///< Changes with the kernel's file, and with this program.
};

/// Finds a kernel (guest_kernel.h) and makes these files below `state`; the kernel is unpacked once.
Result<MachineFiles> make_machine_files(const std::filesystem::path& state, const std::filesystem::path& kernel);

/// Size and times of a file: another one is another file.
std::string identity_of(const std::filesystem::path& file);

/// The initial file system: process 1, and the modules in the order in which they are to be loaded.
Result<std::string> make_initramfs(std::string_view init, const struct GuestKernel& kernel);

}  // namespace cumulet::compute::external
