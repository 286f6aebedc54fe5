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
  transaction.append(table.recovery.log, std::move(row).bytes());
}

Result<Undo> decode_undo(std::string_view bytes) {
  storage::RowReader row(bytes);
  Undo undo;
  undo.time = Timestamp(std::chrono::microseconds(row.signed_number()));
  undo.item_key = row.text();
  undo.before = row.text();
  if (!row.ok()) return Error(errors::kInternalFailure, "A record of a table's changes is damaged.");
  return undo;
}

}  // namespace cumulet::dynamodb
