#include "compute/extensions/host.h"

#include <algorithm>
#include <cstring>
#include <fstream>

// The program, as the build made it.
asm(".pushsection .rodata.extension_host, \"a\"\n"
    ".balign 16\n"
    ".global cumulet_extension_host_begin\n"
    ".global cumulet_extension_host_end\n"
    "cumulet_extension_host_begin:\n"
    ".incbin \"" CUMULET_EXTENSION_HOST
    "\"\n"
    "cumulet_extension_host_end:\n"
    ".byte 0\n"
    ".popsection\n");
extern "C" const char cumulet_extension_host_begin[];
extern "C" const char cumulet_extension_host_end[];

namespace cumulet::compute {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "extension-host";
constexpr const char* kInside = "/var/cumulet";
constexpr const char* kName = "host";

}  // namespace

Result<fs::path> write_extension_host(const fs::path& state) {
  const fs::path folder = state / kFolder;
  std::error_code problem;
  fs::remove_all(folder, problem);
  fs::create_directories(folder, problem);
  std::ofstream file(folder / kName, std::ios::binary);
  file.write(cumulet_extension_host_begin, cumulet_extension_host_end - cumulet_extension_host_begin);
  file.close();
  if (!file.fail()) fs::permissions(folder / kName, fs::perms(0755), problem);
  if (!file.fail() && !problem) fs::permissions(folder, fs::perms(0755), problem);
  if (file.fail() || problem) return Error("Sandbox.Failure", 500, "writing " + (folder / kName).string());
  return folder;
}

std::vector<std::string> find_extensions(const fs::path& opt) {
  std::vector<std::string> names;
  if (opt.empty()) return names;
  std::error_code problem;
  for (fs::directory_iterator at(opt / "extensions", problem), end; !problem && at != end; at.increment(problem)) {
    std::error_code unknown;
    if (!at->is_directory(unknown)) names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

void put_host_in_front(SandboxSpec& spec, const fs::path& host_folder, const std::vector<std::string>& extensions) {
  std::vector<std::string> command{std::string(kInside) + "/" + kName, std::to_string(extensions.size())};
  for (const std::string& name : extensions) command.push_back("/opt/extensions/" + name);
  for (std::string& word : spec.command) command.push_back(std::move(word));
  spec.command = std::move(command);
  spec.mounts.emplace_back(host_folder, kInside);
}

}  // namespace cumulet::compute
