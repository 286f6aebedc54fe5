#include "services/dynamodb/maintenance.h"

#include <chrono>
#include <utility>
#include <vector>

#include "base/log.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/item_collection.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kPieceRows = 200;
constexpr std::size_t kPieceBytes = 1u << 20;

storage::ScanOptions piece() {
  storage::ScanOptions options;
  options.limit = kPieceRows;
  options.byte_limit = kPieceBytes;
  return options;
}

constexpr int kPiecesPerRound = 20;

/// What a purge removes: all rows of a table, or those of an index.
storage::KeyRange purged_by(const keys::JobKey& job) {
  const std::string table_rows = keys::rows_prefix(job.account, job.region, job.table);
  const std::string prefix = job.index == keys::kItems ? table_rows : keys::rows_of(table_rows, job.index);
  return storage::KeyRange(prefix, storage::after_prefix(prefix));
}

bool fills_indexes(const Table& table) {
  for (const Index& index : table.indexes) {
    if (index.status == IndexStatus::kCreating) return true;
  }
  return false;
}

}  // namespace

Maintenance::Maintenance(Store& store, const Clock& clock, StreamKeeper& keeper, const wire::Directory* directory)
    : store_(store),
      clock_(clock),
      keeper_(keeper),
      copier_(store),
      exporter_(store, directory),
      importer_(store, directory, [this] { return stopping(); }),
      signal_(std::make_shared<Signal>()) {
  store_.database().on_commit(keys::job_rows(), [signal = signal_](std::string_view) { signal->wake(); });
}

void Maintenance::Signal::wake() {
  std::lock_guard lock(mutex);
  woken = true;
  if (waiting) waiting->resolve(true);
}

bool Maintenance::take_woken() {
  std::lock_guard lock(signal_->mutex);
  return std::exchange(signal_->woken, false);
}

bool Maintenance::stopping() const {
  std::lock_guard lock(signal_->mutex);
  return signal_->stopping;
}

void Maintenance::start(Loop& loop) {
  started_ = true;
  loop.post([this] { cumulet::start(run(), [this](Result<void>) { ended_.set_value(); }); });
}

void Maintenance::stop(SteadyTime deadline) {
  if (!started_) return;
  {
    std::lock_guard lock(signal_->mutex);
    signal_->stopping = true;
  }
  signal_->wake();
  ended_.get_future().wait_until(deadline);
}

Task<void> Maintenance::run() {
  while (true) {
    const Result<void> done = co_await attempt(run_jobs());
    if (!done) log::error("the tables' maintenance failed", {{"error", done.error().message()}});
    if (stopping()) co_return;
    co_await wait();
  }
}

Task<void> Maintenance::wait() {
  constexpr std::chrono::seconds kSoon{5};
  constexpr std::chrono::minutes kLater{10};
  Deferred<bool> wake_up;
  {
    std::lock_guard lock(signal_->mutex);
    if (std::exchange(signal_->woken, false)) co_return;
    signal_->waiting = wake_up;
  }
  const SteadyTime until = std::chrono::steady_clock::now() + (items_expire_ ? SteadyTime::duration(kSoon) : kLater);
  Error elapsed(errors::kRequestTimeout, "");
  const Result<bool> woken = co_await attempt(wake_up.wait_until(until, std::move(elapsed)));
  (void)woken;  // Either way it is time to look.
  std::lock_guard lock(signal_->mutex);
  signal_->waiting.reset();
  signal_->woken = false;
}

// In rounds, so that a long piece of work (a copy of a large table) does not keep the others waiting.
Task<void> Maintenance::run_jobs() {
  items_expire_ = false;
  bool more = true;
  while (more && !stopping()) {
    more = co_await run_round();
    more = take_woken() || more;  // What is done may leave further work behind.
  }
  bool done = false;
  while (!done) {
    const auto body = [this](storage::Transaction& transaction) { return forget_tokens(transaction); };
    done = co_await storage::transact(store_.database(), body);
  }
}

Task<bool> Maintenance::run_round() {
  storage::KeyRange range(keys::job_rows(), storage::after_prefix(keys::job_rows()));
  bool more = false;
  while (true) {
    const std::unique_ptr<storage::Transaction> transaction = store_.database().begin();
    const std::vector<storage::KeyValue> jobs = co_await transaction->scan(range, piece());
    co_await transaction->commit();
    if (jobs.empty()) break;
    for (const storage::KeyValue& row : jobs) {
      keys::JobKey job;
      if (!keys::parse_job(row.key, job)) continue;
      const Result<bool> done = co_await attempt(run_job(job, row.key));
      if (!done.ok()) {
        log::error("work on a table failed and is tried again", {{"error", done.error().message()}});
        items_expire_ = true;
      }
      more = more || (done.ok() && !*done);
    }
    range.begin = jobs.back().key + '\0';
  }
  co_return more;
}

Task<bool> Maintenance::run_job(keys::JobKey job, std::string row) {
  for (int pieces = 0; pieces < kPiecesPerRound; ++pieces) {
    if (stopping()) co_return true;
    const bool done = co_await run_piece(job, row);
    if (done) co_return true;
  }
  co_return false;
}

Task<bool> Maintenance::run_piece(const keys::JobKey& job, const std::string& row) {
  if (job.job == keys::Job::kCopy) co_return co_await copier_.step(job, row);
  if (job.job == keys::Job::kExport) co_return co_await exporter_.step(job, row);
  if (job.job == keys::Job::kImport) co_return co_await importer_.step(job, row);
  if (job.job == keys::Job::kPurge) co_await discard_many(job, row);
  const auto body = [this, &job, &row](storage::Transaction& transaction) {
    switch (job.job) {
      case keys::Job::kBackfill:
        return backfill(transaction, job, row);
      case keys::Job::kExpire:
        return expire(transaction, job, row);
      case keys::Job::kStream:
        return keeper_.tend(transaction, job, row);
      case keys::Job::kChanges:
        return copier_.trim_log(transaction, job, row);
      case keys::Job::kExpireBackup:
        return copier_.expire_backup(transaction, job, row);
      default:
        return purge(transaction, job, row);
    }
  };
  expiring_.reset();
  const bool done = co_await storage::transact(store_.database(), body);
  if (expiring_) store_.metrics().expired(*expiring_, expired_);
  co_return done;
}

// Not before it is durable that they are to go: the reader's commit waits for the job that it has read. Rows of commits
// that were not written yet stay, for purge.
Task<void> Maintenance::discard_many(const keys::JobKey& job, const std::string& row) {
  const std::unique_ptr<storage::Transaction> reader = store_.database().begin();
  const std::optional<std::string> wanted = co_await reader->get(row);
  const storage::KeyRange range = purged_by(job);
  const std::vector<storage::KeyValue> rows = co_await reader->scan(range, piece());
  co_await reader->commit();
  std::size_t bytes = 0;
  for (const storage::KeyValue& one : rows) bytes += one.value.size();
  if (wanted && (rows.size() == kPieceRows || bytes >= kPieceBytes / 2)) co_await store_.database().discard(range);
}

Task<bool> Maintenance::purge(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row) {
  const std::vector<storage::KeyValue> rows = co_await transaction.scan(purged_by(job), piece());
  for (const storage::KeyValue& one : rows) transaction.erase(one.key);
  if (!rows.empty()) co_return false;
  transaction.erase(row);
  co_return true;
}

// The job's value: the table's name, and the key of the item that was done last.
Task<bool> Maintenance::backfill(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row) {
  const std::optional<std::string> value = co_await transaction.get(row);
  if (!value) co_return true;
  storage::RowReader reader(*value);
  const std::string name = reader.text();
  const std::string last = reader.text();
  const TablePtr table = co_await store_.find_any_table(transaction, job.account, job.region, name);
  const bool expiry = job.index == keys::kExpiry;
  const Index* index = nullptr;
  if (table && table->number == job.table) {
    for (const Index& one : table->indexes) {
      if (one.number == job.index) index = &one;
    }
  }
  const bool wanted = expiry ? table && table->number == job.table && table->time_to_live.enabled : index != nullptr;
  if (!wanted) {
    transaction.erase(row);
    co_return true;
  }
  const std::string items = keys::rows_of(table->rows, keys::kItems);
  storage::KeyRange range(last.empty() ? items : last + '\0', storage::after_prefix(items));
  const std::vector<storage::KeyValue> rows = co_await transaction.scan(range, piece());
  for (const storage::KeyValue& one : rows) {
    const Item item = ItemReader(one.value).all();
    if (expiry) {
      Store::write_expiry(transaction, *table, item);
    } else {
      Store::write_entry(transaction, *table, *index, item);
    }
  }
  if (!rows.empty()) {
    storage::RowWriter progress;
    progress.text(name).text(rows.back().key);
    transaction.put(row, std::move(progress).bytes());
    co_return false;
  }
  if (index) {
    Table changed = *table;
    changed.find_index(index->name)->status = IndexStatus::kActive;
    if (changed.status == TableStatus::kCreating && !fills_indexes(changed)) changed.status = TableStatus::kActive;
    store_.put_table(transaction, changed);
  }
  transaction.erase(row);
  co_return true;
}

// Whoever reads an item between its time and its deletion still sees it, as in DynamoDB.
Task<bool> Maintenance::expire(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row) {
  const std::optional<std::string> value = co_await transaction.get(row);
  if (!value) co_return true;
  const TablePtr table = co_await store_.find_any_table(transaction, job.account, job.region, *value);
  if (!table || table->number != job.table || !table->time_to_live.enabled) {
    transaction.erase(row);
    co_return true;
  }
  items_expire_ = true;
  expiring_ = table;
  expired_ = 0;
  const auto now = static_cast<std::uint64_t>(std::max<std::int64_t>(0, clock_.now_seconds()));
  // "Items with a time older than five years are not deleted": a guard against wrong units.
  constexpr std::uint64_t kFiveYears = 5 * 365 * std::uint64_t{86'400};
  const storage::KeyRange due = keys::expiring_between(table->rows, now > kFiveYears ? now - kFiveYears : 0, now);
  const std::vector<storage::KeyValue> rows = co_await transaction.scan(due, piece());
  for (const storage::KeyValue& one : rows) {
    const std::optional<StoredItem> item = co_await Store::get_item(transaction, one.value);
    Capacity free;
    const std::optional<std::uint64_t> expiry = item ? expiry_of(*table, item->item) : std::nullopt;
    if (expiry && *expiry <= now) {
      if (has_collections(*table)) co_await adjust_collection(transaction, *table, &*item, nullptr);
      store_.write(transaction, *table, one.value, &*item, nullptr, free, false, ChangeOrigin::kTimeToLive);
      ++expired_;
    }
    transaction.erase(one.key);
  }
  co_return rows.empty();
}

Task<bool> Maintenance::forget_tokens(storage::Transaction& transaction) {
  const std::int64_t now = clock_.now().time_since_epoch().count();
  const storage::KeyRange expired = keys::tokens_expiring_before(now);
  const std::vector<storage::KeyValue> rows = co_await transaction.scan(expired, piece());
  for (const storage::KeyValue& one : rows) {
    const std::string token = keys::token_row_of(one.key);
    const std::optional<std::string> value = co_await transaction.get(token);
    // The token may have been used again since.
    if (value && storage::RowReader(*value).signed_number() < now) transaction.erase(token);
    transaction.erase(one.key);
  }
  co_return rows.empty();
}

}  // namespace cumulet::dynamodb
