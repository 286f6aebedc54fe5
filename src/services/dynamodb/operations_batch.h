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

/// BatchGetItem and BatchWriteItem. A batch runs in one transaction, which is more than DynamoDB promises; so a write
/// batch leaves nothing unprocessed, and a read batch only what would make the reply larger than 16 MB.
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
  };

  Task<WriteResult> write(storage::Transaction& transaction, wire::Call& call, const std::vector<TableWrites>& batch);

  Store& store_;
};

}  // namespace cumulet::dynamodb
