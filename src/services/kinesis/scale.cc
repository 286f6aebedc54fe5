#include "base/log.h"
#include "services/kinesis/kinesis.h"

/// Gives streams in on-demand mode the shards that their load asks for: after each minute in which they were written
/// to, and at each sweep.
namespace cumulet::kinesis {

void Kinesis::scale_soon(Address at) {
  std::lock_guard lock(mutex_);
  if (loop_ == nullptr) return;
  loop_->post([this, at = std::move(at)] {
    cumulet::start(scale(at), [](const Result<void>& scaled) {
      // The stream may have been deleted meanwhile.
      if (scaled.ok() || scaled.error().http_status() < 500) return;
      log::error("a stream could not be scaled", {{"reason", scaled.error().message()}});
    });
  });
}

Task<void> Kinesis::scale(Address at) {
  const StreamPtr stream = co_await stream_at(at);
  if (!stream->on_demand || options_.shard_limits <= 0) co_return;
  const Timestamp now = clock_.now();
  const StreamLoad load = live(*stream)->take_load(now);
  Stream noted = *stream;
  const bool changes = note_load(noted, load.load, now);
  const Resharding wanted = scaling(noted, load, now);
  if (!changes && wanted.closed.empty()) co_return;
  const auto plan = [&](Transaction& txn, Stream& changed) -> Task<Resharding> {
    const StreamPtr current = co_await require(txn, at);
    changed = *current;
    Resharding resharding;
    if (current->on_demand && current->id == stream->id) {
      note_load(changed, load.load, now);
      resharding = scaling(changed, load, now);
    }
    if (!resharding.closed.empty()) {
      const std::size_t open = current->open_shards + resharding.opened.size() - resharding.closed.size();
      if (open > current->open_shards) note_shards(changed, static_cast<std::uint32_t>(open), now);
    }
    co_return resharding;
  };
  co_await reshard(plan);
}

Resharding Kinesis::scaling(const Stream& stream, const StreamLoad& load, Timestamp now) const {
  return plan_scaling(stream, wanted_shards(stream, now, options_.shard_limits), load, options_.shard_limits);
}

}  // namespace cumulet::kinesis
