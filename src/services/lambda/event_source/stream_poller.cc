#include "services/lambda/event_source/stream_poller.h"

#include <algorithm>

#include "base/log.h"

namespace cumulet::lambda {
namespace {

using events::StreamPosition;
using std::chrono::steady_clock;

/// A shard that ends makes the poller look for its children at once; this is for what comes otherwise.
constexpr seconds kLook{60};
constexpr milliseconds kFirstPollPause{200};
constexpr milliseconds kLongestPollPause{10'000};

}  // namespace

Task<void> StreamPoller::run() {
  const std::shared_ptr<StreamPoller> self = shared_from_this();
  settings_ = std::make_shared<const StreamSettings>(mapping_, co_await tools_.role(mapping_));
  std::uint32_t errors = 0;
  while (!stopping_) {
    const Result<void> looked = co_await attempt(look());
    ready_.resolve(true);
    SteadyTime again = steady_clock::now() + kLook;
    if (looked.ok()) {
      errors = 0;
    } else {
      tools_.report(mapping_, "PROBLEM: " + looked.error().message());
      again = steady_clock::now() + growing_pause(errors++, kFirstPollPause, kLongestPollPause);
    }
    if (!stopping_) co_await wake_.wait_until(again);
  }
  while (!readers_.empty()) co_await wake_.wait_until(steady_clock::now() + kLook);
}

void StreamPoller::stop() {
  stopping_ = true;
  const auto readers = readers_;
  for (const auto& [shard, reader] : readers) reader->stop();
  wake_.notify();
}

Task<void> StreamPoller::look() {
  const std::vector<events::StreamShard> shards = co_await source_.shards(mapping_.source());
  if (checkpoints_.empty()) {
    const auto load = [&](storage::Transaction& txn) { return list_checkpoints(txn, mapping_.uuid()); };
    checkpoints_ = co_await storage::transact(tools_.database, load);
    if (checkpoints_.empty()) co_await begin(shards);
  }
  co_await forget_gone(shards);
  if (stopping_) co_return;
  for (const events::StreamShard& shard : shards) {
    const auto known = checkpoints_.find(shard.id);
    if (readers_.contains(shard.id) || (known != checkpoints_.end() && known->second.finished)) continue;
    const bool waits = std::any_of(shard.parents.begin(), shard.parents.end(), [&](const std::string& parent) {
      const bool there = std::any_of(shards.begin(), shards.end(),
                                     [&](const events::StreamShard& other) { return other.id == parent; });
      const auto checkpoint = checkpoints_.find(parent);
      return there && (checkpoint == checkpoints_.end() || !checkpoint->second.finished);
    });
    if (!waits) start_reader(shard.id);
  }
}

Task<void> StreamPoller::begin(const std::vector<events::StreamShard>& shards) {
  std::map<std::string, ShardCheckpoint> found;
  for (const events::StreamShard& shard : shards) {
    ShardCheckpoint checkpoint = co_await beginning(shard);
    found.emplace(shard.id, std::move(checkpoint));
  }
  const auto put = [&](storage::Transaction& txn) -> Task<void> {
    for (const auto& [shard, checkpoint] : found) put_checkpoint(txn, mapping_.uuid(), shard, checkpoint);
    co_return;
  };
  co_await storage::transact(tools_.database, put);
  checkpoints_ = std::move(found);
}

/// LATEST becomes a fixed place now: what is written from here on will be read, also after a restart.
Task<ShardCheckpoint> StreamPoller::beginning(const events::StreamShard& shard) {
  ShardCheckpoint checkpoint;
  const std::string wanted = mapping_.configuration.starting_position.value_or("TRIM_HORIZON");
  if (wanted == "LATEST") {
    checkpoint.finished = shard.closed;
    if (shard.closed) co_return checkpoint;
    const StreamPosition latest(StreamPosition::Kind::kLatest, std::string(), Timestamp());
    events::StreamBatch batch = co_await source_.read(mapping_.source(), shard.id, latest, 1, 1);
    checkpoint.position = std::move(batch.next);
  } else if (wanted == "AT_TIMESTAMP") {
    checkpoint.position = StreamPosition(StreamPosition::Kind::kAtTimestamp, std::string(),
                                         mapping_.configuration.starting_position_timestamp.value_or(Timestamp()));
  }
  co_return checkpoint;
}

/// Shards that are gone with all their records.
Task<void> StreamPoller::forget_gone(const std::vector<events::StreamShard>& shards) {
  std::vector<std::string> gone;
  for (const auto& [id, checkpoint] : checkpoints_) {
    const bool there = std::any_of(shards.begin(), shards.end(),
                                   [&id = id](const events::StreamShard& shard) { return shard.id == id; });
    if (!there && !readers_.contains(id)) gone.push_back(id);
  }
  // One entry stays: a mapping without any would begin anew.
  if (gone.empty() || gone.size() == checkpoints_.size()) co_return;
  const auto erase = [&](storage::Transaction& txn) -> Task<void> {
    for (const std::string& shard : gone) erase_checkpoint(txn, mapping_.uuid(), shard);
    co_return;
  };
  co_await storage::transact(tools_.database, erase);
  for (const std::string& shard : gone) checkpoints_.erase(shard);
}

void StreamPoller::start_reader(const std::string& shard) {
  const auto reader = std::make_shared<StreamShardReader>(tools_, settings_, source_, shard, checkpoints_[shard]);
  readers_.emplace(shard, reader);
  cumulet::start(reader->run(), [self = shared_from_this(), shard](const Result<void>& done) {
    if (!done.ok()) log::error("a shard's reader stumbled", {{"error", done.error().message()}});
    self->reader_ended(shard);
  });
}

void StreamPoller::reader_ended(const std::string& shard) {
  const auto found = readers_.find(shard);
  if (found == readers_.end()) return;
  const std::shared_ptr<StreamShardReader> reader = found->second;
  readers_.erase(found);
  checkpoints_[shard] = reader->checkpoint();
  wake_.notify();
}

std::shared_ptr<Poller> make_stream_poller(const PollerTools& tools, MappingRow mapping, events::StreamSource& source) {
  return std::make_shared<StreamPoller>(tools, std::move(mapping), source);
}

}  // namespace cumulet::lambda
