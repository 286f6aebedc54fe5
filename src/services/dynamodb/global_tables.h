#pragma once

#include <string>

#include "base/task.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "wire/call.h"

/// Global tables: this server is one region after another, each on its own, and replicates to none. So the API answers
/// as it does where no table is global, and refuses to make one so.
namespace cumulet::dynamodb {

/// Refuses what UpdateTable says about replicas.
Result<void> check_replicas(const std::string& region, const shapes::UpdateTableInput& input);

class GlobalTableOperations {
 public:
  explicit GlobalTableOperations(Store& store) : store_(store) {}

  Task<shapes::CreateGlobalTableOutput> create_global_table(wire::Call& call, shapes::CreateGlobalTableInput& input);
  Task<shapes::DescribeGlobalTableOutput> describe_global_table(wire::Call& call,
                                                                shapes::DescribeGlobalTableInput& input);
  Task<shapes::DescribeGlobalTableSettingsOutput> describe_global_table_settings(
      wire::Call& call, shapes::DescribeGlobalTableSettingsInput& input);
  Task<shapes::ListGlobalTablesOutput> list_global_tables(wire::Call& call, shapes::ListGlobalTablesInput& input);
  Task<shapes::UpdateGlobalTableOutput> update_global_table(wire::Call& call, shapes::UpdateGlobalTableInput& input);
  Task<shapes::UpdateGlobalTableSettingsOutput> update_global_table_settings(
      wire::Call& call, shapes::UpdateGlobalTableSettingsInput& input);
  Task<shapes::DescribeTableReplicaAutoScalingOutput> describe_table_replica_auto_scaling(
      wire::Call& call, shapes::DescribeTableReplicaAutoScalingInput& input);
  Task<shapes::UpdateTableReplicaAutoScalingOutput> update_table_replica_auto_scaling(
      wire::Call& call, shapes::UpdateTableReplicaAutoScalingInput& input);

 private:
  Task<TablePtr> find(wire::Call& call, const std::string& given);

  Store& store_;
};

}  // namespace cumulet::dynamodb
