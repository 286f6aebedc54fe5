#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/lambda/event_source/stream_lane.h"

/// Reads one shard of a stream for a mapping, hands its records to the lanes by their partition keys, and keeps the
/// shard's checkpoint: together with what was given up, in one transaction. Lives on one loop.
namespace cumulet::lambda {

class StreamShardReader : public std::enable_shared_from_this<StreamShardReader> {
 public:
  StreamShardReader(const PollerTools& tools, std::shared_ptr<const StreamSettings> settings,
                    events::StreamSource& source, std::string shard, const ShardCheckpoint& from);

  /// Ends when the shard was read to its end and everything in it is done, or after `stop`.
  Task<void> run();
  void stop();
  ShardCheckpoint checkpoint() const;

 private:
  Task<void> read();
  Task<void> wait_for_more();
  void distribute(std::vector<events::StreamRecord> records);
  bool is_full() const;
  Task<void> pause(milliseconds time);
  void start_lanes();

  void progressed();
  Task<void> write();

  const PollerTools& tools_;
  const std::shared_ptr<const StreamSettings> settings_;
  events::StreamSource& source_;
  const std::string shard_;

  events::StreamPosition base_;      ///< Where reading began.
  events::StreamPosition next_;      ///< Where it goes on.
  std::optional<std::string> last_;  ///< The last record read.
  std::vector<std::unique_ptr<StreamLane>> lanes_;
  std::size_t running_ = 0;
  bool stopping_ = false;
  bool at_end_ = false;
  bool finished_ = false;
  Wake wake_;

  bool dirty_ = false;
  bool writing_ = false;
  SteadyTime written_;
};

}  // namespace cumulet::lambda
