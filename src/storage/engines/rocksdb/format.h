#pragma once

#include <cstdint>
#include <string_view>

#include <rocksdb/db.h>

#include "base/result.h"

namespace cumulet::storage {

/// The layout of keys and rows that this release writes. A release that changes it raises the number and adds the step
/// from the one before to the table in format.cc.
inline constexpr std::uint64_t kFormatVersion = 1;

/// Keys below this one are the engine's own. No `Key` is: its first part ends with 0x00 0x01 at the least.
inline constexpr std::string_view kFirstUserKey{"\x00\x01", 2};

/// Writes the version into a new database; migrates an older one step by step; refuses one that is newer than ours.
Result<void> check_format(rocksdb::DB& db);

}  // namespace cumulet::storage
