#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "services/dynamodb/table.h"
#include "storage/database.h"
#include "storage/log.h"

/// The log of old images: what takes a table back to how it was. docs/decisions/dynamodb-undo-log.md has the why.
namespace cumulet::dynamodb {

/// One change's way back.
struct Undo {
  Undo() = default;
  Timestamp time{};
  std::string item_key;      ///< The item's row without the table's beginning.
  std::string before;        ///< The item's row as it was; empty: it did not exist.
  std::uint64_t marker = 0;  ///< Instead of a change: where a copy's table is as it shall be.
};

/// Writes what undoes a change, in the transaction that makes it.
void append_undo(storage::Transaction& transaction, const Table& table, const std::string& key, const Item* before,
                 Timestamp now);
/// Marks the place in the log: everything behind it is later than the mark.
void append_marker(storage::Transaction& transaction, const Table& table, std::uint64_t marker, Timestamp now);
Result<Timestamp> time_of_undo(std::string_view row);
Result<Undo> decode_undo(std::string_view row);

}  // namespace cumulet::dynamodb
