#pragma once

#include <string>

#include "base/task.h"
#include "services/dynamodb/request.h"
#include "services/dynamodb/store.h"
#include "wire/call.h"

namespace cumulet::dynamodb {

/// Kinesis data streams as destinations of a table's changes.
class KinesisOperations {
 public:
  explicit KinesisOperations(Store& store) : store_(store) {}

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
                    const std::string& stream_arn, Action action, const std::optional<std::string>& precision);

  Store& store_;
};

}  // namespace cumulet::dynamodb
