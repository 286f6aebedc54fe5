#include "compute/runtimes_folder.h"

#include <system_error>

namespace cumulet::compute {

std::filesystem::path find_runtimes_folder() {
  std::error_code failed;
  const std::filesystem::path binary = std::filesystem::read_symlink("/proc/self/exe", failed);
  for (std::filesystem::path at = binary.parent_path(); !failed && at.has_relative_path(); at = at.parent_path()) {
    for (const char* place : {"runtimes", "share/cumulet/runtimes"}) {
      if (std::filesystem::is_directory(at / place / "python")) return at / place;
    }
  }
  return "/usr/share/cumulet/runtimes";
}

}  // namespace cumulet::compute
