#pragma once

#include <string>

#include "base/task.h"
#include "services/dynamodb/store.h"
#include "services/dynamodb/stream.h"
#include "services/dynamodb/stream_reader.h"
#include "wire/call.h"
#include "wire/generated/dynamodbstreams.h"

namespace cumulet::dynamodb {

namespace stream_shapes = wire::dynamodbstreams;

/// ListStreams, DescribeStream, GetShardIterator, GetRecords: the service "dynamodbstreams".
class StreamOperations {
 public:
  explicit StreamOperations(Store& store) : store_(store) {}

  Task<stream_shapes::ListStreamsOutput> list_streams(wire::Call& call, stream_shapes::ListStreamsInput& input);
  Task<stream_shapes::DescribeStreamOutput> describe_stream(wire::Call& call,
                                                            stream_shapes::DescribeStreamInput& input);
  Task<stream_shapes::GetShardIteratorOutput> get_shard_iterator(wire::Call& call,
                                                                 stream_shapes::GetShardIteratorInput& input);
  Task<stream_shapes::GetRecordsOutput> get_records(wire::Call& call, stream_shapes::GetRecordsInput& input);

 private:
  Task<Stream> require_stream(storage::Transaction& transaction, wire::Call& call, const std::string& arn) const;
  Task<StreamCursor> cursor_of(storage::Transaction& transaction, const Stream& stream, const Shard& shard,
                               const stream_shapes::GetShardIteratorInput& input) const;

  Store& store_;
};

/// The stream of an ARN; fails with ResourceNotFoundException, also past the day for which a disabled one is kept.
Task<Stream> stream_of_arn(storage::Transaction& transaction, std::string arn, Timestamp now);

}  // namespace cumulet::dynamodb
