#include "services/dynamodb/undo_log.h"

#include "services/dynamodb/errors.h"
#include "services/dynamodb/item_codec.h"
#include "storage/row.h"

namespace cumulet::dynamodb {

void append_undo(storage::Transaction& transaction, const Table& table, const std::string& key, const Item* before,
                 Timestamp now) {
  storage::RowWriter row;
  row.signed_number(now.time_since_epoch().count()).text(std::string_view(key).substr(table.rows.size()));
  row.text(before ? encode_item(*before) : "");
  storage::append(transaction, table.recovery.log, std::move(row).bytes());
}

void append_marker(storage::Transaction& transaction, const Table& table, std::uint64_t marker, Timestamp now) {
  storage::RowWriter row;
  row.signed_number(now.time_since_epoch().count()).text("").text("").number(marker);
  storage::append(transaction, table.recovery.log, std::move(row).bytes());
}

Result<Timestamp> time_of_undo(std::string_view row) {
  Result<Undo> undo = decode_undo(row);
  if (!undo) return std::move(undo).error();
  return undo->time;
}

Result<Undo> decode_undo(std::string_view bytes) {
  storage::RowReader row(bytes);
  Undo undo;
  undo.time = Timestamp(std::chrono::microseconds(row.signed_number()));
  undo.item_key = row.text();
  undo.before = row.text();
  undo.marker = row.number();
  if (!row.ok()) return Error(errors::kInternalFailure, "A record of a table's changes is damaged.");
  return undo;
}

}  // namespace cumulet::dynamodb
