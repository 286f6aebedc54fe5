#include "services/s3/scrubber.h"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "base/log.h"
#include "base/metrics.h"
#include "storage/key.h"

namespace cumulet::s3 {
namespace {

constexpr std::chrono::hours kInterval{7 * 24};
constexpr std::uint64_t kBytesPerSecond = 16u << 20;
constexpr std::chrono::microseconds kBreath{200};  ///< After each object, however small.
constexpr std::uint64_t kLoggedAtMost = 1000;      ///< Objects of one pass that are named in the log.

std::string planned_key() { return storage::Key("s3-scrub").bytes(); }

}  // namespace

/// Shared with a pass that is going on.
struct Scrubber::State {
  std::mutex mutex;
  std::condition_variable ended;
  bool running = false;
  bool stopping = false;

  bool must_stop() {
    const std::lock_guard lock(mutex);
    return stopping;
  }
  void end() {
    const std::lock_guard lock(mutex);
    running = false;
    ended.notify_all();
  }
};

struct Scrubber::Manner {
  Manner() = default;
  std::uint64_t bytes_per_second = 0;  ///< 0: as fast as it goes.
  Verifier::Report report;             ///< Besides log and metrics.
  std::function<bool()> wanted;
};

Scrubber::Scrubber(storage::Database& database, storage::BlobStore& blobs, const Clock& clock,
                   const SealingKey& sealing)
    : database_(database),
      blobs_(blobs),
      clock_(clock),
      sealing_(sealing),
      state_(std::make_shared<State>()),
      timetable_(database, clock, "s3-scrub",
                 [this](storage::Transaction& txn, Timestamp, const std::string&) { return fall_due(txn); }) {}

void Scrubber::start(Loop& loop) {
  timetable_.start(loop);
  loop.post([this] {
    cumulet::start(plan(), [](const Result<void>& planned) {
      if (!planned.ok()) log::error("no scrub could be planned", {{"why", planned.error().message()}});
    });
  });
}

/// The first pass is due a week after the first start.
Task<void> Scrubber::plan() {
  const auto write = [this](storage::Transaction& txn) -> Task<void> {
    const std::optional<std::string> planned = co_await txn.get(planned_key());
    if (planned) co_return;
    txn.put(planned_key(), "1");
    timetable_.put(txn, clock_.now() + kInterval, "pass");
  };
  co_await storage::transact(database_, write);
}

Task<void> Scrubber::fall_due(storage::Transaction& txn) {
  timetable_.put(txn, clock_.now() + kInterval, "pass");
  begin();
  co_return;
}

void Scrubber::begin() {
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->running || state_->stopping) return;
    state_->running = true;
  }
  cumulet::start(pass(state_), [state = state_](const Result<void>& passed) {
    if (!passed.ok()) log::error("a scrub could not go on", {{"why", passed.error().message()}});
    state->end();
  });
}

Task<void> Scrubber::pass(std::shared_ptr<State> state) {
  Manner manner;
  manner.bytes_per_second = kBytesPerSecond;
  manner.wanted = [state] { return !state->must_stop(); };
  co_await pass(manner);
}

Task<std::optional<Verifier::Result>> Scrubber::verify(Verifier::Report report, std::function<bool()> wanted) {
  Manner manner;
  manner.report = std::move(report);
  manner.wanted = [state = state_, wanted = std::move(wanted)] { return !state->must_stop() && wanted(); };
  co_return co_await pass(manner);
}

Task<std::optional<Verifier::Result>> Scrubber::pass(const Manner& manner) {
  Metrics& metrics = Metrics::instance();
  Counter& objects = metrics.counter("cumulet_s3_scrubbed_objects_total");
  Counter& all_bytes = metrics.counter("cumulet_s3_scrubbed_bytes_total");
  std::uint64_t reported = 0;
  const auto report = [&](const Damage& damage) {
    if (manner.report) manner.report(damage);
    if (++reported > kLoggedAtMost) return;
    log::error("a stored object is damaged", {{"object", damage.address()}, {"why", damage.why}});
  };
  const auto pause = [&](std::uint64_t bytes) -> Task<bool> {
    objects.add();
    all_bytes.add(bytes);
    if (manner.bytes_per_second > 0) {
      co_await sleep_for(kBreath + std::chrono::microseconds(bytes * 1'000'000 / manner.bytes_per_second));
    }
    co_return manner.wanted();
  };
  Verifier verifier(database_, blobs_, sealing_, report, pause);
  const Verifier::Result result = co_await verifier.run();
  if (!manner.wanted()) co_return std::optional<Verifier::Result>();
  metrics.gauge("cumulet_s3_damaged_objects").set(static_cast<std::int64_t>(result.damaged));
  metrics.counter("cumulet_s3_scrubs_total").add();
  log::info("everything stored has been read", {{"objects", std::to_string(result.objects)},
                                                {"bytes", std::to_string(result.bytes)},
                                                {"damaged", std::to_string(result.damaged)}});
  co_return std::optional<Verifier::Result>(result);
}

void Scrubber::drain(SteadyTime deadline) {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  timetable_.drain(deadline);
  std::unique_lock lock(state_->mutex);
  state_->ended.wait_until(lock, deadline, [this] { return !state_->running; });
}

}  // namespace cumulet::s3
