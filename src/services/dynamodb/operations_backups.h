#pragma once

#include <string>

#include "base/task.h"
#include "services/dynamodb/backup.h"
#include "services/dynamodb/copier.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/table_description.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// Backups on demand, continuous backups, and tables restored from either.
class BackupOperations {
 public:
  explicit BackupOperations(Store& store) : store_(store) {}

  Task<shapes::CreateBackupOutput> create_backup(wire::Call& call, shapes::CreateBackupInput& input);
  Task<shapes::DescribeBackupOutput> describe_backup(wire::Call& call, shapes::DescribeBackupInput& input);
  Task<shapes::DeleteBackupOutput> delete_backup(wire::Call& call, shapes::DeleteBackupInput& input);
  Task<shapes::ListBackupsOutput> list_backups(wire::Call& call, shapes::ListBackupsInput& input);
  Task<shapes::RestoreTableFromBackupOutput> restore_table_from_backup(wire::Call& call,
                                                                       shapes::RestoreTableFromBackupInput& input);
  Task<shapes::DescribeContinuousBackupsOutput> describe_continuous_backups(
      wire::Call& call, shapes::DescribeContinuousBackupsInput& input);
  Task<shapes::UpdateContinuousBackupsOutput> update_continuous_backups(wire::Call& call,
                                                                        shapes::UpdateContinuousBackupsInput& input);
  Task<shapes::RestoreTableToPointInTimeOutput> restore_table_to_point_in_time(
      wire::Call& call, shapes::RestoreTableToPointInTimeInput& input);

 private:
  Task<Backup> back_up(storage::Transaction& transaction, wire::Call& call, const std::string& table,
                       const std::string& name);
  Task<Backup> require_backup(storage::Transaction& transaction, wire::Call& call, const std::string& arn) const;
  Task<Backup> forget(storage::Transaction& transaction, wire::Call& call, const std::string& arn) const;
  Task<TablePtr> restore_backup(storage::Transaction& transaction, wire::Call& call,
                                const shapes::RestoreTableFromBackupInput& input);
  Task<TablePtr> set_recovery(storage::Transaction& transaction, wire::Call& call, const std::string& name,
                              const shapes::PointInTimeRecoverySpecification& wanted);
  Task<TablePtr> restore_moment(storage::Transaction& transaction, wire::Call& call, const std::string& source,
                                const shapes::RestoreTableToPointInTimeInput& input);
  Task<void> require_free_name(storage::Transaction& transaction, wire::Call& call, const std::string& name);

  Store& store_;
};

/// The earliest moment to which the table can be restored.
Timestamp earliest_restorable(const Table& table, Timestamp now);
/// When a table with continuous backups goes, its rows become a backup that DynamoDB keeps for 35 days. The caller
/// removes the table's own row, and nothing else.
void keep_as_system_backup(storage::Transaction& transaction, const Table& table, TableSize size, Timestamp now);

}  // namespace cumulet::dynamodb
