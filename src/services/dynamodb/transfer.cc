#include "services/dynamodb/transfer.h"

#include <array>
#include <cstdio>

#include "base/ids.h"
#include "base/text.h"
#include "services/dynamodb/errors.h"
#include "services/dynamodb/keys.h"
#include "storage/row.h"

namespace cumulet::dynamodb {
namespace {

std::int64_t micros(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp timestamp(std::int64_t value) { return Timestamp(std::chrono::microseconds(value)); }
std::string_view kind_text(Transfer::Kind kind) { return kind == Transfer::Kind::kExport ? "export" : "import"; }

}  // namespace

std::string Transfer::table_arn() const { return "arn:aws:dynamodb:" + region + ":" + account + ":table/" + table; }

std::string Transfer::arn() const { return table_arn() + "/" + std::string(kind_text(kind)) + "/" + id; }

std::string Transfer::row_key() const { return keys::transfer_row(account, region, kind_text(kind), table, id); }

std::string_view status_text(Transfer::Status status) {
  switch (status) {
    case Transfer::Status::kInProgress:
      return "IN_PROGRESS";
    case Transfer::Status::kCompleted:
      return "COMPLETED";
    case Transfer::Status::kFailed:
      break;
  }
  return "FAILED";
}

std::string Transfer::encode() const {
  storage::RowWriter row;
  row.text(table_id).number(number).number(static_cast<std::uint64_t>(status)).text(token).text(fingerprint);
  row.text(bucket).text(bucket_owner).text(prefix).text(encryption).text(encryption_key).text(format);
  row.text(compression).text(delimiter).texts(header);
  row.signed_number(micros(moment)).signed_number(micros(started)).signed_number(micros(ended));
  row.text(failure_code).text(failure_message).number(items).number(seen).number(errors).number(bytes).text(cursor);
  row.number(files.size());
  for (const File& file : files) row.text(file.key).text(file.md5).text(file.etag).number(file.items);
  row.text(request).text(view).signed_number(micros(from)).signed_number(micros(until)).texts(key_names);
  return std::move(row).bytes();
}

Result<Transfer> Transfer::decode(Kind kind, std::string account, std::string region, std::string table, std::string id,
                                  std::string_view bytes) {
  storage::RowReader row(bytes);
  Transfer one;
  one.kind = kind;
  one.account = std::move(account);
  one.region = std::move(region);
  one.table = std::move(table);
  one.id = std::move(id);
  one.table_id = row.text();
  one.number = row.number();
  one.status = static_cast<Status>(row.number());
  for (std::string* text : {&one.token, &one.fingerprint, &one.bucket, &one.bucket_owner, &one.prefix, &one.encryption,
                            &one.encryption_key, &one.format, &one.compression, &one.delimiter}) {
    *text = row.text();
  }
  one.header = row.texts();
  for (Timestamp* time : {&one.moment, &one.started, &one.ended}) *time = timestamp(row.signed_number());
  one.failure_code = row.text();
  one.failure_message = row.text();
  for (std::uint64_t* number : {&one.items, &one.seen, &one.errors, &one.bytes}) *number = row.number();
  one.cursor = row.text();
  for (std::size_t count = row.count(); count > 0 && row.ok(); --count) {
    File& file = one.files.emplace_back();
    file.key = row.text();
    file.md5 = row.text();
    file.etag = row.text();
    file.items = row.number();
  }
  one.request = row.text();
  one.view = row.text();
  one.from = timestamp(row.signed_number());
  one.until = timestamp(row.signed_number());
  one.key_names = row.texts();
  if (!row.ok()) return Error(errors::kInternalFailure, "The description of an export or import is damaged.");
  return one;
}

Transfer new_transfer(Transfer::Kind kind, const std::string& account, const std::string& region,
                      const std::string& table, Timestamp now) {
  std::array<char, 24> millis{};
  std::snprintf(millis.data(), millis.size(), "%014lld-", static_cast<long long>(micros(now) / 1000));
  Transfer transfer;
  transfer.kind = kind;
  transfer.account = account;
  transfer.region = region;
  transfer.table = table;
  transfer.id = millis.data() + hex_encode(random_bytes(4));
  transfer.started = now;
  return transfer;
}

Task<std::optional<Transfer>> find_transfer(storage::Transaction& transaction, Transfer::Kind kind, std::string account,
                                            std::string region, std::string table, std::string id) {
  const std::optional<std::string> row =
      co_await transaction.get(keys::transfer_row(account, region, kind_text(kind), table, id));
  if (!row) co_return std::optional<Transfer>();
  Result<Transfer> decoded =
      Transfer::decode(kind, std::move(account), std::move(region), std::move(table), std::move(id), *row);
  Transfer transfer = co_await std::move(decoded);
  co_return std::optional<Transfer>(std::move(transfer));
}

}  // namespace cumulet::dynamodb
