#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/task.h"
#include "services/dynamodb/operations_items.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/write_plan.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// BatchGetItem and BatchWriteItem. A batch runs in one transaction, which is more than DynamoDB promises; so it
/// leaves unprocessed only what has no provisioned throughput left, or would make a reply larger than 16 MB.
class BatchOperations {
 public:
  explicit BatchOperations(Store& store) : store_(store) {}

  Task<shapes::BatchGetItemOutput> batch_get_item(wire::Call& call, shapes::BatchGetItemInput& input);
  Task<shapes::BatchWriteItemOutput> batch_write_item(wire::Call& call, shapes::BatchWriteItemInput& input);

 private:
  struct TableWrites {
    TableWrites() = default;
    std::string given_name;  ///< As the request has it, possibly an ARN.
    std::string name;
    std::vector<WritePlan> plans;
  };
  struct WriteResult {
    WriteResult() = default;
    std::vector<TablePtr> tables;
    std::vector<Capacity> capacities;
    std::vector<std::vector<std::size_t>> throttled;  ///< Of each table: places of the plans that were not done.
    std::vector<std::vector<shapes::ItemCollectionMetrics>> metrics;
  };

  Task<WriteResult> write(storage::Transaction& transaction, wire::Call& call, const std::vector<TableWrites>& batch,
                          const shapes::BatchWriteItemInput& input);
  /// One of the writes of a table; false when there is no throughput left for it.
  Task<bool> write_one(storage::Transaction& transaction, wire::Call& call, const WritePlan& plan,
                       const shapes::BatchWriteItemInput& input, WriteResult& result);

  Store& store_;
};

}  // namespace cumulet::dynamodb
