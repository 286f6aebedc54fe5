#include "services/lambda/event_source/stream_shard.h"

#include <algorithm>

#include "base/log.h"
#include "services/lambda/event_source/queue_event.h"

namespace cumulet::lambda {
namespace {

using events::StreamPosition;
using std::chrono::steady_clock;

constexpr std::size_t kMostRecords = 10'000;
constexpr seconds kLongWait{30};
constexpr seconds kWriteAtLeast{1};
constexpr milliseconds kFirstReadPause{200};
constexpr milliseconds kLongestReadPause{10'000};
constexpr std::chrono::hours kUntilWoken{1};

/// The same for every run of the server: lanes keep their keys.
std::size_t hash_of(const std::string& key) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return static_cast<std::size_t>(hash ^ (hash >> 32));
}

}  // namespace

StreamShardReader::StreamShardReader(const PollerTools& tools, std::shared_ptr<const StreamSettings> settings,
                                     events::StreamSource& source, std::string shard, const ShardCheckpoint& from)
    : tools_(tools),
      settings_(std::move(settings)),
      source_(source),
      shard_(std::move(shard)),
      base_(from.position),
      next_(from.position) {
  if (base_.kind == StreamPosition::Kind::kAfterSequenceNumber) last_ = base_.sequence_number;
  const bool same_lanes = from.lanes.size() == settings_->lanes;
  for (std::size_t i = 0; i < settings_->lanes; ++i) {
    lanes_.push_back(std::make_unique<StreamLane>(
        tools_, *settings_, shard_, same_lanes ? from.lanes[i] : LaneCheckpoint(), [this] { progressed(); }));
  }
}

Task<void> StreamShardReader::run() {
  const std::shared_ptr<StreamShardReader> self = shared_from_this();
  start_lanes();
  (void)co_await attempt(read());
  for (const std::unique_ptr<StreamLane>& lane : lanes_) {
    if (at_end_ && !stopping_) {
      lane->close();
    } else {
      lane->stop();
    }
  }
  while (running_ > 0) co_await wake_.wait_until(steady_clock::now() + kUntilWoken);
  finished_ = at_end_ && std::all_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->idle(); });
  progressed();
  while (writing_) co_await wake_.wait_until(steady_clock::now() + kUntilWoken);
}

void StreamShardReader::stop() {
  stopping_ = true;
  for (const std::unique_ptr<StreamLane>& lane : lanes_) lane->stop();
  wake_.notify();
}

void StreamShardReader::start_lanes() {
  running_ = lanes_.size();
  for (const std::unique_ptr<StreamLane>& lane : lanes_) {
    cumulet::start(lane->run(), [self = shared_from_this()](const Result<void>& done) {
      if (!done.ok()) {
        log::error("a stream's reader stumbled", {{"error", done.error().message()}});
        self->stop();
      }
      --self->running_;
      self->wake_.notify();
    });
  }
}

Task<void> StreamShardReader::read() {
  const std::size_t limit = std::min(kMostRecords, settings_->batch_size * lanes_.size());
  std::uint32_t errors = 0;
  while (!stopping_ && !at_end_) {
    if (is_full()) {
      co_await wake_.wait_until(steady_clock::now() + kUntilWoken);
      continue;
    }
    Result<events::StreamBatch> batch =
        co_await attempt(source_.read(settings_->mapping.source(), shard_, next_, limit, kBatchBytes));
    if (!batch.ok()) {
      tools_.report(settings_->mapping, "PROBLEM: " + batch.error().message());
      co_await pause(growing_pause(errors++, kFirstReadPause, kLongestReadPause));
      continue;
    }
    errors = 0;
    const bool empty = batch->records.empty();
    at_end_ = batch->at_end;
    if (empty) {
      next_ = batch->next;
      if (!at_end_) co_await wait_for_more();
    } else {
      distribute(std::move(batch->records));
    }
  }
}

void StreamShardReader::distribute(std::vector<events::StreamRecord> records) {
  bool pushed = false;
  for (events::StreamRecord& record : records) {
    const std::string sequence = record.sequence_number;
    if (settings_->lets_pass(record)) {
      lanes_[hash_of(record.partition_key) % lanes_.size()]->push(std::move(record), last_);
      pushed = true;
    }
    last_ = sequence;
  }
  next_ = StreamPosition::after(*last_);
  if (!pushed && steady_clock::now() - written_ > kWriteAtLeast) progressed();
}

/// The wait is left alone when the reader stops: it ends by its own deadline.
Task<void> StreamShardReader::wait_for_more() {
  const SteadyTime deadline = steady_clock::now() + kLongWait;
  const auto come = std::make_shared<bool>(false);
  const auto failed = std::make_shared<bool>(false);
  cumulet::start(source_.wait(settings_->mapping.source(), shard_, next_, deadline),
                 [self = shared_from_this(), come, failed](const Result<void>& waited) {
                   *come = true;
                   *failed = !waited.ok();
                   self->wake_.notify();
                 });
  while (!*come && !stopping_) co_await wake_.wait_until(deadline + kWriteAtLeast);
  if (*failed) co_await pause(kFirstReadPause);
}

bool StreamShardReader::is_full() const {
  std::size_t records = 0;
  std::size_t bytes = 0;
  for (const std::unique_ptr<StreamLane>& lane : lanes_) {
    records += lane->records();
    bytes += lane->bytes();
  }
  return records >= settings_->batch_size * (lanes_.size() + 1) || bytes >= kBatchBytes * (lanes_.size() + 1);
}

Task<void> StreamShardReader::pause(milliseconds time) {
  const SteadyTime until = steady_clock::now() + time;
  while (!stopping_ && steady_clock::now() < until) co_await wake_.wait_until(until);
}

void StreamShardReader::progressed() {
  dirty_ = true;
  wake_.notify();
  if (std::exchange(writing_, true)) return;
  cumulet::start(write(), [self = shared_from_this()](const Result<void>& done) {
    if (!done.ok()) log::error("a stream's checkpoint is not kept", {{"error", done.error().message()}});
    self->writing_ = false;
    self->wake_.notify();
  });
}

ShardCheckpoint StreamShardReader::checkpoint() const {
  ShardCheckpoint checkpoint;
  checkpoint.finished = finished_;
  checkpoint.position = last_ ? StreamPosition::after(*last_) : next_;
  for (const std::unique_ptr<StreamLane>& lane : lanes_) {
    LaneCheckpoint& kept = checkpoint.lanes.emplace_back(lane->checkpoint());
    if (lane->idle()) {
      kept.done = last_;
    } else if (!kept.done) {
      checkpoint.position = base_;
    } else if (checkpoint.position.kind == StreamPosition::Kind::kAfterSequenceNumber &&
               sequence_before(*kept.done, checkpoint.position.sequence_number)) {
      checkpoint.position = StreamPosition::after(*kept.done);
    }
  }
  return checkpoint;
}

/// As long as there is something new to keep: what was done meanwhile goes in one write.
Task<void> StreamShardReader::write() {
  const std::shared_ptr<StreamShardReader> self = shared_from_this();
  std::vector<events::Event> letters;
  while (dirty_ || !letters.empty()) {
    dirty_ = false;
    const ShardCheckpoint kept = checkpoint();
    for (const std::unique_ptr<StreamLane>& lane : lanes_) {
      for (events::Event& letter : lane->take_letters()) letters.push_back(std::move(letter));
    }
    const auto put = [&](storage::Transaction& txn) -> Task<void> {
      put_checkpoint(txn, settings_->mapping.uuid(), shard_, kept);
      for (const events::Event& letter : letters) tools_.outbox.record(txn, letter);
      co_return;
    };
    const Result<void> written = co_await attempt(storage::transact(tools_.database, put));
    if (written.ok()) {
      letters.clear();
      written_ = steady_clock::now();
      continue;
    }
    if (stopping_) co_await fail(written.error());
    dirty_ = true;
    co_await sleep_for(kWriteAtLeast);
  }
}

}  // namespace cumulet::lambda
