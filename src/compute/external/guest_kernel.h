#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

/// The kernel of microVMs: one of the host's, with those of its modules that a guest needs.
namespace cumulet::compute::external {

struct GuestKernel {
  std::filesystem::path image;    ///< As it lies in /boot.
  std::string version;            ///< As `uname -r` says it.
  std::filesystem::path modules;  ///< /lib/modules/VERSION.
};

/// What is named in an image's header (x86 boot protocol), or in an unpacked kernel; empty when it is neither.
std::string kernel_version(std::string_view image);

/// The ELF file in an image: QEMU starts that, and unpacks nothing itself.
Result<std::string> unpack_kernel(std::string_view image);

/// The name and content of the modules that a guest needs, unpacked, each after those it needs itself. What is built
/// into the kernel is left out. Fails, with its name, when one is missing.
Result<std::vector<std::pair<std::string, std::string>>> read_modules(const GuestKernel& kernel);

/// The kernel at `configured`, whose modules lie in ../lib/modules beside it or in /lib/modules; or, when that is
/// empty, the newest in /boot that has its modules. Fails saying what to install.
Result<GuestKernel> find_guest_kernel(const std::filesystem::path& configured);

}  // namespace cumulet::compute::external
