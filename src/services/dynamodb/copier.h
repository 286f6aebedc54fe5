#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/task.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/store.h"

namespace cumulet::dynamodb {

/// A copy of a table's items as they were at one moment, while writes go on: the rows as they are now, piece by piece,
/// then all later changes undone from the newest to the oldest. docs/decisions/dynamodb-undo-log.md has the why.
struct Copy {
  enum class Purpose : std::uint8_t { kBackup = 1, kRestore = 2, kExport = 3, kExportChanges = 4 };
  /// The last three are those of kExportChanges: see change_collector.h.
  enum class Phase : std::uint8_t {
    kRows = 0,
    kUndo = 1,
    kCount = 2,
    kFinish = 3,
    kCollect = 4,
    kLookUp = 5,
    kCorrect = 6,
  };
  Copy() = default;

  Purpose purpose = Purpose::kBackup;
  std::uint64_t source = 0;  ///< The number of the rows to copy, and of the log to undo.
  std::uint64_t target = 0;
  std::string source_table;  ///< The table that keeps its log for us; empty: none does, and nothing is undone.
  std::string target_name;   ///< The restored table, or the export's id.
  std::string backup_table;  ///< The backup that is made or restored.
  std::string backup_id;
  std::uint64_t marker = 0;  ///< Undo what is behind this mark in the log …
  std::string cut;           ///< … or what is at or behind this commit.
  std::string until;         ///< Changes: from `cut` up to this commit, which is no longer one of them.
  Phase phase = Phase::kRows;
  std::string cursor;  ///< The last row that was done in this phase.
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;

  std::string encode() const;
  static Result<Copy> decode(std::string_view row);
};

/// Begins a copy: the job that does it. When it has a source table, the caller has raised its count of copies.
void begin_copy(storage::Transaction& transaction, const std::string& account, const std::string& region,
                const Copy& copy);
/// Raises the table's count of copies and marks the place; the caller writes the table.
void hold_log(storage::Transaction& transaction, Table& table, std::uint64_t marker, Timestamp now);
/// Makes sure that the table's log is looked after (trimmed, and removed when nobody needs it any more).
void tend_log(storage::Transaction& transaction, const Table& table);

class Copier {
 public:
  explicit Copier(Store& store) : store_(store) {}

  /// One piece of a copy, in transactions of its own: says whether that was all.
  Task<bool> step(keys::JobKey job, std::string row);
  /// One piece of looking after a table's log of changes.
  Task<bool> trim_log(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row) const;
  /// Removes a backup whose time has come.
  Task<bool> expire_backup(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row) const;

 private:
  Task<bool> copy_rows(const keys::JobKey& job, const std::string& row, Copy copy);
  Task<bool> save_rows(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row,
                       const Copy& copy, const std::vector<storage::KeyValue>& rows) const;
  Task<bool> collect(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row,
                     const Copy& copy) const;
  Task<bool> undo(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row, Copy copy) const;
  Task<bool> count(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row, Copy copy) const;
  Task<bool> finish(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row,
                    const Copy& copy) const;
  Task<void> finish_restore(storage::Transaction& transaction, const keys::JobKey& job, const Copy& copy) const;
  Task<void> release_source(storage::Transaction& transaction, const keys::JobKey& job, const Copy& copy) const;

  Store& store_;
};

/// Forgets a backup and its rows.
void remove_backup(storage::Transaction& transaction, const std::string& account, const std::string& region,
                   const std::string& row_key, std::uint64_t number);

}  // namespace cumulet::dynamodb
