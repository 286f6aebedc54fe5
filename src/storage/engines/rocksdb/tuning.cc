#include "storage/engines/rocksdb/tuning.h"

#include <algorithm>

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

namespace cumulet::storage {
namespace {

constexpr std::size_t kMiB = 1u << 20;

/// RocksDB's own log would be a file that nobody reads; what matters comes back as a status.
class NoLog final : public rocksdb::Logger {
 public:
  NoLog() : Logger(rocksdb::InfoLogLevel::FATAL_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
};

rocksdb::CompressionType best_compression() {
  const std::vector<rocksdb::CompressionType> known = rocksdb::GetSupportedCompressions();
  for (const rocksdb::CompressionType wanted : {rocksdb::kLZ4Compression, rocksdb::kSnappyCompression}) {
    if (std::find(known.begin(), known.end(), wanted) != known.end()) return wanted;
  }
  return rocksdb::kNoCompression;
}

/// Indexes and filters are in the cache too, instead of growing with the data, and in blocks as small as those of data:
/// the index and the filter of a whole file are a megabyte, which one read of a large table would bring in and the next
/// one push out.
rocksdb::BlockBasedTableOptions table_options(std::shared_ptr<rocksdb::Cache> cache) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = std::move(cache);
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.cache_index_and_filter_blocks = true;
  table.cache_index_and_filter_blocks_with_high_priority = true;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.partition_filters = true;
  table.index_block_restart_interval = 16;  // Keys begin alike: service, account, region, table.
  table.format_version = 5;
  return table;
}

}  // namespace

rocksdb::Options tuned_options(rocksdb::Env* env, std::size_t memory) {
  const std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(memory, /*num_shard_bits=*/2);
  rocksdb::Options options;
  if (env) options.env = env;
  options.create_if_missing = true;
  options.info_log = std::make_shared<NoLog>();
  options.stats_dump_period_sec = 0;  // No thread that wakes while nothing happens.
  options.stats_persist_period_sec = 0;

  options.write_buffer_size = std::clamp(memory / 8, 4 * kMiB, 64 * kMiB);
  options.max_write_buffer_number = 3;
  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(memory / 2, cache);
  options.arena_block_size = kMiB / 4;
  options.max_total_wal_size = 3 * options.write_buffer_size;
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.memtable_whole_key_filtering = true;
  options.allow_concurrent_memtable_write = false;
  options.enable_write_thread_adaptive_yield = false;

  // More than one compaction runs only when writes come faster than one can merge them. Then the small ones, which keep
  // writers from waiting, must not wait for a large one.
  options.max_background_jobs = 3;  // One flush, two compactions.
  options.bytes_per_sync = kMiB;    // So that the log's sync does not find a large new file to be written before it.
  options.target_file_size_base = 64 * kMiB;
  options.max_bytes_for_level_base = 128 * kMiB;
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = best_compression();
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(cache)));

  options.max_open_files = 512;
  options.avoid_unnecessary_blocking_io = true;  // Old files are deleted behind the start.
  options.max_file_opening_threads = 1;
  options.skip_stats_update_on_db_open = true;
  options.skip_checking_sst_file_sizes_on_db_open = true;
  options.avoid_flush_during_recovery = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;  // A torn tail was never acknowledged.
  return options;
}

}  // namespace cumulet::storage
