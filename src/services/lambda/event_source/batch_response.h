#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace cumulet::lambda {

/// Which of a batch's items a function reported as failed ({"batchItemFailures": [{"itemIdentifier": …}]}).
struct BatchFailures {
  BatchFailures() = default;
  bool whole_batch = false;  ///< The answer is none that can be read, or names what was not in the batch.
  std::set<std::string> items;
};

/// No list, an empty one and no answer at all mean that everything succeeded. `items` are the batch's identifiers.
/// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
BatchFailures batch_failures(const std::string& answer, const std::vector<std::string>& items);

/// The member "state" of the answer of a function with a tumbling window: JSON; nullopt when there is none.
std::optional<std::string> window_state(const std::string& answer);

}  // namespace cumulet::lambda
