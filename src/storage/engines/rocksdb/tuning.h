#pragma once

#include <cstddef>

#include <rocksdb/options.h>

namespace cumulet::storage {

/// RocksDB's options for one writer thread, little memory when idle, at most `memory` bytes of it (writes that are in
/// no file yet count as cached blocks do), and a fast start. `env` may be null.
rocksdb::Options tuned_options(rocksdb::Env* env, std::size_t memory);

}  // namespace cumulet::storage
