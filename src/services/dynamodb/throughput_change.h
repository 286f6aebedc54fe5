#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "services/dynamodb/table.h"

namespace cumulet::dynamodb {

/// Takes units that UpdateTable gives a table or an index. They may become fewer four times a day (UTC), and further
/// times an hour after the last: LimitExceededException otherwise.
Result<void> change_throughput(Throughput& throughput, const Throughput& wanted, Timestamp now);

}  // namespace cumulet::dynamodb
