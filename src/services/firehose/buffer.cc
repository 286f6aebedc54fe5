#include "services/firehose/buffer.h"

#include <algorithm>

namespace cumulet::firehose {
namespace {

constexpr std::size_t kPageRows = 500;
constexpr std::size_t kPageBytes = 1u << 20;

Task<std::vector<storage::KeyValue>> page(storage::Database& database, std::string id, Position begin, Position end) {
  storage::ScanOptions options;
  options.limit = kPageRows;
  options.byte_limit = kPageBytes;
  const storage::KeyRange range = Store::records(id, begin, end);
  const auto read = [&](storage::Transaction& txn) { return txn.scan(range, options); };
  co_return co_await storage::transact(database, read);
}

/// Reads a part of the buffer as it is asked for.
class BufferBody final : public BodySource {
 public:
  BufferBody(storage::Database& database, std::string id, Position begin, Position end)
      : database_(database), id_(std::move(id)), next_(begin), end_(end) {}

  Task<std::string> read() override {
    while (pending_.size() < kPiece && next_ < end_) {
      const std::vector<storage::KeyValue> rows = co_await page(database_, id_, next_, end_);
      for (const storage::KeyValue& row : rows) pending_ += row.value;
      next_ = rows.empty() ? end_ : Store::position_of(id_, rows.back().key) + 1;
    }
    std::string piece = pending_.substr(0, kPiece);
    pending_.erase(0, piece.size());
    co_return piece;
  }

 private:
  storage::Database& database_;
  const std::string id_;
  Position next_;
  const Position end_;
  std::string pending_;
};

Timestamp time_of(Position position) {
  return Timestamp(std::chrono::microseconds(static_cast<std::int64_t>(position)));
}

}  // namespace

Task<void> Buffer::open() {
  {
    std::lock_guard lock(mutex_);
    if (open_) co_return;
  }
  const auto mark = [this](storage::Transaction& txn) { return Store::delivered(txn, id_); };
  const Position begin = co_await storage::transact(database_, mark);
  Position next = begin;
  Position first = 0;
  std::size_t bytes = 0;
  while (true) {
    const std::vector<storage::KeyValue> rows = co_await page(database_, id_, next, UINT64_MAX);
    if (rows.empty()) break;
    if (first == 0) first = Store::position_of(id_, rows.front().key);
    for (const storage::KeyValue& row : rows) bytes += row.value.size();
    next = Store::position_of(id_, rows.back().key) + 1;
  }
  std::lock_guard lock(mutex_);
  if (open_) co_return;
  open_ = true;
  begin_ = begin;
  first_ = first;
  last_ = next;
  bytes_ = bytes;
}

Task<void> Buffer::append(std::vector<std::string_view> records, std::function<void(storage::Transaction&)> also) {
  const std::unique_ptr<storage::Transaction> txn = database_.begin();
  Deferred<void> done;
  Position first = 0;
  std::size_t bytes = 0;
  {
    // Positions are given and commits begun under one lock: whoever sees a record sees all before it.
    std::lock_guard lock(mutex_);
    for (const std::string_view record : records) {
      last_ = std::max(last_ + 1, static_cast<Position>(clock_.now().time_since_epoch().count()));
      if (first == 0) first = last_;
      bytes += record.size();
      txn->put(Store::record_key(id_, last_), std::string(record));
    }
    if (also) also(*txn);
    start(txn->commit(), [done](Result<void> committed) { done.resolve(std::move(committed)); });
  }
  co_await done.wait();
  std::lock_guard lock(mutex_);
  if (first != 0 && (bytes_ == 0 || first < first_)) first_ = first;
  const bool was_empty = bytes_ == 0;
  bytes_ += bytes;
  if (waiting_ && (was_empty || bytes_ >= wake_at_)) waiting_->resolve(true);
}

Buffer::Level Buffer::level() {
  std::lock_guard lock(mutex_);
  Level level;
  level.bytes = bytes_;
  level.since = time_of(first_);
  return level;
}

Task<Position> Buffer::cut(std::size_t bytes) {
  Position end = begin_;
  std::size_t size = 0;
  while (size < bytes) {
    const std::vector<storage::KeyValue> rows = co_await page(database_, id_, end, UINT64_MAX);
    if (rows.empty()) break;
    for (const storage::KeyValue& row : rows) {
      size += row.value.size();
      end = Store::position_of(id_, row.key) + 1;
      if (size >= bytes) break;
    }
  }
  co_return end;
}

std::shared_ptr<BodySource> Buffer::body(Position end) {
  std::lock_guard lock(mutex_);
  return std::make_shared<BufferBody>(database_, id_, begin_, end);
}

Task<std::vector<BufferedRecord>> Buffer::records(Position begin, Position end, std::size_t bytes) {
  Position next = std::max(begin, begin_);
  std::vector<BufferedRecord> found;
  std::size_t size = 0;
  while (next < end) {
    std::vector<storage::KeyValue> rows = co_await page(database_, id_, next, end);
    if (rows.empty()) break;
    for (storage::KeyValue& row : rows) {
      size += row.value.size();
      if (!found.empty() && size > bytes) co_return found;
      found.emplace_back(Store::position_of(id_, row.key), std::move(row.value));
    }
    next = found.back().at + 1;
  }
  co_return found;
}

Task<void> Buffer::delivered(Delivery delivery) {
  Position next = begin_;
  std::size_t size = 0;
  while (next < delivery.end) {
    const std::vector<storage::KeyValue> rows = co_await page(database_, id_, next, delivery.end);
    for (const storage::KeyValue& row : rows) size += row.value.size();
    next = rows.empty() ? delivery.end : Store::position_of(id_, rows.back().key) + 1;
  }
  const auto end = [&](storage::Transaction& txn) -> Task<void> {
    Store::end_delivery(txn, id_, delivery);
    co_return;
  };
  co_await storage::transact(database_, end);
  const storage::KeyRange gone = Store::records(id_, 0, delivery.end);
  co_await database_.discard(gone);
  const std::vector<storage::KeyValue> rest = co_await page(database_, id_, delivery.end, UINT64_MAX);
  std::lock_guard lock(mutex_);
  begin_ = delivery.end;
  bytes_ -= std::min(size, bytes_);
  if (!rest.empty()) first_ = Store::position_of(id_, rest.front().key);
}

Task<void> Buffer::wait(std::size_t bytes, SteadyTime deadline) {
  Deferred<bool> woken;
  {
    std::lock_guard lock(mutex_);
    if (std::exchange(woken_, false)) co_return;
    wake_at_ = bytes;
    waiting_ = woken;
  }
  Error elapsed(errors::kRequestTimeout, "");
  const Result<bool> ended = co_await attempt(woken.wait_until(deadline, std::move(elapsed)));
  (void)ended;  // Either way it is time to look.
  std::lock_guard lock(mutex_);
  waiting_.reset();
  woken_ = false;
}

void Buffer::wake() {
  std::lock_guard lock(mutex_);
  woken_ = true;
  if (waiting_) waiting_->resolve(true);
}

}  // namespace cumulet::firehose
