#pragma once

#include <rocksdb/options.h>

namespace cumulet::storage {

/// RocksDB's options for one writer thread, little memory when idle, and a fast start. `env` may be null.
rocksdb::Options tuned_options(rocksdb::Env* env);

}  // namespace cumulet::storage
