#pragma once

#include <string>

#include "base/task.h"
#include "services/dynamodb/keys.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/stream.h"
#include "services/dynamodb/stream_signals.h"

namespace cumulet::dynamodb {

/// The life of streams: they begin and end with their tables' settings, their shards roll and split, their records go
/// after a day. All of it happens inside the caller's transaction.
class StreamKeeper {
 public:
  StreamKeeper(Store& store, StreamSignals& signals) : store_(store), signals_(signals) {}

  /// Gives the table a new stream. The caller writes the table.
  void open(storage::Transaction& transaction, Table& table, const std::string& view) const;
  /// Ends the table's stream: nothing is written to it any more; it can be read for another day.
  Task<void> close(storage::Transaction& transaction, Table& table) const;

  static Task<std::optional<Stream>> find(storage::Transaction& transaction, std::string account, std::string region,
                                          std::string table, std::string label);

  /// One piece of what is due for a stream: says whether that was all.
  Task<bool> tend(storage::Transaction& transaction, const keys::JobKey& job, const std::string& row) const;

 private:
  Task<bool> remove_rows(storage::Transaction& transaction, const Stream& stream, const Shard& shard) const;
  Task<bool> drop_old_shard(storage::Transaction& transaction, Stream& stream) const;
  Task<bool> trim(storage::Transaction& transaction, Stream& stream, Shard& shard) const;
  Task<bool> roll(storage::Transaction& transaction, Stream& stream) const;

  Store& store_;
  StreamSignals& signals_;
};

}  // namespace cumulet::dynamodb
