#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace cumulet::lambda {

struct UnzipLimits {
  std::uint64_t bytes = 262144000;  ///< Of all files together, counted while they are written.
  std::uint64_t entries = 100'000;
  std::size_t name_length = 1024;
};

/// Unpacks a zip from memory into a directory that exists and is empty, and gives the bytes written. Nothing is written
/// outside: names must be relative without "..", links must lead to places inside, and are made last, so that nothing
/// is ever written through one. Only files, folders and links are allowed; files come out as 0644, or 0755 when
/// executable. Fails with InvalidParameterValueException.
Result<std::uint64_t> unzip(std::string_view zip, const std::filesystem::path& directory,
                            const UnzipLimits& limits = {});

}  // namespace cumulet::lambda
