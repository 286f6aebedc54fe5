#include <algorithm>
#include <thread>

#include "base/log.h"
#include "base/metrics.h"
#include "services/logs/logs.h"

namespace cumulet::logs {
namespace {

constexpr std::size_t kPendingLimit = 32u << 20;
constexpr std::size_t kLinesAtOnce = 2000;
constexpr std::chrono::hours kSweepEvery{1};
constexpr std::chrono::seconds kRetryAfter{1};
/// So long the first line waits for others, which then share its transaction: an invocation alone prints three.
constexpr std::chrono::milliseconds kGather{50};

}  // namespace

Logs::Logs(storage::Database& database, const Clock& clock, events::Outbox& outbox, events::MetricSink& metrics)
    : database_(database),
      clock_(clock),
      outbox_(outbox),
      metrics_(metrics),
      service_(wire::logs::model()),
      // Microseconds leave room for a million events a second before a restart could repeat a number.
      sequence_(static_cast<std::uint64_t>(clock.now().time_since_epoch().count())) {
  register_groups();
  register_streams();
  register_events();
  register_filters();
}

std::uint64_t Logs::next_sequence() { return sequence_.fetch_add(1, std::memory_order_relaxed); }

void Logs::report(std::vector<events::MetricSample> samples) {
  for (events::MetricSample& sample : samples) metrics_.record(std::move(sample));
}

void Logs::append(Address address, std::vector<Line> lines) {
  std::size_t bytes = 0;
  for (const Line& line : lines) bytes += line.message.size() + sizeof(Line);
  std::lock_guard lock(mutex_);
  if (pending_bytes_ + bytes > kPendingLimit) {
    dropped_ += lines.size();
    return;
  }
  pending_bytes_ += bytes;
  std::vector<Line>& queue = pending_[std::move(address)];
  std::move(lines.begin(), lines.end(), std::back_inserter(queue));
  if (writing_ || loop_ == nullptr) return;
  writing_ = true;
  loop_->post([this] { cumulet::start(write_pending(), [](const Result<void>&) {}); });
}

void Logs::start(Loop& loop) {
  std::lock_guard lock(mutex_);
  loop_ = &loop;
  loop_->post([this] { schedule_sweep(); });
  if (pending_.empty()) return;
  writing_ = true;
  loop_->post([this] { cumulet::start(write_pending(), [](const Result<void>&) {}); });
}

void Logs::drain(SteadyTime deadline) {
  while (std::chrono::steady_clock::now() < deadline) {
    {
      std::lock_guard lock(mutex_);
      if (!writing_) return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

Task<void> Logs::write_pending() {
  while (true) {
    co_await sleep_for(kGather);
    Pending batch;
    std::uint64_t dropped = 0;
    {
      std::lock_guard lock(mutex_);
      if (pending_.empty()) {
        writing_ = false;
        co_return;
      }
      batch.swap(pending_);
      pending_bytes_ = 0;
      dropped = std::exchange(dropped_, 0);
    }
    if (dropped > 0) {
      Metrics::instance().counter("cumulet_log_lines_dropped_total").add(dropped);
      log::warning("function logs came faster than they could be written", {{"dropped", std::to_string(dropped)}});
    }
    for (const auto& [address, lines] : batch) {
      const Result<void> written = co_await attempt(write_lines(address, lines));
      if (written.ok()) continue;
      log::error("cannot write a function's log", {{"group", address.group}, {"reason", written.error().message()}});
      co_await sleep_for(kRetryAfter);
    }
  }
}

Task<void> Logs::write_lines(const Address& address, const std::vector<Line>& lines) {
  const Store store(address.account, address.region);
  const std::int64_t now = clock_.now_millis();
  for (std::size_t begin = 0; begin < lines.size(); begin += kLinesAtOnce) {
    const std::size_t end = std::min(begin + kLinesAtOnce, lines.size());
    const EventSource source(address.account, address.region, address.group, address.stream);
    std::vector<events::MetricSample> samples;
    const auto write = [&](storage::Transaction& txn) -> Task<void> {
      std::vector<LogEvent> taken;
      std::optional<LogGroup> group = co_await store.find_group(txn, address.group);
      if (!group) {
        group.emplace();
        group->name = address.group;
        group->created = now;
        store.put_group(txn, *group);
      }
      std::optional<LogStream> stream = co_await store.find_stream(txn, address.group, address.stream);
      if (!stream) {
        stream.emplace();
        stream->name = address.stream;
        stream->created = now;
      }
      for (std::size_t i = begin; i < end; ++i) {
        LogEvent event;
        event.position = Position(lines[i].time, next_sequence());
        event.ingested = now;
        event.message = lines[i].message;
        store.put_event(txn, address.group, address.stream, event);
        taken.push_back(std::move(event));
        stream->first_event = std::min(stream->first_event.value_or(lines[i].time), lines[i].time);
        stream->last_event = std::max(stream->last_event.value_or(lines[i].time), lines[i].time);
      }
      stream->last_ingestion = now;
      store.put_stream(txn, address.group, *stream);
      samples = co_await apply_filters(txn, store, source, taken, outbox_);
    };
    co_await storage::transact(database_, write);
    report(std::move(samples));
  }
}

void Logs::schedule_sweep() {
  loop_->at(std::chrono::steady_clock::now() + kSweepEvery, [this] {
    cumulet::start(sweep(), [this](const Result<void>& swept) {
      if (!swept.ok()) log::error("the sweep of logs failed", {{"reason", swept.error().message()}});
      schedule_sweep();
    });
  });
}

Task<void> Logs::sweep() {
  const auto spaces_of = [](storage::Transaction& txn) { return list_spaces(txn); };
  const auto spaces = co_await storage::transact(database_, spaces_of);
  for (const auto& [account, region] : spaces) {
    const Store store(account, region);
    std::string after;
    while (true) {
      const auto page = [&](storage::Transaction& txn) { return store.list_groups(txn, "", after, 100); };
      const std::vector<LogGroup> groups = co_await storage::transact(database_, page);
      if (groups.empty()) break;
      after = groups.back().name;
      for (const LogGroup& group : groups) {
        if (!group.retention_days) continue;
        const std::int64_t since = retained_since(group, clock_.now_millis());
        const Address address(account, region, group.name, "");
        co_await erase_before(address, since);
      }
    }
  }
}

Task<void> Logs::erase_before(Address address, std::int64_t time) {
  const Store store(address.account, address.region);
  while (true) {
    const auto page = [&](storage::Transaction& txn) {
      return store.list_streams(txn, address.group, "", address.stream, 100);
    };
    const std::vector<LogStream> streams = co_await storage::transact(database_, page);
    if (streams.empty()) co_return;
    for (const LogStream& stream : streams) {
      bool more = stream.first_event && *stream.first_event < time;
      while (more) {
        const auto erase = [&](storage::Transaction& txn) {
          return store.erase_events(txn, address.group, stream.name, Position(time, 0), 1000);
        };
        more = co_await storage::transact(database_, erase);
      }
    }
    address.stream = streams.back().name;
  }
}

}  // namespace cumulet::logs
