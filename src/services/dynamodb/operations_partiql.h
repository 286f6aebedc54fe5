#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "services/dynamodb/operations_items.h"
#include "services/dynamodb/operations_transactions.h"
#include "services/dynamodb/partiql_select.h"
#include "services/dynamodb/partiql_statement.h"
#include "services/dynamodb/store.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// ExecuteStatement, BatchExecuteStatement, ExecuteTransaction.
class PartiqlOperations {
 public:
  PartiqlOperations(Store& store, ItemOperations& items, TransactionOperations& transactions)
      : store_(store), items_(items), transactions_(transactions) {}

  Task<shapes::ExecuteStatementOutput> execute_statement(wire::Call& call, shapes::ExecuteStatementInput& input);
  Task<shapes::BatchExecuteStatementOutput> batch_execute_statement(wire::Call& call,
                                                                    shapes::BatchExecuteStatementInput& input);
  Task<shapes::ExecuteTransactionOutput> execute_transaction(wire::Call& call, shapes::ExecuteTransactionInput& input);

 private:
  using Parameters = std::optional<std::vector<AttributeValue>>;

  /// A statement with the table that it names. What is planned from it refers to it, so it stays where it is.
  struct Prepared {
    Prepared() = default;
    partiql::Statement statement;
    std::string name;
    TablePtr table;
    std::optional<BoundExpression> where;
    Item subject;
    std::string fingerprint;
  };
  using PreparedPtr = std::unique_ptr<Prepared>;

  /// How a SELECT is to be read.
  struct Bounds {
    Bounds() = default;
    bool consistent = false;
    std::optional<std::size_t> limit;
    std::optional<std::string> token;
  };
  struct Selected {
    Selected() = default;
    std::vector<Item> items;
    std::optional<std::string> next_token;
    std::optional<Item> last_key;
    Capacity capacity;
  };

  Task<PreparedPtr> prepare(wire::Call& call, std::string text, Parameters parameters);
  static Result<WritePlan> plan_of(Prepared& prepared, const std::optional<std::string>& return_on_failure);
  Task<Selected> select(wire::Call& call, const Prepared& prepared, Bounds bounds);
  Task<shapes::BatchStatementResponse> one_of_batch(wire::Call& call, shapes::BatchStatementRequest& request,
                                                    Capacity& capacity, bool& is_read);
  Task<shapes::BatchStatementResponse> read_one(wire::Call& call, const Prepared& prepared, bool consistent,
                                                Capacity& capacity);
  Task<shapes::BatchStatementResponse> write_one(wire::Call& call, Prepared& prepared,
                                                 std::optional<std::string> wanted, Capacity& capacity);
  Task<shapes::ExecuteTransactionOutput> read_all(wire::Call& call, const std::vector<PreparedPtr>& statements,
                                                  std::optional<std::string> wanted_capacity);

  Store& store_;
  ItemOperations& items_;
  TransactionOperations& transactions_;
};

}  // namespace cumulet::dynamodb
