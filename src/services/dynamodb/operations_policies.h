#pragma once

#include <string>

#include "base/task.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// Resource policies of tables and streams. They are checked, kept and given back; access within the account does not
/// depend on them.
class PolicyOperations {
 public:
  explicit PolicyOperations(Store& store) : store_(store) {}

  Task<shapes::PutResourcePolicyOutput> put_resource_policy(wire::Call& call, shapes::PutResourcePolicyInput& input);
  Task<shapes::GetResourcePolicyOutput> get_resource_policy(wire::Call& call, shapes::GetResourcePolicyInput& input);
  Task<shapes::DeleteResourcePolicyOutput> delete_resource_policy(wire::Call& call,
                                                                  shapes::DeleteResourcePolicyInput& input);

 private:
  /// Which table's row has the policy, and in which of its two places.
  struct Subject {
    Subject() = default;
    TablePtr table;
    bool stream = false;
  };
  Task<Subject> find(storage::Transaction& transaction, wire::Call& call, const std::string& arn);
  Task<std::string> replace(storage::Transaction& transaction, wire::Call& call, const std::string& arn,
                            std::string policy, const std::optional<std::string>& expected);

  Store& store_;
};

}  // namespace cumulet::dynamodb
