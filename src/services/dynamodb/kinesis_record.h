#pragma once

#include <string>

#include "base/clock.h"
#include "events/outbox.h"
#include "services/dynamodb/stream.h"
#include "services/dynamodb/table.h"

namespace cumulet::dynamodb {

/// Puts a change on its way to the table's Kinesis data stream, in the transaction that makes it; nothing when nothing
/// changed. As in AWS, records may come twice and not quite in order: their times tell.
void send_to_kinesis(storage::Transaction& transaction, events::Outbox& outbox, const Table& table, const Item* before,
                     const Item* after, ChangeOrigin origin, Timestamp now);

}  // namespace cumulet::dynamodb
