#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "base/thread_pool.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace cumulet::storage {

/// What the embedded engine may hold in memory, unless it is told otherwise: blocks of its files, with what finds
/// things in them, and writes that are in no file yet. However much data there is.
inline constexpr std::size_t kStoreMemory = 128u << 20;

/// The embedded engine: RocksDB in `directory` (made when missing). Recovers after a crash by itself. Fails when
/// another process has it open, when the format version is newer than ours, or when the disk refuses.
Result<std::unique_ptr<Database>> open_rocksdb(const std::filesystem::path& directory, ThreadPool& pool,
                                               std::size_t memory = kStoreMemory);

/// Keeps everything in memory: for unit tests.
std::unique_ptr<Database> open_memory();

/// Blobs as files below `directory`.
Result<std::unique_ptr<BlobStore>> open_blob_files(const std::filesystem::path& directory, ThreadPool& pool);

}  // namespace cumulet::storage
