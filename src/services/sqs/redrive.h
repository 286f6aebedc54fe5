#pragma once

#include "base/task.h"
#include "services/sqs/model.h"
#include "storage/database.h"

namespace cumulet::sqs {

/// Whether a queue may have the dead-letter queue that its settings name: it must exist in the same account and region,
/// be of the same type, and take dead letters of this queue. Fails with InvalidParameterValue.
Task<void> check_redrive(storage::Transaction& txn, QueueName name, const QueueSettings& settings);

}  // namespace cumulet::sqs
