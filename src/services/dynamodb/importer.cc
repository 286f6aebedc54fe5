#include "services/dynamodb/importer.h"

#include <algorithm>
#include <utility>

#include "services/dynamodb/compression.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/import_records.h"
#include "services/dynamodb/item_codec.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

/// Of packed bytes at a time: what they unpack to is held at once.
constexpr std::size_t kSlice = 4096;
constexpr std::size_t kItemsPerCommit = 200;

}  // namespace

Task<bool> Importer::put_items(storage::Transaction& transaction, const Table& table,
                               const std::vector<storage::KeyValue>& rows) const {
  const TablePtr now = co_await store_.find_any_table(transaction, table.account, table.region, table.name);
  if (!now || now->number != table.number) co_return Error(errors::kResourceNotFound, "The table is gone.");
  for (const storage::KeyValue& row : rows) transaction.put(row.key, row.value);
  co_return true;
}

Task<void> Importer::take_records(Transfer& transfer, const Table& table, std::vector<std::string>& header,
                                  std::vector<std::string> records) {
  std::vector<storage::KeyValue> rows;
  const bool csv = transfer.format == "CSV";
  const char delimiter = transfer.delimiter.empty() ? ',' : transfer.delimiter.front();
  for (std::size_t i = 0; i < records.size(); ++i) {
    Result<Item> item = invalid("");
    if (csv) {
      Result<std::vector<std::string>> fields = csv_fields(records[i], delimiter);
      if (header.empty()) {
        header = co_await std::move(fields);
        continue;
      }
      item = fields ? item_of_csv(table, header, std::move(*fields)) : Result<Item>(fields.error());
    } else if (transfer.format == "ION") {
      item = item_of_ion(table, records[i]);
    } else {
      item = item_of_json(table, records[i]);
    }
    ++transfer.seen;
    if (item) {
      ++transfer.items;
      rows.emplace_back(Store::item_key(table, *item), encode_item(*item));
    } else {
      ++transfer.errors;
    }
    if (rows.size() < kItemsPerCommit && i + 1 < records.size()) continue;
    const auto body = [&](storage::Transaction& transaction) { return put_items(transaction, table, rows); };
    co_await storage::transact(store_.database(), body);
    rows.clear();
  }
  if (rows.empty()) co_return;
  const auto body = [&](storage::Transaction& transaction) { return put_items(transaction, table, rows); };
  co_await storage::transact(store_.database(), body);
}

Task<void> Importer::read_object(Transfer& transfer, const Table& table, std::string key) {
  const std::shared_ptr<BodySource> body =
      co_await bucket_.get(transfer.account, transfer.region, transfer.bucket, key);
  const std::unique_ptr<Unpacker> unpacker = make_unpacker(transfer.compression);
  RecordSplitter splitter(transfer.format == "CSV");
  std::vector<std::string> header = transfer.header;
  while (body) {
    const std::string piece = co_await body->read();
    if (piece.empty()) break;
    for (std::size_t at = 0; at < piece.size(); at += kSlice) {
      std::vector<std::string> records;
      Result<void> split;
      const auto take = [&](std::string_view bytes) {
        transfer.bytes += bytes.size();
        if (split.ok()) split = splitter.feed(bytes, records);
      };
      Result<void> unpacked = unpacker->feed(std::string_view(piece).substr(at, kSlice), take);
      co_await std::move(unpacked);
      co_await std::move(split);
      if (!records.empty()) co_await take_records(transfer, table, header, std::move(records));
      if (stopping_()) co_await fail(errors::kRequestTimeout, "The server is stopping.");
    }
  }
  Result<void> ended = unpacker->finish();
  co_await std::move(ended);
  if (std::optional<std::string> rest = splitter.rest()) {
    std::vector<std::string> records{std::move(*rest)};
    co_await take_records(transfer, table, header, std::move(records));
  }
  transfer.cursor = std::move(key);
}

Task<bool> Importer::save(storage::Transaction& transaction, const Transfer& transfer, const std::string& row) const {
  transaction.put(transfer.row_key(), transfer.encode());
  if (transfer.status == Transfer::Status::kInProgress) co_return false;
  transaction.erase(row);
  const TablePtr table = co_await store_.find_any_table(transaction, transfer.account, transfer.region, transfer.table);
  if (!table || table->number != transfer.number) co_return true;
  if (transfer.status == Transfer::Status::kFailed) {
    transaction.erase(keys::table_row(table->account, table->region, table->name));
    transaction.put(keys::job_row(table->account, table->region, keys::Job::kPurge, table->number, keys::kItems), "");
    co_return true;
  }
  Table changed = *table;
  for (Index& index : changed.indexes) {
    index.status = IndexStatus::kCreating;
    storage::RowWriter backfill;
    backfill.text(changed.name).text("");
    transaction.put(keys::job_row(changed.account, changed.region, keys::Job::kBackfill, changed.number, index.number),
                    std::move(backfill).bytes());
  }
  if (changed.indexes.empty()) changed.status = TableStatus::kActive;
  store_.put_table(transaction, changed);
  co_return true;
}

Task<bool> Importer::step(keys::JobKey job, std::string row) {
  const std::unique_ptr<storage::Transaction> reader = store_.database().begin();
  const std::optional<std::string> value = co_await reader->get(row);
  const std::string bytes = value.value_or("");
  storage::RowReader fields(bytes);
  std::string name = fields.text();
  std::string id = fields.text();
  std::optional<Transfer> transfer;
  if (value) {
    transfer = co_await find_transfer(*reader, Transfer::Kind::kImport, job.account, job.region, name, std::move(id));
  }
  if (!transfer) co_return true;
  const TablePtr table = co_await store_.find_any_table(*reader, job.account, job.region, std::move(name));
  co_await reader->commit();
  if (!table) co_return true;
  Transfer next = *transfer;
  const Result<std::string> key =
      co_await attempt(bucket_.next_key(next.account, next.region, next.bucket, next.prefix, next.cursor));
  Result<void> done;
  if (!key.ok()) {
    done = key.error();
  } else if (key->empty()) {
    next.status = Transfer::Status::kCompleted;
    next.ended = store_.clock().now();
  } else {
    done = co_await attempt(read_object(next, *table, *key));
  }
  if (!done.ok()) {
    const bool later =
        done.error().is(cumulet::errors::kServiceUnavailable) || done.error().is(errors::kRequestTimeout);
    if (later) co_return done.error();
    next.status = Transfer::Status::kFailed;
    next.ended = store_.clock().now();
    next.failure_code = done.error().code() == "InvalidInput" ? "InvalidInput" : "S3" + done.error().code();
    next.failure_message = done.error().message();
  }
  const auto body = [&](storage::Transaction& transaction) { return save(transaction, next, row); };
  co_return co_await storage::transact(store_.database(), body);
}

}  // namespace cumulet::dynamodb
