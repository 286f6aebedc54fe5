#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/task.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/write_plan.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// What a write did. When its condition did not hold it did nothing, and `failure` says so.
struct WriteOutcome {
  WriteOutcome() = default;
  TablePtr table;
  std::optional<StoredItem> before;
  std::optional<StoredItem> after;
  Capacity capacity;
  std::uint64_t collection_bytes = 0;  ///< Of a table with local indexes.
  std::optional<Error> failure;
};

/// GetItem, PutItem, UpdateItem, DeleteItem.
class ItemOperations {
 public:
  explicit ItemOperations(Store& store) : store_(store) {}

  Task<shapes::GetItemOutput> get_item(wire::Call& call, shapes::GetItemInput& input);
  Task<shapes::PutItemOutput> put_item(wire::Call& call, shapes::PutItemInput& input);
  Task<shapes::DeleteItemOutput> delete_item(wire::Call& call, shapes::DeleteItemInput& input);
  Task<shapes::UpdateItemOutput> update_item(wire::Call& call, shapes::UpdateItemInput& input);

  /// Runs the plan in a transaction of its own. `wants_before`: the reply needs the item as it was.
  Task<WriteOutcome> execute(wire::Call& call, const std::string& table_name, const WritePlan& plan, bool wants_before);
  /// The same, with a condition that did not hold in the outcome.
  Task<WriteOutcome> decide(wire::Call& call, const std::string& table_name, const WritePlan& plan, bool wants_before);

 private:
  Task<WriteOutcome> attempt_write(storage::Transaction& transaction, wire::Call& call, const std::string& name,
                                   const WritePlan& plan, bool wants_before);

  Store& store_;
};

/// The projection of a request, in either form: ProjectionExpression or AttributesToGet. Nothing: all attributes.
struct ProjectionRequest {
  ProjectionRequest() = default;
  std::optional<BoundExpression> expression;
  std::optional<Projection> projection;
};
Result<ProjectionRequest> projection_of(const std::optional<std::string>& expression,
                                        const std::optional<std::map<std::string, std::string>>& names,
                                        const std::optional<std::vector<std::string>>& attributes_to_get);
/// AttributesToGet must not name an attribute twice.
Result<void> check_attributes_to_get(const std::optional<std::vector<std::string>>& attributes);

}  // namespace cumulet::dynamodb
