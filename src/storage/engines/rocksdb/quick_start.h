#pragma once

#include <memory>

#include <rocksdb/env.h>

namespace cumulet::storage {

/// The file system, except that RocksDB's OPTIONS files are not synced. They are written at each start, cost two syncs,
/// and only tools of RocksDB's own read them.
std::shared_ptr<rocksdb::Env> make_quick_start_env();

}  // namespace cumulet::storage
