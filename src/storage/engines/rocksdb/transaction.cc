#include "storage/engines/rocksdb/transaction.h"

#include <algorithm>

#include <rocksdb/db.h>

#include "base/log.h"
#include "storage/engines/rocksdb/engine.h"
#include "storage/engines/rocksdb/format.h"

namespace cumulet::storage {
namespace {

constexpr std::size_t kRecentChunk = 256;
/// A scan longer than this leaves the loop.
constexpr std::size_t kInlineSteps = 256;

Error unreadable(const rocksdb::Status& status) {
  log::error("reading from the database failed", {{"error", status.ToString()}});
  return Error(errors::kServiceUnavailable,
               "The store cannot read from its disk at the moment. Please try again later.");
}

/// Walks the recent commits that a view sees, a chunk at a time.
class RecentCursor final : public Cursor {
 public:
  RecentCursor(Gate& gate, const View& view, KeyRange range, bool reverse, Sequence& newest)
      : gate_(gate), view_(view), range_(std::move(range)), reverse_(reverse), newest_(newest) {
    fill();
  }
  bool valid() const override { return at_ < chunk_.size(); }
  std::string_view key() const override { return chunk_[at_].write->key; }
  std::optional<std::string_view> value() const override { return chunk_[at_].write->value; }
  void next() override {
    newest_ = std::max(newest_, chunk_[at_].commit->sequence);
    if (++at_ == chunk_.size() && chunk_.size() == kRecentChunk) fill();
  }
  const Result<void>& status() const { return status_; }

 private:
  void fill() {
    if (!chunk_.empty()) {
      if (reverse_) {
        range_.end = chunk_.back().write->key;
      } else {
        range_.begin = key_after(chunk_.back().write->key);
      }
    }
    at_ = 0;
    Result<std::vector<Version>> more = gate_.collect(view_, range_, reverse_, kRecentChunk);
    if (more.ok()) {
      chunk_ = std::move(more).value();
    } else {
      chunk_.clear();
      status_ = std::move(more).error();
    }
  }

  Gate& gate_;
  const View& view_;
  KeyRange range_;
  bool reverse_;
  Sequence& newest_;
  std::vector<Version> chunk_;
  std::size_t at_ = 0;
  Result<void> status_;
};

/// Walks the engine's snapshot.
class DiskCursor final : public Cursor {
 public:
  DiskCursor(rocksdb::DB& db, rocksdb::ReadOptions options, const KeyRange& range, bool reverse, std::size_t steps)
      : begin_(range.begin), end_(range.end), reverse_(reverse), steps_(steps) {
    options.iterate_lower_bound = &begin_;
    if (!range.end.empty()) options.iterate_upper_bound = &end_;
    iterator_.reset(db.NewIterator(options));
    if (reverse_) {
      iterator_->SeekToLast();
    } else {
      iterator_->SeekToFirst();
    }
  }
  bool valid() const override { return steps_ > 0 && iterator_->Valid(); }
  std::string_view key() const override { return iterator_->key().ToStringView(); }
  std::optional<std::string_view> value() const override { return iterator_->value().ToStringView(); }
  void next() override {
    --steps_;
    if (reverse_) {
      iterator_->Prev();
    } else {
      iterator_->Next();
    }
  }
  rocksdb::Status status() const {
    return steps_ == 0 ? rocksdb::Status::Incomplete("many rows") : iterator_->status();
  }

 private:
  rocksdb::Slice begin_;
  rocksdb::Slice end_;
  bool reverse_;
  std::size_t steps_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

rocksdb::ReadOptions read_options(const View& view, bool memory_only) {
  rocksdb::ReadOptions options;
  options.snapshot = static_cast<const rocksdb::Snapshot*>(view.durable->snapshot.get());
  if (memory_only) {
    options.read_tier = rocksdb::kBlockCacheTier;
    options.max_skippable_internal_keys = kInlineSteps * 4;
  }
  return options;
}

}  // namespace

const View& RocksTransaction::view() {
  if (!view_) view_ = engine_.gate().view();
  return *view_;
}

Task<std::optional<std::string>> RocksTransaction::get(std::string key) {
  if (const auto own = writes_.find(key); own != writes_.end()) co_return own->second;

  const Result<std::optional<Version>> found = engine_.gate().find(view(), key);
  if (!found.ok()) co_return found.error();
  reads_.keys.push_back(key);
  if (const std::optional<Version>& version = found.value()) {
    reads_.newest = std::max(reads_.newest, version->commit->sequence);
    co_return version->write->value;
  }
  Result<std::optional<std::optional<std::string>>> at_once = read(key, Tier::kMemory);
  if (!at_once.ok()) co_return std::move(at_once).error();
  if (at_once.value()) co_return std::move(*at_once.value());
  std::optional<std::optional<std::string>> later =
      co_await blocking(engine_.pool(), [this, &key] { return read(key, Tier::kDisk); });
  co_return std::move(*later);
}

Result<std::optional<std::optional<std::string>>> RocksTransaction::read(const std::string& key, Tier tier) {
  rocksdb::PinnableSlice value;
  const rocksdb::Status status =
      engine_.db().Get(read_options(*view_, tier == Tier::kMemory), engine_.db().DefaultColumnFamily(), key, &value);
  using Answer = std::optional<std::optional<std::string>>;
  // Of a file that is not open RocksDB says from memory that the key may exist: OK, and no value.
  if (status.ok() && tier == Tier::kMemory && value.empty()) return Answer();
  if (status.ok()) return Answer(std::optional<std::string>(value.ToString()));
  if (status.IsNotFound()) return Answer(std::optional<std::string>());
  if (status.IsIncomplete() && tier == Tier::kMemory) return Answer();
  return unreadable(status);
}

Task<std::vector<KeyValue>> RocksTransaction::scan(KeyRange range, ScanOptions options) {
  if (options.limit == 0) co_return Error(errors::kInternalFailure, "A scan needs a limit.");
  if (range.begin < kFirstUserKey) range.begin = kFirstUserKey;
  if (!range.end.empty() && range.end <= range.begin) co_return std::vector<KeyValue>();

  view();
  Result<std::optional<Scanned>> at_once = walk(range, options, Tier::kMemory);
  if (!at_once.ok()) co_return std::move(at_once).error();
  std::optional<Scanned> scanned = std::move(at_once).value();
  if (!scanned) {
    scanned = co_await blocking(engine_.pool(), [this, &range, &options] { return walk(range, options, Tier::kDisk); });
  }
  reads_.ranges.push_back(std::move(scanned->covered));
  co_return std::move(scanned->rows);
}

/// Runs on the pool too; the transaction waits for it then, so that nothing else touches it.
Result<std::optional<Scanned>> RocksTransaction::walk(const KeyRange& range, const ScanOptions& options, Tier tier) {
  const bool memory_only = tier == Tier::kMemory;
  Sequence newest = 0;
  WritesCursor own(writes_, range, options.reverse);
  RecentCursor recent(engine_.gate(), *view_, range, options.reverse, newest);
  DiskCursor disk(engine_.db(), read_options(*view_, memory_only), range, options.reverse,
                  memory_only ? kInlineSteps : SIZE_MAX);
  Scanned scanned = merge_scan({&own, &recent, &disk}, range, options);
  if (!recent.status().ok()) return recent.status().error();
  const rocksdb::Status status = disk.status();
  if (status.IsIncomplete() && memory_only) return std::optional<Scanned>();
  if (!status.ok()) return unreadable(status);
  reads_.newest = std::max(reads_.newest, newest);
  return std::optional<Scanned>(std::move(scanned));
}

void RocksTransaction::put(std::string key, std::string value) {
  writes_.insert_or_assign(std::move(key), std::optional<std::string>(std::move(value)));
}

void RocksTransaction::erase(std::string key) { writes_.insert_or_assign(std::move(key), std::nullopt); }

void RocksTransaction::append(std::string log, std::string value) {
  appends_.emplace_back(std::move(log), std::move(value));
}

Task<void> RocksTransaction::commit() {
  if (!writes_.empty() && writes_.begin()->first < kFirstUserKey) {
    co_await fail(errors::kInternalFailure, "A key of the store's own cannot be written.");
  }
  const Result<Ticket> ticket =
      engine_.gate().commit(view_, reads_, std::exchange(writes_, {}), std::exchange(appends_, {}));
  view_.reset();  // While it waits, it must not keep the engine's snapshot and the commits since alive.
  if (!ticket.ok()) co_await fail(ticket.error());
  Result<void> durable = co_await Gate::Durable(engine_.gate(), ticket.value());
  co_await std::move(durable);
}

Task<void> RocksTransaction::give_up() {
  writes_.clear();
  appends_.clear();
  return commit();
}

}  // namespace cumulet::storage
