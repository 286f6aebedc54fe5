#pragma once

#include <filesystem>
#include <string>

#include "cli/upload.h"

namespace cumulet::cli {

/// Uploads every file of a folder under its path, with the content type of its name, and `outputs` as outputs.json.
/// Gives the number of files.
Result<std::size_t> upload_site(Uploader& uploader, const std::string& bucket, const std::filesystem::path& folder,
                                const std::string& outputs);

}  // namespace cumulet::cli
