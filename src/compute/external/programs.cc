#include "compute/external/programs.h"

#include <fstream>

#include "compute/external/launch_protocol.h"
#include "compute/sandbox/program_in_memory.h"
#include "compute/sandbox/seccomp.h"

// The programs, as the build made them.
asm(".pushsection .rodata.external_programs, \"a\"\n"
    ".balign 16\n"
    ".global cumulet_guest_begin\n"
    ".global cumulet_guest_end\n"
    "cumulet_guest_begin:\n"
    ".incbin \"" CUMULET_GUEST
    "\"\n"
    "cumulet_guest_end:\n"
    ".byte 0\n"
    ".global cumulet_launcher_begin\n"
    ".global cumulet_launcher_end\n"
    "cumulet_launcher_begin:\n"
    ".incbin \"" CUMULET_LAUNCHER
    "\"\n"
    "cumulet_launcher_end:\n"
    ".byte 0\n"
    ".global cumulet_machine_begin\n"
    ".global cumulet_machine_end\n"
    "cumulet_machine_begin:\n"
    ".incbin \"" CUMULET_MACHINE
    "\"\n"
    "cumulet_machine_end:\n"
    ".byte 0\n"
    ".popsection\n");
extern "C" const char cumulet_guest_begin[];
extern "C" const char cumulet_guest_end[];
extern "C" const char cumulet_launcher_begin[];
extern "C" const char cumulet_launcher_end[];
extern "C" const char cumulet_machine_begin[];
extern "C" const char cumulet_machine_end[];

namespace cumulet::compute::external {

namespace fs = std::filesystem;

std::string_view guest_program() {
  return {cumulet_guest_begin, static_cast<std::size_t>(cumulet_guest_end - cumulet_guest_begin)};
}

std::string_view machine_program() {
  return {cumulet_machine_begin, static_cast<std::size_t>(cumulet_machine_end - cumulet_machine_begin)};
}

Result<fs::path> write_guest(const fs::path& state) {
  const fs::path folder = state / "guest";
  std::error_code problem;
  fs::remove_all(folder, problem);
  fs::create_directories(folder, problem);
  std::ofstream file(folder / kGuestName, std::ios::binary);
  file << guest_program();
  file.close();
  Result<std::string> filter = sandbox::build_filter();
  if (!filter.ok()) return std::move(filter).error();
  std::ofstream rules(folder / kGuestFilter, std::ios::binary);
  rules << *filter;
  rules.close();
  if (!rules.fail()) fs::permissions(folder / kGuestFilter, fs::perms(0644), problem);
  if (rules.fail()) return Error(sandbox::kSandboxFailure, "cannot write " + (folder / kGuestFilter).string());
  if (!file.fail()) fs::permissions(folder / kGuestName, fs::perms(0755), problem);
  if (!file.fail() && !problem) fs::permissions(folder, fs::perms(0755), problem);
  if (file.fail() || problem) return Error(sandbox::kSandboxFailure, "cannot write " + (folder / kGuestName).string());
  return folder;
}

Result<sandbox::Fd> launcher_in_memory() {
  const auto size = static_cast<std::size_t>(cumulet_launcher_end - cumulet_launcher_begin);
  return sandbox::program_in_memory("cumulet-launcher", std::string_view(cumulet_launcher_begin, size));
}

}  // namespace cumulet::compute::external
