#pragma once

#include <filesystem>
#include <memory>

#include "base/thread_pool.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace cumulet::storage {

/// The embedded engine: RocksDB in `directory` (made when missing). Recovers after a crash by itself. Fails when
/// another process has it open, when the format version is newer than ours, or when the disk refuses.
Result<std::unique_ptr<Database>> open_rocksdb(const std::filesystem::path& directory, ThreadPool& pool);

/// Keeps everything in memory: for unit tests.
std::unique_ptr<Database> open_memory();

/// Blobs as files below `directory`.
Result<std::unique_ptr<BlobStore>> open_blob_files(const std::filesystem::path& directory, ThreadPool& pool);

}  // namespace cumulet::storage
