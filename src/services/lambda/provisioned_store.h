#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "services/lambda/function_name.h"
#include "services/lambda/store.h"
#include "storage/database.h"

namespace cumulet::lambda {

/// How many environments of a version or an alias are to be held ready: ("lambda-provisioned", account, region, name,
/// qualifier). A space of its own, so that a start need not read all functions to find the few that have some.
struct ProvisionedRow {
  FunctionName name;  ///< With its qualifier.
  std::int64_t requested = 0;
  Timestamp last_modified;
};

Task<std::optional<ProvisionedRow>> find_provisioned(storage::Transaction& txn, FunctionName name);
void put_provisioned(storage::Transaction& txn, const ProvisionedRow& row);
void erase_provisioned(storage::Transaction& txn, const FunctionName& name);
/// Of one function, ordered by qualifier.
Task<std::vector<ProvisionedRow>> list_provisioned(storage::Transaction& txn, FunctionName name);
/// Of everybody.
Task<std::vector<ProvisionedRow>> list_all_provisioned(storage::Transaction& txn);
/// The sum for each function of an account in a region.
Task<std::map<std::string, std::int64_t>> sum_provisioned(storage::Transaction& txn, std::string account,
                                                          std::string region);

/// What of the account's concurrency is set aside for functions: reserved, or else provisioned. `without` is left out.
Task<std::int64_t> taken_concurrency(storage::Transaction& txn, const Store& store, std::string without = {});
/// What the functions of an account and region have reserved.
Task<std::int64_t> sum_reserved(storage::Transaction& txn, const Store& store);

}  // namespace cumulet::lambda
