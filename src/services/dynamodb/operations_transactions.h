#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/task.h"
#include "services/dynamodb/operations_items.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/write_plan.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// TransactWriteItems and TransactGetItems: one storage transaction each. A ClientRequestToken and what came with it
/// are kept for ten minutes, written in the transaction that they protect.
class TransactionOperations {
 public:
  explicit TransactionOperations(Store& store) : store_(store) {}

  Task<shapes::TransactWriteItemsOutput> transact_write_items(wire::Call& call, shapes::TransactWriteItemsInput& input);
  Task<shapes::TransactGetItemsOutput> transact_get_items(wire::Call& call, shapes::TransactGetItemsInput& input);

  struct Action {
    Action(WritePlan p, std::string n) : plan(std::move(p)), table(std::move(n)) {}
    WritePlan plan;
    std::string table;
  };
  /// What the actions come with. The fingerprint tells requests with one token from another.
  struct Terms {
    Terms() = default;
    std::optional<std::string> token;
    std::string fingerprint;
    std::optional<std::string> metrics;
  };
  struct Done {
    Done() = default;
    std::map<std::string, TablePtr> tables;
    std::map<std::string, Capacity> capacities;
    std::map<std::string, std::vector<shapes::ItemCollectionMetrics>> metrics;
    bool repeated = false;         ///< The token was known: nothing was written again.
    std::optional<Error> failure;  ///< Cancelled: nothing was written.
  };

  /// Does all of the actions or none; fails with TransactionCanceledException.
  Task<Done> execute(wire::Call& call, const std::vector<Action>& actions, const Terms& terms);
  /// Capacities as the reply tells them.
  static std::optional<std::vector<shapes::ConsumedCapacity>> consumed(const Done& done,
                                                                       const std::optional<std::string>& wanted);

 private:
  static Result<Action> action_of(const wire::Call& call, shapes::TransactWriteItem& item);
  Task<Done> write(storage::Transaction& transaction, wire::Call& call, const std::vector<Action>& actions,
                   const Terms& terms);
  /// True when the token was used with the same request.
  Task<bool> find_token(storage::Transaction& transaction, wire::Call& call, const std::string& token,
                        const std::string& fingerprint);
  static void put_token(storage::Transaction& transaction, wire::Call& call, const std::string& token,
                        const std::string& fingerprint);

  Store& store_;
};

}  // namespace cumulet::dynamodb
