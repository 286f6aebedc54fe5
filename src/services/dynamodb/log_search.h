#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/task.h"
#include "storage/database.h"

namespace cumulet::dynamodb {

/// The place of the oldest or newest row of a log; empty when it has none.
Task<std::string> edge_of_log(storage::Transaction& transaction, std::string log, bool newest);

/// Where the first commit stands in the log whose rows are of `time` or later: 8 bytes of a place. Times hardly ever
/// decrease from row to row, so halving the range of commits finds it in a few steps. Empty when the log has no rows.
Task<std::string> commit_at_time(storage::Transaction& transaction, std::string log, Timestamp time,
                                 Result<Timestamp> (*time_of)(std::string_view row));

}  // namespace cumulet::dynamodb
