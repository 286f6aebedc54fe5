#pragma once

#include <string>
#include <vector>

#include "base/result.h"

/// AddPermission and RemovePermission: statements of a queue's policy that are named by a label.
namespace cumulet::sqs {

struct Permission {
  std::string label;
  std::vector<std::string> accounts;
  std::vector<std::string> actions;
};

/// The policy with one more statement. Fails when the label is taken, or an action or an account is none.
Result<std::string> with_permission(const std::string& policy, const std::string& queue_arn,
                                    const Permission& permission);
/// The policy without the labelled statement; empty when none is left. Fails when there is no such label.
Result<std::string> without_permission(const std::string& policy, const std::string& label);

}  // namespace cumulet::sqs
