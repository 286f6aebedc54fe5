#include "compute/external/machine_files.h"

#include <fstream>
#include <iterator>

#include <fmt/core.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/text.h"
#include "compute/external/cpio.h"
#include "compute/external/guest_kernel.h"
#include "compute/external/programs.h"

namespace cumulet::compute::external {

namespace fs = std::filesystem;
using sandbox::kSandboxFailure;

namespace {

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Whole or not at all, and readable for all: QEMU is another user.
Result<void> place_file(const fs::path& path, std::string_view content) {
  const fs::path draft = path.string() + ".new";
  std::ofstream file(draft, std::ios::binary | std::ios::trunc);
  file << content;
  file.close();
  std::error_code problem;
  if (!file.fail()) fs::permissions(draft, fs::perms(0644), problem);
  if (!file.fail() && !problem) fs::rename(draft, path, problem);
  if (file.fail() || problem) return Error(kSandboxFailure, "cannot write " + path.string());
  return {};
}

Result<void> place_kernel(const fs::path& folder, const GuestKernel& kernel, const std::string& identity) {
  const fs::path source = folder / "vmlinux.source";
  if (fs::exists(folder / "vmlinux") && content_of(source) == identity) return {};
  Result<std::string> unpacked = unpack_kernel(content_of(kernel.image));
  if (!unpacked.ok())
    return Error(kSandboxFailure, fmt::format("{}: {}", kernel.image.string(), unpacked.error().message()));
  std::error_code ignored;
  fs::remove(source, ignored);
  if (Result<void> placed = place_file(folder / "vmlinux", *unpacked); !placed.ok()) return placed;
  return place_file(source, identity);
}

}  // namespace

std::string identity_of(const fs::path& file) {
  struct stat about {};
  if (::stat(file.c_str(), &about) != 0) return file.string() + " -";
  return fmt::format("{} {} {}.{} {}", file.string(), about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec,
                     about.st_ino);
}

Result<std::string> make_initramfs(std::string_view init, const GuestKernel& kernel) {
  Result<std::vector<std::pair<std::string, std::string>>> modules = read_modules(kernel);
  if (!modules.ok()) return std::move(modules).error();
  CpioWriter archive;
  for (const char* folder : {"dev", "proc", "root", "groups", "modules"}) archive.add_folder(folder);
  archive.add_character_device("dev/console", 5, 1);
  archive.add_file("init", init, true);
  for (std::size_t i = 0; i < modules->size(); ++i)
    archive.add_file(fmt::format("modules/{:02}-{}", i, (*modules)[i].first), (*modules)[i].second);
  return archive.finish();
}

Result<MachineFiles> make_machine_files(const fs::path& state, const fs::path& kernel_file) {
  Result<GuestKernel> kernel = find_guest_kernel(kernel_file);
  if (!kernel.ok()) return std::move(kernel).error();
  MachineFiles files;
  files.folder = state / "machine";
  files.kernel = kernel->version;
  std::error_code problem;
  fs::create_directories(files.folder, problem);
  if (!problem) fs::permissions(files.folder, fs::perms(0755), problem);
  if (problem)
    return Error(kSandboxFailure, fmt::format("cannot make {}: {}", files.folder.string(), problem.message()));
  const std::string image = identity_of(kernel->image);
  if (Result<void> placed = place_kernel(files.folder, *kernel, image); !placed.ok()) return std::move(placed).error();
  Result<std::string> initramfs = make_initramfs(machine_program(), *kernel);
  if (!initramfs.ok()) return std::move(initramfs).error();
  files.identity = fmt::format("{} {}", image, hex_encode(sha256(*initramfs).substr(0, 16)));
  if (Result<void> placed = place_file(files.folder / "initramfs", *initramfs); !placed.ok())
    return std::move(placed).error();
  return files;
}

}  // namespace cumulet::compute::external
