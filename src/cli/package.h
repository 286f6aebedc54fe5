#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace cumulet::cli {

/// A file or a folder as a zip archive in memory. The same content gives the same bytes: entries are sorted and carry a
/// fixed time, so that unchanged code is not uploaded again. `.git`, `__pycache__` and symbolic links that lead outside
/// the folder are left out; the executable bit is kept. At most 250 MiB.
Result<std::string> zip_folder(const std::filesystem::path& path);

}  // namespace cumulet::cli
