#include "services/kinesis/live_stream.h"

namespace cumulet::kinesis {

Task<void> LiveStream::learn(storage::Database& database, const Store& store, std::vector<const Shard*> shards) {
  {
    std::lock_guard lock(mutex_);
    std::erase_if(shards, [this](const Shard* shard) { return shards_.contains(shard->number); });
  }
  for (const Shard* shard : shards) {
    const auto read = [&](storage::Transaction& txn) { return store.last_position(txn, id_, shard->number); };
    const Position last = co_await storage::transact(database, read);
    std::lock_guard lock(mutex_);
    // Who was quicker may have written since.
    LiveShard& live = shards_.try_emplace(shard->number, limits_).first->second;
    live.last = std::max({live.last, last, shard->first});
    live.durable = std::max(live.durable, last);
  }
}

void LiveStream::collect(const LiveShard& shard, Readers& readers) {
  for (const auto& [id, reader] : shard.readers) readers.push_back(reader);
}

void LiveStream::written(const std::map<std::uint32_t, Position>& last) {
  Readers readers;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, position] : last) {
      LiveShard& shard = shards_.at(number);
      shard.durable = std::max(shard.durable, position);
      collect(shard, readers);
    }
  }
  for (const Deferred<bool>& reader : readers) reader.resolve(true);
}

void LiveStream::changed() {
  Readers readers;
  {
    std::lock_guard lock(mutex_);
    ++changes_;
    for (const auto& [number, shard] : shards_) collect(shard, readers);
  }
  for (const Deferred<bool>& reader : readers) reader.resolve(true);
}

bool LiveStream::count(Timestamp now, const Load& load) {
  std::lock_guard lock(mutex_);
  return meter_.add(now, load);
}

StreamLoad LiveStream::take_load(Timestamp now) {
  std::lock_guard lock(mutex_);
  StreamLoad taken;
  taken.load = meter_.take(now);
  for (auto& [number, shard] : shards_) {
    ShardLoad& of_shard = taken.shards[number];
    of_shard.load = shard.meter.take(now);
    of_shard.keys = shard.sample.sorted();
  }
  return taken;
}

std::uint64_t LiveStream::changes() {
  std::lock_guard lock(mutex_);
  return changes_;
}

Task<void> LiveStream::wait(std::uint32_t shard, Position from, std::uint64_t changes, SteadyTime deadline) {
  Deferred<bool> woken;
  std::uint64_t id = 0;
  {
    std::lock_guard lock(mutex_);
    LiveShard& live = shards_.at(shard);
    if (live.durable >= from || changes_ != changes) co_return;
    id = next_reader_++;
    live.readers.emplace(id, woken);
  }
  Error elapsed(errors::kRequestTimeout, "");
  const Result<bool> ended = co_await attempt(woken.wait_until(deadline, std::move(elapsed)));
  (void)ended;  // Either way it is time to look.
  std::lock_guard lock(mutex_);
  shards_.at(shard).readers.erase(id);
}

}  // namespace cumulet::kinesis
