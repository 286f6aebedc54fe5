#include "compute/external/guest_kernel.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include <fmt/core.h>

#include "base/text.h"
#include "compute/external/unpack.h"
#include "compute/sandbox/system.h"

namespace cumulet::compute::external {

namespace fs = std::filesystem;
using sandbox::kSandboxFailure;

namespace {

/// What machine_program.cc needs: the devices of QEMU's machine, and its root directory's file system.
constexpr const char* kWantedModules[] = {"virtio_mmio", "virtio_console", "virtio_net", "9pnet_virtio", "9p"};

// Offsets in an image's header: Documentation/x86/boot.rst.
constexpr std::size_t kSetupSectors = 0x1f1;
constexpr std::size_t kMagic = 0x202;
constexpr std::size_t kVersionPointer = 0x20e;
constexpr std::size_t kPayloadOffset = 0x248;
constexpr std::size_t kPayloadLength = 0x24c;
constexpr std::size_t kHeader = 0x250;
constexpr std::string_view kElf =
    "\x7f"
    "ELF";
constexpr std::string_view kBanner = "Linux version ";

template <typename Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number{};
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

bool is_image(std::string_view image) { return image.size() > kHeader && image.substr(kMagic).starts_with("HdrS"); }

std::string first_word(std::string_view text) {
  return std::string(text.substr(0, text.find_first_of(std::string_view(" \0\n", 3))));
}

Result<std::string> read_whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return Error(kSandboxFailure, fmt::format("cannot read {}", path.string()));
  return content;
}

/// A module is called by one name, though its file may be named with dashes.
std::string module_name(std::string name) {
  name.resize(std::min(name.size(), name.find(".ko")));
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

/// "depends=a,b" in the module's .modinfo.
std::vector<std::string> needs_of(std::string_view module) {
  using namespace std::string_view_literals;
  constexpr std::string_view kKey = "\0depends="sv;
  const std::size_t at = module.find(kKey);
  std::vector<std::string> names;
  if (at == std::string_view::npos) return names;
  const std::string_view list = module.substr(at + kKey.size());
  for (const std::string_view name : split(list.substr(0, list.find('\0')), ','))
    if (!name.empty()) names.push_back(module_name(std::string(name)));
  return names;
}

class ModuleReader {
 public:
  explicit ModuleReader(const GuestKernel& kernel) : kernel_(kernel) {
    std::error_code problem;
    for (fs::recursive_directory_iterator at(kernel.modules / "kernel", problem), end; !problem && at != end;
         at.increment(problem)) {
      const std::string name = at->path().filename();
      if (name.find(".ko") != std::string::npos) files_.emplace(module_name(name), at->path());
    }
    std::ifstream list(kernel.modules / "modules.builtin");
    for (std::string line; std::getline(list, line);) built_in_.insert(module_name(fs::path(line).filename()));
  }

  Result<void> add(const std::string& name) {
    if (built_in_.contains(name) || !added_.insert(name).second) return {};
    const auto file = files_.find(name);
    if (file == files_.end())
      return Error(kSandboxFailure, fmt::format("the kernel {} has no module {}", kernel_.version, name));
    Result<std::string> packed = read_whole(file->second);
    if (!packed.ok()) return std::move(packed).error();
    Result<std::string> module = unpack(*packed);
    if (!module.ok())
      return Error(kSandboxFailure, fmt::format("{}: {}", file->second.string(), module.error().message()));
    for (const std::string& need : needs_of(*module))
      if (Result<void> needed = add(need); !needed.ok()) return needed;
    modules_.emplace_back(name, std::move(*module));
    return {};
  }

  std::vector<std::pair<std::string, std::string>> take() { return std::move(modules_); }

 private:
  const GuestKernel& kernel_;
  std::map<std::string, fs::path> files_;
  std::set<std::string> built_in_;
  std::set<std::string> added_;
  std::vector<std::pair<std::string, std::string>> modules_;
};

Result<GuestKernel> examine_kernel(const fs::path& image) {
  Result<std::string> content = read_whole(image);
  if (!content.ok()) return std::move(content).error();
  GuestKernel kernel;
  kernel.image = image;
  kernel.version = kernel_version(*content);
  if (kernel.version.empty() || kernel.version.find('/') != std::string::npos)
    return Error(kSandboxFailure, fmt::format("{} is no kernel for x86-64", image.string()));
  const fs::path beside = fs::absolute(image).parent_path().parent_path() / "lib/modules" / kernel.version;
  kernel.modules = fs::is_directory(beside) ? beside : fs::path("/lib/modules") / kernel.version;
  if (!fs::is_directory(kernel.modules))
    return Error(kSandboxFailure, fmt::format("the modules of {} are not there ({})", image.string(), beside.string()));
  return kernel;
}

}  // namespace

std::string kernel_version(std::string_view image) {
  if (is_image(image)) {
    const std::size_t at = number_at<std::uint16_t>(image, kVersionPointer) + std::size_t{0x200};
    return at < image.size() ? first_word(image.substr(at)) : std::string();
  }
  const std::size_t banner = image.starts_with(kElf) ? image.find(kBanner) : std::string_view::npos;
  return banner == std::string_view::npos ? std::string() : first_word(image.substr(banner + kBanner.size()));
}

Result<std::string> unpack_kernel(std::string_view image) {
  if (image.starts_with(kElf)) return std::string(image);
  if (!is_image(image)) return Error(kSandboxFailure, "it is no kernel for x86-64");
  const std::size_t sectors = number_at<std::uint8_t>(image, kSetupSectors);
  const std::size_t begin = ((sectors == 0 ? 4 : sectors) + 1) * 512 + number_at<std::uint32_t>(image, kPayloadOffset);
  const std::size_t length = number_at<std::uint32_t>(image, kPayloadLength);
  if (begin > image.size() || length > image.size() - begin) return Error(kSandboxFailure, "it is cut off");
  Result<std::string> kernel = unpack(image.substr(begin, length));
  if (kernel.ok() && !kernel->starts_with(kElf))
    return Error(kSandboxFailure, "it is packed neither by xz nor by zstd nor by gzip");
  return kernel;
}

Result<std::vector<std::pair<std::string, std::string>>> read_modules(const GuestKernel& kernel) {
  ModuleReader reader(kernel);
  for (const char* name : kWantedModules)
    if (Result<void> added = reader.add(name); !added.ok()) return std::move(added).error();
  return reader.take();
}

Result<GuestKernel> find_guest_kernel(const fs::path& configured) {
  if (!configured.empty()) return examine_kernel(configured);
  std::vector<std::string> images;
  std::error_code problem;
  for (const fs::directory_entry& entry : fs::directory_iterator("/boot", problem))
    if (entry.path().filename().string().starts_with("vmlinuz-")) images.push_back(entry.path());
  std::sort(images.begin(), images.end(),
            [](const std::string& a, const std::string& b) { return ::strverscmp(a.c_str(), b.c_str()) > 0; });
  Error why(kSandboxFailure,
            "there is no kernel in /boot: install linux-image-amd64, or name one with --microvm-kernel");
  for (const std::string& image : images) {
    Result<GuestKernel> kernel = examine_kernel(image);
    if (!kernel.ok()) {
      why = std::move(kernel).error();
      continue;
    }
    const Result<std::vector<std::pair<std::string, std::string>>> modules = read_modules(*kernel);
    if (modules.ok()) return kernel;
    why = modules.error();
  }
  return why;
}

}  // namespace cumulet::compute::external
