#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/loop.h"
#include "base/task.h"

/// A stream as event source mappings read it. Kinesis data streams and DynamoDB streams implement it; Lambda reads.
namespace cumulet::events {

struct StreamShard {
  StreamShard() = default;
  std::string id;
  std::vector<std::string> parents;  ///< Shards that must be read to their end before this one.
  bool closed = false;               ///< Nothing is written to it any more.
};

struct StreamRecord {
  StreamRecord() = default;
  std::string sequence_number;
  std::string partition_key;  ///< Records of one key stay in order, also when a shard is read by several invocations.
  Timestamp arrived;
  /// The record as it stands in the event's `Records`, a JSON object without eventSourceARN, awsRegion and
  /// invokeIdentityArn, which the reader adds.
  std::string event;
};

/// Where reading begins.
struct StreamPosition {
  enum class Kind { kTrimHorizon, kLatest, kAtTimestamp, kAfterSequenceNumber };
  StreamPosition() = default;
  StreamPosition(Kind k, std::string s, Timestamp t) : kind(k), sequence_number(std::move(s)), timestamp(t) {}
  static StreamPosition after(std::string sequence_number) {
    return StreamPosition(Kind::kAfterSequenceNumber, std::move(sequence_number), Timestamp());
  }
  Kind kind = Kind::kTrimHorizon;
  std::string sequence_number;  ///< For kAfterSequenceNumber.
  Timestamp timestamp;          ///< For kAtTimestamp.
};

struct StreamBatch {
  StreamBatch() = default;
  std::vector<StreamRecord> records;
  /// Where to go on when there were no records (a kLatest or kAtTimestamp position becomes a fixed one).
  StreamPosition next;
  bool at_end = false;  ///< The shard is closed and everything in it was read.
};

class StreamSource {
 public:
  virtual ~StreamSource() = default;
  /// All shards that still hold records. Fails with ResourceNotFoundException. Any loop.
  virtual Task<std::vector<StreamShard>> shards(std::string stream_arn) = 0;
  /// Up to `limit` records and about `bytes` of them. A position that was trimmed away reads from the oldest record.
  virtual Task<StreamBatch> read(std::string stream_arn, std::string shard, StreamPosition from, std::size_t limit,
                                 std::size_t bytes) = 0;
  /// Ends when the shard has records after `from`, or was closed, or the stream is gone, or at the deadline.
  virtual Task<void> wait(std::string stream_arn, std::string shard, StreamPosition from, SteadyTime deadline) = 0;
};

}  // namespace cumulet::events
