#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "services/lambda/event_source/poller.h"
#include "services/lambda/event_source/stream_shard.h"

/// The poller of a stream: finds its shards, and reads each once its parents are done.
namespace cumulet::lambda {

class StreamPoller final : public Poller, public std::enable_shared_from_this<StreamPoller> {
 public:
  StreamPoller(const PollerTools& tools, MappingRow mapping, events::StreamSource& source)
      : tools_(tools), mapping_(std::move(mapping)), source_(source) {}

  Task<void> run() override;
  void stop() override;
  Deferred<bool> ready() const override { return ready_; }

 private:
  /// One look at the stream's shards.
  Task<void> look();
  /// The mapping's first look: where reading begins in each shard.
  Task<void> begin(const std::vector<events::StreamShard>& shards);
  Task<ShardCheckpoint> beginning(const events::StreamShard& shard);
  Task<void> forget_gone(const std::vector<events::StreamShard>& shards);
  void start_reader(const std::string& shard);
  void reader_ended(const std::string& shard);

  const PollerTools& tools_;
  const MappingRow mapping_;
  events::StreamSource& source_;
  std::shared_ptr<const StreamSettings> settings_;
  std::map<std::string, ShardCheckpoint> checkpoints_;
  std::map<std::string, std::shared_ptr<StreamShardReader>> readers_;
  bool stopping_ = false;
  Wake wake_;
  Deferred<bool> ready_;
};

}  // namespace cumulet::lambda
