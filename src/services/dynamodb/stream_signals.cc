#include "services/dynamodb/stream_signals.h"

#include <utility>

#include "services/dynamodb/keys.h"

namespace cumulet::dynamodb {
namespace {

constexpr std::size_t kAfterShard = sizeof(std::uint64_t) + storage::kPlaceBytes;  // Part and place.
constexpr std::size_t kCountedShards = 100'000;

}  // namespace

StreamSignals::StreamSignals(storage::Database& database, std::uint64_t records_per_shard)
    : state_(std::make_shared<State>()), records_per_shard_(records_per_shard) {
  database.on_commit(keys::all_shard_rows(), [state = state_](std::string_view key) { state->written(key); });
}

void StreamSignals::State::written(std::string_view key) {
  if (key.size() <= kAfterShard) return;
  const std::string_view shard = key.substr(0, key.size() - kAfterShard);
  std::vector<Deferred<bool>> woken;
  {
    std::lock_guard lock(mutex);
    if (const auto count = counts.find(shard); count != counts.end()) {
      ++count->second;
    } else if (counts.size() < kCountedShards) {
      counts.emplace(shard, 1);
    }
    if (const auto found = waiting.find(shard); found != waiting.end()) {
      woken = std::move(found->second);
      waiting.erase(found);
    }
  }
  for (const Deferred<bool>& one : woken) one.resolve(true);
}

Deferred<bool> StreamSignals::next_write(const std::string& shard_rows) {
  Deferred<bool> deferred;
  std::lock_guard lock(state_->mutex);
  state_->waiting[shard_rows].push_back(deferred);
  return deferred;
}

void StreamSignals::forget(const std::string& shard_rows, const Deferred<bool>& waiting) {
  waiting.resolve(false);
  std::lock_guard lock(state_->mutex);
  const auto found = state_->waiting.find(shard_rows);
  if (found == state_->waiting.end()) return;
  std::erase_if(found->second, [](const Deferred<bool>& one) { return one.resolved(); });
  if (found->second.empty()) state_->waiting.erase(found);
}

bool StreamSignals::is_busy(const std::string& shard_rows) const {
  std::lock_guard lock(state_->mutex);
  const auto found = state_->counts.find(shard_rows);
  return found != state_->counts.end() && found->second > records_per_shard_;
}

void StreamSignals::ended(const std::string& shard_rows) {
  std::lock_guard lock(state_->mutex);
  state_->counts.erase(shard_rows);
}

}  // namespace cumulet::dynamodb
