#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"
#include "events/metric_sink.h"
#include "events/outbox.h"
#include "events/stream_source.h"
#include "storage/database.h"
#include "wire/directory.h"
#include "wire/service.h"

namespace cumulet::dynamodb {

struct Options {
  events::Outbox* outbox = nullptr;             ///< To Kinesis data streams.
  const wire::Directory* directory = nullptr;   ///< To S3, for exports and imports.
  events::MetricSink* metrics = nullptr;        ///< To CloudWatch.
  std::uint64_t records_per_shard = 1'000'000;  ///< A stream's shard that has taken more of them splits.
};

/// The table service. Everything it knows stands in the database; README.md tells how.
class DynamoDb {
 public:
  DynamoDb(storage::Database& database, const Clock& clock, Options options = Options());
  ~DynamoDb();

  const wire::Service& service() const;
  /// DynamoDB Streams: a service of its own on the wire.
  const wire::Service& streams_service() const;
  /// The same streams for event source mappings.
  events::StreamSource& stream_source();

  /// Begins the work behind the replies (filling indexes, deleting tables' rows, expiring items) on that loop, first
  /// with what an earlier run left.
  void start(Loop& loop);
  /// Ends it. Blocks, at the latest until the deadline; not on a loop.
  void stop(SteadyTime deadline);
  /// Does all of that work that is due now: for tests.
  Task<void> settle();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace cumulet::dynamodb
