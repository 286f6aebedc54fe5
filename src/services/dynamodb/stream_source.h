#pragma once

#include <string>
#include <vector>

#include "events/stream_source.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/stream_reader.h"
#include "services/dynamodb/stream_signals.h"

namespace cumulet::dynamodb {

/// Streams as event source mappings read them.
class TableStreams final : public events::StreamSource {
 public:
  TableStreams(Store& store, StreamSignals& signals) : store_(store), signals_(signals) {}

  Task<std::vector<events::StreamShard>> shards(std::string stream_arn) override;
  Task<events::StreamBatch> read(std::string stream_arn, std::string shard, events::StreamPosition from,
                                 std::size_t limit, std::size_t bytes) override;
  Task<void> wait(std::string stream_arn, std::string shard, events::StreamPosition from, SteadyTime deadline) override;

 private:
  struct Found {
    Found() = default;
    Stream stream;
    Shard shard;
    StreamCursor cursor;
  };
  Task<Found> find(storage::Transaction& transaction, std::string stream_arn, std::string shard,
                   events::StreamPosition from) const;
  /// There is something to read, or never will be.
  Task<bool> has_news(std::string stream_arn, std::string shard, events::StreamPosition from) const;

  Store& store_;
  StreamSignals& signals_;
};

}  // namespace cumulet::dynamodb
