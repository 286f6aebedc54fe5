#include "services/dynamodb/change_collector.h"

#include <utility>
#include <vector>

#include "services/dynamodb/errors.h"
#include "services/dynamodb/undo_log.h"
#include "storage/key.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kPieceRows = 500;
constexpr std::size_t kPieceBytes = 1u << 20;

Task<std::vector<storage::KeyValue>> read_piece(Store& store, storage::KeyRange range) {
  storage::ScanOptions options;
  options.limit = kPieceRows;
  options.byte_limit = kPieceBytes;
  const std::unique_ptr<storage::Transaction> reader = store.database().begin();
  std::vector<storage::KeyValue> found = co_await reader->scan(std::move(range), options);
  co_await reader->commit();
  co_return found;
}

Copy next_phase(Copy copy, Copy::Phase phase) {
  copy.phase = phase;
  copy.cursor.clear();
  return copy;
}

}  // namespace

std::string ItemChange::encode() const {
  storage::RowWriter row;
  row.signed_number(written.time_since_epoch().count()).text(before).text(after);
  row.number(static_cast<std::uint64_t>(known));
  return std::move(row).bytes();
}

Result<ItemChange> ItemChange::decode(std::string_view bytes) {
  storage::RowReader row(bytes);
  ItemChange change;
  change.written = Timestamp(std::chrono::microseconds(row.signed_number()));
  change.before = row.text();
  change.after = row.text();
  change.known = static_cast<After>(row.number());
  if (!row.ok()) return Error(errors::kInternalFailure, "A change that is to be exported is damaged.");
  return change;
}

Task<Copy> ChangeCollector::step(storage::Transaction& transaction, const keys::JobKey& job, Copy copy) const {
  switch (copy.phase) {
    case Copy::Phase::kCollect:
      return collect(transaction, job, std::move(copy));
    case Copy::Phase::kLookUp:
      return look_up(transaction, job, std::move(copy));
    default:
      return correct(transaction, job, std::move(copy));
  }
}

Task<Copy> ChangeCollector::collect(storage::Transaction& transaction, const keys::JobKey& job, Copy copy) const {
  const std::string log = keys::change_log(job.account, job.region, copy.source);
  const std::string rows = keys::rows_prefix(job.account, job.region, copy.target);
  storage::KeyRange range(log + (copy.cursor.empty() ? copy.cut : copy.cursor + '\0'), log + copy.until);
  std::vector<storage::KeyValue> found;
  if (range.begin < range.end) found = co_await read_piece(store_, std::move(range));
  for (const storage::KeyValue& one : found) {
    Result<Undo> decoded = decode_undo(one.value);
    const Undo undo = co_await std::move(decoded);
    copy.cursor = one.key.substr(log.size());
    if (undo.marker != 0) continue;
    std::string key = rows + undo.item_key;
    const std::optional<std::string> known = co_await transaction.get(key);
    ItemChange change;
    if (known) {
      Result<ItemChange> earlier = ItemChange::decode(*known);
      change = co_await std::move(earlier);
    } else {
      change.before = undo.before;
    }
    change.written = undo.time;
    transaction.put(std::move(key), change.encode());
  }
  co_return found.empty() ? next_phase(std::move(copy), Copy::Phase::kLookUp) : std::move(copy);
}

Task<Copy> ChangeCollector::look_up(storage::Transaction& transaction, const keys::JobKey& job, Copy copy) const {
  const std::string source = keys::rows_prefix(job.account, job.region, copy.source);
  const std::string rows = keys::rows_prefix(job.account, job.region, copy.target);
  const std::string items = keys::rows_of(rows, keys::kItems);
  storage::KeyRange range(items + (copy.cursor.empty() ? "" : copy.cursor + '\0'), storage::after_prefix(items));
  const std::vector<storage::KeyValue> found = co_await read_piece(store_, std::move(range));
  const std::unique_ptr<storage::Transaction> reader = store_.database().begin();
  for (const storage::KeyValue& one : found) {
    Result<ItemChange> decoded = ItemChange::decode(one.value);
    ItemChange change = co_await std::move(decoded);
    const std::optional<std::string> now = co_await reader->get(source + one.key.substr(rows.size()));
    change.after = now.value_or("");
    change.known = ItemChange::After::kAsNow;
    transaction.put(one.key, change.encode());
    copy.cursor = one.key.substr(items.size());
  }
  co_await reader->commit();
  co_return found.empty() ? next_phase(std::move(copy), Copy::Phase::kCorrect) : std::move(copy);
}

Task<Copy> ChangeCollector::correct(storage::Transaction& transaction, const keys::JobKey& job, Copy copy) const {
  const std::string log = keys::change_log(job.account, job.region, copy.source);
  const std::string rows = keys::rows_prefix(job.account, job.region, copy.target);
  storage::KeyRange range(log + (copy.cursor.empty() ? copy.until : copy.cursor + '\0'), storage::after_prefix(log));
  const std::vector<storage::KeyValue> found = co_await read_piece(store_, std::move(range));
  for (const storage::KeyValue& one : found) {
    Result<Undo> decoded = decode_undo(one.value);
    const Undo undo = co_await std::move(decoded);
    copy.cursor = one.key.substr(log.size());
    if (undo.marker != 0) continue;
    std::string key = rows + undo.item_key;
    const std::optional<std::string> known = co_await transaction.get(key);
    if (!known) continue;
    Result<ItemChange> earlier = ItemChange::decode(*known);
    ItemChange change = co_await std::move(earlier);
    if (change.known == ItemChange::After::kAsThen) continue;
    change.after = undo.before;
    change.known = ItemChange::After::kAsThen;
    transaction.put(std::move(key), change.encode());
  }
  co_return found.empty() ? next_phase(std::move(copy), Copy::Phase::kFinish) : std::move(copy);
}

}  // namespace cumulet::dynamodb
