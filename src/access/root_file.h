#pragma once

#include <filesystem>

#include "access/credential_store.h"

namespace cumulet::access {

/// Writes the root file: complete or not at all, readable by its owner only.
Result<void> write_root_file(const std::filesystem::path& file, const RootCredentials& root);

}  // namespace cumulet::access
