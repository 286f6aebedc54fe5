#include "services/dynamodb/exporter.h"

#include <utility>

#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "services/dynamodb/change_collector.h"
#include "services/dynamodb/compression.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/ion.h"
#include "services/dynamodb/item_codec.h"
#include "storage/key.h"
#include "storage/row.h"
#include "wire/attribute_value_json.h"
#include "wire/json_writer.h"

namespace cumulet::dynamodb {
namespace {

/// Of a file before it is packed: packing it must not hold the loop up.
constexpr std::size_t kFileBytes = 2u << 20;
constexpr std::size_t kFileRows = 20'000;
constexpr std::string_view kIon = "ION";

std::string folder_of(const Transfer& transfer) {
  const std::string prefix = transfer.prefix.empty() ? "" : transfer.prefix + "/";
  return prefix + "AWSDynamoDB/" + transfer.id + "/";
}

/// The files of incremental exports lie together.
std::string data_folder_of(const Transfer& transfer) {
  if (!transfer.incremental()) return folder_of(transfer) + "data/";
  return (transfer.prefix.empty() ? "" : transfer.prefix + "/") + "AWSDynamoDB/data/";
}

std::string text_or_null(const std::string& text) { return text.empty() ? "null" : '"' + json_escape(text) + '"'; }

std::string files_manifest(const Transfer& transfer) {
  std::string lines;
  for (const Transfer::File& file : transfer.files) {
    wire::JsonWriter json;
    json.begin_object().key("itemCount").integer(static_cast<std::int64_t>(file.items));
    json.key("md5Checksum").string(file.md5).key("etag").string(file.etag);
    json.key("dataFileS3Key").string(file.key).end_object();
    lines += json.take() + "\n";
  }
  return lines;
}

std::string summary_manifest(const Transfer& transfer) {
  wire::JsonWriter json;
  json.begin_object().key("version").string(transfer.incremental() ? "2023-08-01" : "2020-06-30");
  json.key("exportArn").string(transfer.arn());
  json.key("startTime").string(iso8601(transfer.started, true)).key("endTime").string(iso8601(transfer.ended, true));
  json.key("tableArn").string(transfer.table_arn()).key("tableId").string(transfer.table_id);
  if (transfer.incremental()) {
    json.key("exportFromTime").string(iso8601(transfer.from, true));
    json.key("exportToTime").string(iso8601(transfer.until, true));
  } else {
    json.key("exportTime").string(iso8601(transfer.moment, true));
  }
  json.key("s3Bucket").string(transfer.bucket);
  json.key("s3Prefix").raw(text_or_null(transfer.prefix));
  json.key("s3SseAlgorithm").string(transfer.encryption.empty() ? "AES256" : transfer.encryption);
  json.key("s3SseKmsKeyId").raw(text_or_null(transfer.encryption_key));
  json.key("manifestFilesS3Key").string(folder_of(transfer) + "manifest-files.json");
  json.key("billedSizeBytes").integer(static_cast<std::int64_t>(transfer.bytes));
  json.key("itemCount").integer(static_cast<std::int64_t>(transfer.items));
  json.key("outputFormat").string(transfer.format);
  if (transfer.incremental()) json.key("outputView").string(transfer.view);
  json.key("exportType").string(transfer.incremental() ? "INCREMENTAL_EXPORT" : "FULL_EXPORT").end_object();
  return json.take();
}

std::string image(const char* name, const std::string& row) {
  if (row.empty()) return {};
  return std::string(",\"") + name + "\":" + wire::attribute_map_json(ItemReader(row).all());
}

/// Nothing for an item that came and went within the window.
Result<std::string> line_of_change(const Transfer& transfer, std::string_view row) {
  Result<ItemChange> change = ItemChange::decode(row);
  if (!change) return std::move(change).error();
  if (change->before.empty() && change->after.empty()) return std::string();
  const std::vector<std::string_view> names(transfer.key_names.begin(), transfer.key_names.end());
  ItemReader any(change->after.empty() ? change->before : change->after);
  std::string line = R"({"Metadata":{"WriteTimestampMicros":{"N":")" +
                     std::to_string(change->written.time_since_epoch().count()) + R"("}},"Keys":)" +
                     wire::attribute_map_json(any.only(names));
  if (transfer.view == "NEW_AND_OLD_IMAGES") line += image("OldImage", change->before);
  line += image("NewImage", change->after);
  return line + "}\n";
}

}  // namespace

Task<std::string> Exporter::put(const Transfer& transfer, std::string key, std::string bytes) const {
  return bucket_.put(transfer.account, transfer.region, transfer.bucket, std::move(key), std::move(bytes),
                     transfer.encryption, transfer.encryption_key);
}

Task<void> Exporter::write_next(Transfer& transfer, std::vector<storage::KeyValue> rows) const {
  if (transfer.files.empty()) co_await put(transfer, folder_of(transfer) + "_started", "");
  std::string lines;
  std::uint64_t items = 0;
  for (const storage::KeyValue& row : rows) {
    if (transfer.incremental()) {
      Result<std::string> made = line_of_change(transfer, row.value);
      const std::string line = co_await std::move(made);
      if (line.empty()) continue;
      transfer.bytes += row.value.size();
      lines += line;
    } else {
      ItemReader reader(row.value);
      transfer.bytes += reader.size();
      const Item item = reader.all();
      lines += transfer.format == kIon ? ion_record(item) : "{\"Item\":" + wire::attribute_map_json(item) + "}";
      lines += '\n';
    }
    ++items;
  }
  std::string packed = gzip(lines);
  const std::string name = hex_encode(md5(transfer.id + "/" + std::to_string(transfer.files.size()))).substr(0, 26);
  Transfer::File file;
  file.key = data_folder_of(transfer) + name + (transfer.format == kIon ? ".ion.gz" : ".json.gz");
  file.md5 = base64_encode(md5(packed));
  file.items = items;
  file.etag = co_await put(transfer, file.key, std::move(packed));
  transfer.items += items;
  transfer.files.push_back(std::move(file));
  const std::string prefix =
      keys::rows_of(keys::rows_prefix(transfer.account, transfer.region, transfer.number), keys::kItems);
  transfer.cursor = rows.back().key.substr(prefix.size());
}

Task<void> Exporter::write_manifests(const Transfer& transfer) const {
  const std::string folder = folder_of(transfer);
  if (transfer.files.empty()) co_await put(transfer, folder + "_started", "");
  const std::string files = files_manifest(transfer);
  const std::string summary = summary_manifest(transfer);
  co_await put(transfer, folder + "manifest-files.json", files);
  co_await put(transfer, folder + "manifest-files.md5", base64_encode(md5(files)));
  co_await put(transfer, folder + "manifest-summary.json", summary);
  co_await put(transfer, folder + "manifest-summary.md5", base64_encode(md5(summary)));
}

Task<bool> Exporter::save(storage::Transaction& transaction, const Transfer& transfer, const std::string& row) const {
  transaction.put(transfer.row_key(), transfer.encode());
  if (transfer.status == Transfer::Status::kInProgress) co_return false;
  transaction.put(keys::job_row(transfer.account, transfer.region, keys::Job::kPurge, transfer.number, keys::kItems),
                  "");
  transaction.erase(row);
  co_return true;
}

Task<bool> Exporter::step(keys::JobKey job, std::string row) {
  const std::unique_ptr<storage::Transaction> reader = store_.database().begin();
  const std::optional<std::string> value = co_await reader->get(row);
  const std::string bytes = value.value_or("");
  storage::RowReader fields(bytes);
  std::string table = fields.text();
  std::string id = fields.text();
  std::optional<Transfer> transfer;
  if (value) {
    transfer = co_await find_transfer(*reader, Transfer::Kind::kExport, job.account, job.region, std::move(table),
                                      std::move(id));
  }
  if (!transfer) co_return true;
  const std::string items = keys::rows_of(keys::rows_prefix(job.account, job.region, transfer->number), keys::kItems);
  storage::KeyRange range(items + (transfer->cursor.empty() ? "" : transfer->cursor + '\0'),
                          storage::after_prefix(items));
  storage::ScanOptions options;
  options.limit = kFileRows;
  options.byte_limit = kFileBytes;
  std::vector<storage::KeyValue> rows = co_await reader->scan(range, options);
  co_await reader->commit();
  Transfer next = *transfer;
  const bool last = rows.empty();
  if (last) {
    next.ended = store_.clock().now();
    next.status = Transfer::Status::kCompleted;
  }
  Task<void> writing = last ? write_manifests(next) : write_next(next, std::move(rows));
  const Result<void> written = co_await attempt(std::move(writing));
  if (!written.ok()) {
    if (written.error().is(cumulet::errors::kServiceUnavailable)) co_return written.error();
    next = *transfer;
    next.ended = store_.clock().now();
    next.status = Transfer::Status::kFailed;
    next.failure_code = "S3" + written.error().code();
    next.failure_message = written.error().message();
  }
  const auto body = [&](storage::Transaction& transaction) { return save(transaction, next, row); };
  co_return co_await storage::transact(store_.database(), body);
}

}  // namespace cumulet::dynamodb
