#pragma once

#include <string>

#include "base/task.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "wire/call.h"
#include "wire/directory.h"

namespace cumulet::dynamodb {

/// Kinesis data streams as destinations of a table's changes.
class KinesisOperations {
 public:
  KinesisOperations(Store& store, const wire::Directory* directory) : store_(store), directory_(directory) {}

  Task<shapes::KinesisStreamingDestinationOutput> enable(wire::Call& call,
                                                         shapes::KinesisStreamingDestinationInput& input);
  Task<shapes::KinesisStreamingDestinationOutput> disable(wire::Call& call,
                                                          shapes::KinesisStreamingDestinationInput& input);
  Task<shapes::DescribeKinesisStreamingDestinationOutput> describe(
      wire::Call& call, shapes::DescribeKinesisStreamingDestinationInput& input);
  Task<shapes::UpdateKinesisStreamingDestinationOutput> update(wire::Call& call,
                                                               shapes::UpdateKinesisStreamingDestinationInput& input);

 private:
  enum class Action { kEnable, kDisable, kUpdate };
  Task<bool> change(storage::Transaction& transaction, wire::Call& call, const std::string& name,
                    const std::string& stream_arn, Action action, const std::optional<std::string>& precision,
                    bool reachable);
  /// Whether the stream is there. Enabling is answered all the same, and fails behind the reply, as on AWS.
  Task<bool> reaches(wire::Call& call, const std::string& stream_arn) const;

  Store& store_;
  const wire::Directory* directory_;
};

}  // namespace cumulet::dynamodb
