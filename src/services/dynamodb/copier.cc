#include "services/dynamodb/copier.h"

#include <utility>
#include <vector>

#include "services/dynamodb/backup.h"
#include "services/dynamodb/change_collector.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_codec.h"
#include "services/dynamodb/item_collection.h"
#include "services/dynamodb/log_search.h"
#include "services/dynamodb/undo_log.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kPieceRows = 500;
constexpr std::size_t kPieceBytes = 1u << 20;

storage::ScanOptions piece(bool reverse = false) {
  storage::ScanOptions options;
  options.limit = kPieceRows;
  options.byte_limit = kPieceBytes;
  options.reverse = reverse;
  return options;
}

std::string items_of(const keys::JobKey& job, std::uint64_t number) {
  return keys::rows_of(keys::rows_prefix(job.account, job.region, number), keys::kItems);
}

Copy next_phase(Copy copy, Copy::Phase phase) {
  copy.phase = phase;
  copy.cursor.clear();
  return copy;
}

}  // namespace

std::string Copy::encode() const {
  storage::RowWriter row;
  row.number(static_cast<std::uint64_t>(purpose)).number(source).number(target);
  row.text(source_table).text(target_name).text(backup_table).text(backup_id).number(marker).text(cut);
  row.number(static_cast<std::uint64_t>(phase)).text(cursor).number(items).number(bytes).text(until);
  return std::move(row).bytes();
}

Result<Copy> Copy::decode(std::string_view bytes) {
  storage::RowReader row(bytes);
  Copy copy;
  copy.purpose = static_cast<Purpose>(row.number());
  copy.source = row.number();
  copy.target = row.number();
  copy.source_table = row.text();
  copy.target_name = row.text();
  copy.backup_table = row.text();
  copy.backup_id = row.text();
  copy.marker = row.number();
  copy.cut = row.text();
  copy.phase = static_cast<Phase>(row.number());
  copy.cursor = row.text();
  copy.items = row.number();
  copy.bytes = row.number();
  copy.until = row.text();
  if (!row.ok()) return Error(errors::kInternalFailure, "The description of a copy is damaged.");
  return copy;
}

void begin_copy(storage::Transaction& transaction, const std::string& account, const std::string& region,
                const Copy& copy) {
  transaction.put(keys::job_row(account, region, keys::Job::kCopy, copy.target, 0), copy.encode());
}

void hold_log(storage::Transaction& transaction, Table& table, std::uint64_t marker, Timestamp now) {
  ++table.recovery.copies;
  append_marker(transaction, table, marker, now);
  tend_log(transaction, table);
}

void tend_log(storage::Transaction& transaction, const Table& table) {
  transaction.put(keys::job_row(table.account, table.region, keys::Job::kChanges, table.number, 0), table.name);
}

void remove_backup(storage::Transaction& transaction, const std::string& account, const std::string& region,
                   const std::string& row_key, std::uint64_t number) {
  transaction.erase(row_key);
  transaction.put(keys::job_row(account, region, keys::Job::kPurge, number, keys::kItems), "");
}

Task<bool> Copier::step(keys::JobKey job, std::string row) {
  const std::unique_ptr<storage::Transaction> look = store_.database().begin();
  const std::optional<std::string> value = co_await look->get(row);
  co_await look->commit();
  if (!value) co_return true;
  Result<Copy> decoded = Copy::decode(*value);
  const Copy copy = co_await std::move(decoded);
  if (copy.phase == Copy::Phase::kRows) co_return co_await copy_rows(job, row, copy);
  const auto body = [&](storage::Transaction& transaction) {
    switch (copy.phase) {
      case Copy::Phase::kCollect:
      case Copy::Phase::kLookUp:
      case Copy::Phase::kCorrect:
        return collect(transaction, job, row, copy);
      case Copy::Phase::kUndo:
        return undo(transaction, job, row, copy);
      case Copy::Phase::kCount:
        return count(transaction, job, row, copy);
      default:
        return finish(transaction, job, row, copy);
    }
  };
  co_return co_await storage::transact(store_.database(), body);
}

// The rows are read in a transaction of their own, which conflicts with no write: what is changed between the two is in
// the log, and will be undone.
Task<bool> Copier::copy_rows(const keys::JobKey& job, const std::string& row, Copy copy) {
  const std::string items = items_of(job, copy.source);
  storage::KeyRange range(items + (copy.cursor.empty() ? "" : copy.cursor + '\0'), storage::after_prefix(items));
  const std::unique_ptr<storage::Transaction> reader = store_.database().begin();
  const std::vector<storage::KeyValue> rows = co_await reader->scan(range, piece());
  co_await reader->commit();
  const auto body = [&](storage::Transaction& transaction) { return save_rows(transaction, job, row, copy, rows); };
  co_return co_await storage::transact(store_.database(), body);
}

Task<bool> Copier::save_rows(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row,
                             const Copy& copy, const std::vector<storage::KeyValue>& rows) const {
  const std::string source = items_of(job, copy.source);
  const std::string target = items_of(job, copy.target);
  for (const storage::KeyValue& one : rows) transaction.put(target + one.key.substr(source.size()), one.value);
  Copy next = copy;
  if (rows.empty()) {
    next = next_phase(next, copy.source_table.empty() ? Copy::Phase::kCount : Copy::Phase::kUndo);
  } else {
    next.cursor = rows.back().key.substr(source.size());
  }
  transaction.put(row, next.encode());
  co_return false;
}

Task<bool> Copier::collect(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row,
                           const Copy& copy) const {
  const ChangeCollector collector(store_);
  const Copy next = co_await collector.step(transaction, job, copy);
  transaction.put(row, next.encode());
  co_return false;
}

// The cursor is the place that was undone last, going down; what is written from now on is behind the first one, and
// concerns rows that were copied before: it needs no undoing.
Task<bool> Copier::undo(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row,
                        Copy copy) const {
  const std::string log = keys::change_log(job.account, job.region, copy.source);
  const std::string rows = keys::rows_prefix(job.account, job.region, copy.target);
  storage::KeyRange range(log + copy.cut, copy.cursor.empty() ? storage::after_prefix(log) : log + copy.cursor);
  const std::unique_ptr<storage::Transaction> reader = store_.database().begin();
  const std::vector<storage::KeyValue> found = co_await reader->scan(range, piece(true));
  co_await reader->commit();
  bool done = found.empty();
  for (const storage::KeyValue& one : found) {
    Result<Undo> decoded = decode_undo(one.value);
    const Undo undo = co_await std::move(decoded);
    copy.cursor = one.key.substr(log.size());
    if (undo.marker != 0) {
      done = undo.marker == copy.marker;
      if (done) break;
      continue;
    }
    std::string key = rows + undo.item_key;
    if (undo.before.empty()) {
      transaction.erase(std::move(key));
    } else {
      transaction.put(std::move(key), undo.before);
    }
  }
  if (done) copy = next_phase(std::move(copy), Copy::Phase::kCount);
  transaction.put(row, copy.encode());
  co_return false;
}

// How much it is; and for a restored table with local indexes, how much each item collection is.
Task<bool> Copier::count(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row,
                         Copy copy) const {
  TablePtr restored;
  if (copy.purpose == Copy::Purpose::kRestore) {
    restored = co_await store_.find_any_table(transaction, job.account, job.region, copy.target_name);
  }
  const std::string items = items_of(job, copy.target);
  storage::KeyRange range(items + (copy.cursor.empty() ? "" : copy.cursor + '\0'), storage::after_prefix(items));
  const std::vector<storage::KeyValue> rows = co_await transaction.scan(range, piece());
  for (const storage::KeyValue& one : rows) {
    ItemReader reader(one.value);
    ++copy.items;
    copy.bytes += reader.size();
    if (!restored || !has_collections(*restored)) continue;
    const StoredItem item(reader.all(), reader.size());
    co_await adjust_collection(transaction, *restored, nullptr, &item);
  }
  if (rows.empty()) {
    copy = next_phase(std::move(copy), Copy::Phase::kFinish);
  } else {
    copy.cursor = rows.back().key.substr(items.size());
  }
  transaction.put(row, copy.encode());
  co_return false;
}

Task<bool> Copier::finish(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row,
                          const Copy& copy) const {
  co_await release_source(transaction, job, copy);
  if (!copy.backup_id.empty()) {
    std::optional<Backup> backup =
        co_await find_backup(transaction, job.account, job.region, copy.backup_table, copy.backup_id);
    if (backup && copy.purpose == Copy::Purpose::kBackup) {
      backup->status = BackupStatus::kAvailable;
      backup->items = copy.items;
      backup->bytes = copy.bytes;
    } else if (backup && backup->restores > 0) {
      --backup->restores;
    }
    if (backup) transaction.put(backup->row_key(), backup->encode());
  }
  if (copy.purpose == Copy::Purpose::kRestore) co_await finish_restore(transaction, job, copy);
  if (copy.purpose == Copy::Purpose::kExport || copy.purpose == Copy::Purpose::kExportChanges) {
    storage::RowWriter next;
    next.text(copy.source_table).text(copy.target_name);
    transaction.put(keys::job_row(job.account, job.region, keys::Job::kExport, copy.target, 0),
                    std::move(next).bytes());
  }
  transaction.erase(row);
  co_return true;
}

Task<void> Copier::release_source(storage::Transaction& transaction, const keys::JobKey& job, const Copy& copy) const {
  if (copy.source_table.empty()) co_return;
  const TablePtr source = co_await store_.find_any_table(transaction, job.account, job.region, copy.source_table);
  if (!source || source->number != copy.source || source->recovery.copies == 0) co_return;
  Table changed = *source;
  --changed.recovery.copies;
  tend_log(transaction, changed);
  store_.put_table(transaction, changed);
}

/// The items are there; the indexes are filled as new ones are, and the table is active when the last one is.
Task<void> Copier::finish_restore(storage::Transaction& transaction, const keys::JobKey& job, const Copy& copy) const {
  const TablePtr table = co_await store_.find_any_table(transaction, job.account, job.region, copy.target_name);
  if (!table || table->number != copy.target) co_return;
  Table changed = *table;
  for (Index& index : changed.indexes) {
    index.status = IndexStatus::kCreating;
    storage::RowWriter backfill;
    backfill.text(changed.name).text("");
    transaction.put(keys::job_row(job.account, job.region, keys::Job::kBackfill, changed.number, index.number),
                    std::move(backfill).bytes());
  }
  if (changed.indexes.empty()) changed.status = TableStatus::kActive;
  store_.put_table(transaction, changed);
}

Task<bool> Copier::trim_log(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row) const {
  const std::optional<std::string> name = co_await transaction.get(row);
  if (!name) co_return true;
  const TablePtr table = co_await store_.find_any_table(transaction, job.account, job.region, *name);
  const bool wanted = table && table->number == job.table && table->recovery.logs();
  if (wanted && table->recovery.copies > 0) co_return true;
  const std::string log = keys::change_log(job.account, job.region, job.table);
  storage::KeyRange range(log, storage::after_prefix(log));
  const std::vector<storage::KeyValue> found = co_await transaction.scan(range, piece());
  const Timestamp cutoff =
      wanted ? store_.clock().now() - std::chrono::hours(24 * table->recovery.days) : Timestamp::max();
  bool all = true;
  for (const storage::KeyValue& one : found) {
    const Result<Undo> undo = decode_undo(one.value);
    all = !undo.ok() || undo->time < cutoff;
    if (!all) break;
    transaction.erase(one.key);
  }
  if (!found.empty() && all) co_return false;
  if (!wanted) transaction.erase(row);
  co_return true;
}

// The job's value: the table's name and the backup's id.
Task<bool> Copier::expire_backup(storage::Transaction& transaction, const keys::JobKey& job,
                                 const std::string& row) const {
  const std::optional<std::string> value = co_await transaction.get(row);
  if (!value) co_return true;
  storage::RowReader reader(*value);
  std::string table = reader.text();
  std::string id = reader.text();
  const std::optional<Backup> backup =
      co_await find_backup(transaction, job.account, job.region, std::move(table), std::move(id));
  if (backup && (!backup->expires || *backup->expires > store_.clock().now() || backup->restores > 0)) co_return true;
  if (backup) remove_backup(transaction, job.account, job.region, backup->row_key(), backup->number);
  transaction.erase(row);
  co_return true;
}

}  // namespace cumulet::dynamodb
