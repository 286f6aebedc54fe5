#include "storage/engines/rocksdb/engine.h"

#include <fmt/format.h>
#include <pthread.h>
#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "base/metrics.h"
#include "storage/engines/rocksdb/format.h"
#include "storage/engines/rocksdb/quick_start.h"
#include "storage/engines/rocksdb/transaction.h"
#include "storage/engines/rocksdb/tuning.h"
#include "storage/open.h"

namespace cumulet::storage {
namespace {

constexpr std::size_t kGroupBytes = 8u << 20;
/// Less than this in the memtable is replayed from the log at the next start faster than flushed now.
constexpr std::uint64_t kFlushAtClose = 1u << 20;
/// Each start without a flush leaves a log file behind.
constexpr std::size_t kLogsAtClose = 4;

Error cannot_open(const std::filesystem::path& directory, const rocksdb::Status& status) {
  const std::string text = status.ToString();
  if (text.find("LOCK") != std::string::npos || text.find("lock ") != std::string::npos) {
    return Error(errors::kServiceUnavailable,
                 fmt::format("The data directory {} is already in use by another process.", directory.string()));
  }
  return Error(errors::kServiceUnavailable,
               fmt::format("The database in {} cannot be opened: {}", directory.string(), text));
}

}  // namespace

Result<std::unique_ptr<Database>> open_rocksdb(const std::filesystem::path& directory, ThreadPool& pool,
                                               std::size_t memory) {
  RocksOptions options;
  options.memory_bytes = memory;
  return RocksEngine::open(directory, pool, options);
}

Result<std::unique_ptr<Database>> RocksEngine::open(const std::filesystem::path& directory, ThreadPool& pool,
                                                    RocksOptions options) {
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) {
    return Error(errors::kServiceUnavailable,
                 fmt::format("The data directory {} cannot be made: {}", directory.string(), failed.message()));
  }
  const std::shared_ptr<rocksdb::Env> env = options.env ? nullptr : make_quick_start_env();
  rocksdb::DB* opened = nullptr;
  const rocksdb::Options tuned = tuned_options(env ? env.get() : options.env, options.memory_bytes);
  const rocksdb::Status status = rocksdb::DB::Open(tuned, directory.string(), &opened);
  std::unique_ptr<rocksdb::DB> db(opened);
  if (!status.ok()) return cannot_open(directory, status);
  if (Result<void> format = check_format(*db); !format.ok()) return std::move(format).error();
  return std::unique_ptr<Database>(std::make_unique<RocksEngine>(env, std::move(db), directory, pool, options));
}

RocksEngine::RocksEngine(std::shared_ptr<rocksdb::Env> env, std::unique_ptr<rocksdb::DB> db,
                         std::filesystem::path directory, ThreadPool& pool, RocksOptions options)
    : directory_(std::move(directory)), options_(options), pool_(pool), env_(std::move(env)), db_(std::move(db)) {
  // RocksDB counts every row ever written, so at least every commit.
  gate_ = std::make_shared<Gate>(durable_state(0), options_.history_bytes, db_->GetLatestSequenceNumber());
  committer_ = std::thread([this] { commit_groups(); });
  pthread_setname_np(committer_.native_handle(), "committer");
}

RocksEngine::~RocksEngine() {
  gate_->close();
  committer_.join();
  gate_->release();
  flush_for_quick_start();
  const rocksdb::Status closed = db_->Close();
  if (!closed.ok()) log::warning("closing the database failed", {{"error", closed.ToString()}});
}

/// So that the next start has little to replay.
void RocksEngine::flush_for_quick_start() {
  std::uint64_t in_memory = 0;
  rocksdb::VectorLogPtr logs;
  db_->GetIntProperty(rocksdb::DB::Properties::kCurSizeActiveMemTable, &in_memory);
  (void)db_->GetSortedWalFiles(logs);
  if (in_memory < kFlushAtClose && logs.size() < kLogsAtClose) return;
  const rocksdb::Status flushed = db_->Flush(rocksdb::FlushOptions());
  if (flushed.ok()) return;
  log::warning("flush at close failed; the log is replayed at the next start", {{"error", flushed.ToString()}});
}

std::unique_ptr<Transaction> RocksEngine::begin() { return std::make_unique<RocksTransaction>(*this); }

Task<void> RocksEngine::discard(KeyRange range) {
  const auto erase = [this, &range]() -> Result<void> {
    const rocksdb::Status status =
        db_->DeleteRange(rocksdb::WriteOptions(), db_->DefaultColumnFamily(), range.begin, range.end);
    if (status.ok()) return {};
    log::warning("discarding rows failed", {{"error", status.ToString()}});
    return Error(errors::kServiceUnavailable,
                 "The store cannot write to its disk at the moment. Please try again later.");
  };
  co_await blocking(pool_, erase);
}

DatabaseStats RocksEngine::stats() const {
  DatabaseStats stats = gate_->stats();
  std::uint64_t bytes = 0;
  if (db_->GetIntProperty(rocksdb::DB::Properties::kTotalSstFilesSize, &bytes)) stats.bytes_on_disk += bytes;
  if (db_->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes)) stats.bytes_on_disk += bytes;
  return stats;
}

void RocksEngine::on_commit(std::string prefix, std::function<void(std::string_view)> wake) {
  gate_->on_commit(std::move(prefix), std::move(wake));
}

DurablePtr RocksEngine::durable_state(Sequence sequence) {
  rocksdb::DB* db = db_.get();
  const std::shared_ptr<const rocksdb::Snapshot> snapshot(
      db->GetSnapshot(), [db](const rocksdb::Snapshot* taken) { db->ReleaseSnapshot(taken); });
  return std::make_shared<const DurableState>(sequence, snapshot);
}

void RocksEngine::commit_groups() {
  Counter& commits = Metrics::instance().counter("cumulet_storage_commits_total");
  Histogram& sync_time = Metrics::instance().histogram("cumulet_storage_sync_seconds");
  while (true) {
    const std::vector<CommitPtr> group = gate_->next_group(kGroupBytes);
    if (group.empty()) return;
    const SteadyTime began = std::chrono::steady_clock::now();
    const rocksdb::Status status = write(group);
    if (status.ok()) {
      sync_time.observe(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
      commits.add(group.size());
      if (std::exchange(refused_, false))
        log::info("the disk takes writes again", {{"directory", directory_.string()}});
      gate_->group_durable(durable_state(group.back()->sequence));
      continue;
    }
    if (!std::exchange(refused_, true)) {
      log::error("the disk refuses writes", {{"directory", directory_.string()}, {"error", status.ToString()}});
    }
    gate_->group_refused();
  }
}

rocksdb::Status RocksEngine::write(const std::vector<CommitPtr>& group) {
  if (!has_room()) return rocksdb::Status::NoSpace("less free space than the reserve");
  if (refused_) {
    // RocksDB stays read-only after an error until it is told to go on. It then starts a new log, so that what failed
    // in the old one can never come back.
    const rocksdb::Status resumed = db_->Resume();
    if (!resumed.ok()) return resumed;
  }
  rocksdb::WriteBatch batch;
  for (const CommitPtr& commit : group) {
    for (const Write& write : commit->writes) {
      const rocksdb::Status added = write.value ? batch.Put(write.key, *write.value) : batch.Delete(write.key);
      if (!added.ok()) return added;
    }
  }
  rocksdb::WriteOptions options;
  options.sync = true;
  return db_->Write(options, &batch);
}

/// Room is kept for what RocksDB itself must write to go on (a flush, a manifest), so that a full disk meets us here,
/// at a clean border between two groups.
bool RocksEngine::has_room() const {
  if (options_.reserved_bytes == 0) return true;
  struct statvfs space {};
  if (::statvfs(directory_.c_str(), &space) != 0) return true;
  return static_cast<std::uint64_t>(space.f_bavail) * space.f_frsize >= options_.reserved_bytes;
}

}  // namespace cumulet::storage
