#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

namespace cumulet::storage {

/// What the disk does to the database's log: nothing special, refuse, or hold each sync until it may go on.
class DiskFaults {
 public:
  enum class Mode { kNone, kNoSpace, kNoSpaceAtSync, kBroken };

  void set(Mode mode) {
    std::lock_guard lock(mutex_);
    mode_ = mode;
  }
  void hold_syncs() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void let_go() {
    std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  /// Waits until a sync is being held.
  void wait_for_sync() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }

  rocksdb::IOStatus on_append() {
    std::lock_guard lock(mutex_);
    if (mode_ == Mode::kBroken) return rocksdb::IOStatus::IOError("Input/output error");
    return mode_ == Mode::kNoSpace ? no_space() : rocksdb::IOStatus::OK();
  }
  rocksdb::IOStatus on_sync() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    --waiting_;
    if (mode_ == Mode::kBroken) return rocksdb::IOStatus::IOError("Input/output error");
    return mode_ == Mode::kNone ? rocksdb::IOStatus::OK() : no_space();
  }

 private:
  static rocksdb::IOStatus no_space() {
    rocksdb::IOStatus status = rocksdb::IOStatus::NoSpace("No space left on device");
    status.SetRetryable(true);  // As RocksDB itself says it of ENOSPC.
    return status;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Mode mode_ = Mode::kNone;
  bool held_ = false;
  int waiting_ = 0;
};

/// The real file system, with faults in the files whose name ends with one of the suffixes.
std::unique_ptr<rocksdb::Env> make_faulty_env(DiskFaults& faults);

}  // namespace cumulet::storage
