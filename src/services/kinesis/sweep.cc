#include <algorithm>

#include "base/log.h"
#include "services/kinesis/kinesis.h"

/// Erases what retention and deleted streams leave behind, and looks after on-demand streams. Nobody reads those rows:
/// readers begin at the horizon.
namespace cumulet::kinesis {
namespace {

constexpr std::chrono::minutes kSweepEvery{5};
constexpr std::size_t kStreamsAtOnce = 100;

}  // namespace

void Kinesis::start(Loop& loop) {
  {
    std::lock_guard lock(mutex_);
    loop_ = &loop;
  }
  wake_sweep();
}

void Kinesis::wake_sweep() {
  std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return;
  if (sweeping_) {
    sweep_again_ = true;
    return;
  }
  sweeping_ = true;
  loop_->post([this] { begin_sweep(); });
}

void Kinesis::begin_sweep() {
  cumulet::start(sweep(), [this](const Result<void>& swept) {
    if (!swept.ok()) log::error("the sweep of streams failed", {{"reason", swept.error().message()}});
    std::lock_guard lock(mutex_);
    sweeping_ = std::exchange(sweep_again_, false) && swept.ok();
    if (sweeping_) {
      loop_->post([this] { begin_sweep(); });
      return;
    }
    if (sweep_timer_) loop_->cancel(*sweep_timer_);
    sweep_timer_ = loop_->at(std::chrono::steady_clock::now() + kSweepEvery, [this] { wake_sweep(); });
  });
}

Task<void> Kinesis::sweep() {
  co_await erase_deleted();
  std::optional<Stream> last;
  while (true) {
    const auto page = [&](Transaction& txn) { return store_.list_all(txn, last ? &*last : nullptr, kStreamsAtOnce); };
    const std::vector<Stream> streams = co_await storage::transact(database_, page);
    for (const Stream& stream : streams) {
      const Address at(stream.account, stream.region, stream.name);
      const Result<void> trimmed = co_await attempt(trim(at));
      // It may have been deleted meanwhile.
      if (!trimmed.ok() && trimmed.error().http_status() >= 500) co_await fail(trimmed.error());
      if (!stream.on_demand) continue;
      const Result<void> scaled = co_await attempt(scale(at));
      if (!scaled.ok() && scaled.error().http_status() >= 500) co_await fail(scaled.error());
    }
    if (streams.size() < kStreamsAtOnce) co_return;
    last = streams.back();
  }
}

Task<void> Kinesis::erase_deleted() {
  while (true) {
    const auto next = [this](Transaction& txn) { return store_.list_erasures(txn, 1); };
    const std::vector<std::string> ids = co_await storage::transact(database_, next);
    if (ids.empty()) co_return;
    const storage::KeyRange records = Store::records_of(ids.front());
    co_await database_.discard(records);
    const auto done = [&](Transaction& txn) -> Task<void> {
      store_.erasure_done(txn, ids.front());
      co_return;
    };
    co_await storage::transact(database_, done);
  }
}

Task<void> Kinesis::trim(Address at) {
  const StreamPtr stream = co_await stream_at(at);
  const Position horizon = stream->horizon(clock_.now());
  for (const Shard& shard : stream->shards) {
    if (shard.first >= horizon) continue;
    const storage::KeyRange expired = Store::records_before(stream->id, shard.number, horizon);
    const auto any = [&expired](Transaction& txn) -> Task<bool> {
      storage::ScanOptions one;
      one.limit = 1;
      const std::vector<storage::KeyValue> rows = co_await txn.scan(expired, one);
      co_return !rows.empty();
    };
    if (co_await storage::transact(database_, any)) co_await database_.discard(expired);
  }
  const auto gone = [horizon](const Shard& shard) { return !shard.open() && *shard.last < horizon; };
  if (std::none_of(stream->shards.begin(), stream->shards.end(), gone)) co_return;
  const auto forget = [&](Transaction& txn) -> Task<void> {
    const StreamPtr current = co_await require(txn, at);
    Stream changed = *current;
    std::erase_if(changed.shards, gone);
    store_.put(txn, std::move(changed));
  };
  co_await storage::transact(database_, forget);
}

}  // namespace cumulet::kinesis
