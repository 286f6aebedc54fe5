#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "base/task.h"
#include "services/dynamodb/table.h"
#include "storage/database.h"

namespace cumulet::dynamodb {

enum class BackupStatus : std::uint8_t { kCreating = 0, kAvailable = 1 };

/// A backup: the table's description as it was, and its items' rows under a number of their own.
struct Backup {
  Backup() = default;
  std::string account;
  std::string region;
  std::string table;
  std::string id;
  std::string name;
  std::uint64_t number = 0;  ///< Of its rows, as a table's.
  bool system = false;       ///< Made when a table with continuous backups was deleted.
  BackupStatus status = BackupStatus::kCreating;
  Timestamp created{};
  std::optional<Timestamp> expires;
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;
  std::string table_row;       ///< The table's description, encoded.
  std::uint64_t restores = 0;  ///< Under way.

  std::string arn() const;
  std::string row_key() const;
  Result<Table> source() const { return Table::decode(account, region, table, table_row); }
  std::string encode() const;
  static Result<Backup> decode(std::string account, std::string region, std::string table, std::string id,
                               std::string_view row);
};

Backup new_backup(const Table& table, std::string name, Timestamp now);

/// Null when there is no such backup.
Task<std::optional<Backup>> find_backup(storage::Transaction& transaction, std::string account, std::string region,
                                        std::string table, std::string id);
/// The table's name and the id out of a backup's ARN.
std::optional<std::pair<std::string, std::string>> parse_backup_arn(std::string_view arn, std::string_view account,
                                                                    std::string_view region);

}  // namespace cumulet::dynamodb
