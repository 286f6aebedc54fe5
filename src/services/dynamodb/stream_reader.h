#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/stream.h"

namespace cumulet::dynamodb {

/// Where reading a shard goes on: what stands in a record's key behind the log. Empty: the oldest record.
using StreamCursor = std::string;

/// Behind that place.
inline StreamCursor after_place(std::string place) { return std::move(place) + '\0'; }

struct StreamPage {
  StreamPage() = default;
  std::vector<Change> changes;
  StreamCursor next;
  bool at_end = false;  ///< The shard is closed and all of it was read.
};

// All of these read in the caller's transaction, so that a shard that is closed in it gets no more records.

/// Records of a shard, those of the last day only.
Task<StreamPage> read_shard(storage::Transaction& transaction, const Stream& stream, const Shard& shard,
                            StreamCursor from, std::size_t limit, std::size_t bytes, Timestamp now);
/// Behind the newest record.
Task<StreamCursor> latest_cursor(storage::Transaction& transaction, const Stream& stream, const Shard& shard);
/// At the first record of that time or later.
Task<StreamCursor> cursor_at_time(storage::Transaction& transaction, const Stream& stream, const Shard& shard,
                                  Timestamp time);
/// The place where the shard began, and where it ended (empty when it did not).
Task<std::string> begin_place(storage::Transaction& transaction, const Stream& stream, const Shard& shard);
Task<std::string> end_place(storage::Transaction& transaction, const Stream& stream, const Shard& shard);
/// Whether records that the cursor still had before it are gone.
bool was_trimmed(const Shard& shard, const StreamCursor& from);

}  // namespace cumulet::dynamodb
