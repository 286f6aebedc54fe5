#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include <rocksdb/db.h>

#include "base/thread_pool.h"
#include "storage/database.h"
#include "storage/engines/rocksdb/gate.h"
#include "storage/open.h"

namespace cumulet::storage {

/// How much memory, and what a test may put in the engine's way.
struct RocksOptions {
  std::size_t memory_bytes = kStoreMemory;
  rocksdb::Env* env = nullptr;                 ///< Instead of the real file system.
  std::uint64_t reserved_bytes = 32ull << 20;  ///< Below this much free space, writes are refused.
  std::size_t history_bytes = 64u << 20;       ///< What recent commits may hold for transactions that take long.
};

/// RocksDB behind the output gate. Only the committer thread writes to it, and who discards rows.
class RocksEngine final : public Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::filesystem::path& directory, ThreadPool& pool,
                                                RocksOptions options);
  RocksEngine(std::shared_ptr<rocksdb::Env> env, std::unique_ptr<rocksdb::DB> db, std::filesystem::path directory,
              ThreadPool& pool, RocksOptions options);
  /// Writes what is queued, then closes.
  ~RocksEngine() override;

  std::unique_ptr<Transaction> begin() override;
  Task<void> discard(KeyRange range) override;
  DatabaseStats stats() const override;
  void on_commit(std::string prefix, std::function<void(std::string_view)> wake) override;

  rocksdb::DB& db() { return *db_; }
  Gate& gate() { return *gate_; }
  ThreadPool& pool() { return pool_; }

 private:
  void flush_for_quick_start();
  void commit_groups();
  rocksdb::Status write(const std::vector<CommitPtr>& group);
  bool has_room() const;
  DurablePtr durable_state(Sequence sequence);

  std::filesystem::path directory_;
  RocksOptions options_;
  ThreadPool& pool_;
  std::shared_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
  std::shared_ptr<Gate> gate_;
  bool refused_ = false;  ///< The last group was; the committer's own.
  std::thread committer_;
};

}  // namespace cumulet::storage
