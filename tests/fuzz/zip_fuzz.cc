#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <unistd.h>

#include "services/lambda/unzip.h"

/// Whatever a package contains, nothing appears outside the directory that it is unpacked into.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace fs = std::filesystem;
  static const fs::path folder = fs::temp_directory_path() / ("cumulet-zip-fuzz-" + std::to_string(::getpid()));
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  fs::create_directories(folder / "inside");
  cumulet::lambda::UnzipLimits limits;
  limits.bytes = 1 << 20;
  limits.entries = 100;
  (void)cumulet::lambda::unzip(std::string_view(reinterpret_cast<const char*>(data), size), folder / "inside", limits);
  std::size_t beside = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++beside;
  if (beside != 1) std::abort();
  for (const auto& entry : fs::recursive_directory_iterator(folder / "inside")) {
    if (!entry.is_symlink()) continue;
    const fs::path real = fs::weakly_canonical(entry.path(), ignored);
    if (!ignored && !real.string().starts_with((folder / "inside").string())) std::abort();
  }
  return 0;
}
