#include "services/s3/access_logs.h"

#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "storage/key.h"
#include "storage/row.h"
#include "wire/arn.h"

namespace cumulet::s3 {
namespace {

using storage::Key;
using storage::KeyRange;
using storage::KeyReader;
using storage::KeyValue;
using storage::ScanOptions;

constexpr std::chrono::seconds kFlushAfter{1};
constexpr std::chrono::minutes kDeliverAfter{5};
constexpr std::size_t kMemoryLimit = 8u << 20;
constexpr std::size_t kObjectBytes = 4u << 20;  ///< Lines of one delivered object, about.
constexpr std::int64_t kDayMicros = 86'400'000'000;

std::string due_key(const std::string& id) { return Key("s3-log-due").text(id).bytes(); }
Key lines_of(const std::string& id) { return Key("s3-log").text(id); }

std::string encode(const LogStream& stream) {
  storage::RowWriter row;
  row.text(stream.bucket).text(stream.account).text(stream.region).text(stream.document);
  return std::move(row).bytes();
}

LogStream decode_stream(std::string_view bytes) {
  storage::RowReader row(bytes);
  LogStream stream;
  stream.bucket = row.text();
  stream.account = row.text();
  stream.region = row.text();
  stream.document = row.text();
  return stream;
}

}  // namespace

std::string LogStream::id() const {
  return hex_encode(sha256(bucket + '\0' + account + '\0' + region + '\0' + document).substr(0, 16));
}

/// Lines that are in memory only. Shared with a flush that is going on.
struct AccessLogs::Waiting {
  std::mutex mutex;
  std::condition_variable ended;
  std::map<std::string, std::pair<LogStream, std::string>> lines;  ///< By stream.
  std::size_t bytes = 0;
  Loop* loop = nullptr;
  bool flushing = false;  ///< Or about to.
  std::uint64_t last_number = 0;

  void end() {
    flushing = false;
    ended.notify_all();
  }
};

AccessLogs::AccessLogs(storage::Database& database, const Clock& clock, events::Outbox& outbox, Deliver deliver)
    : database_(database),
      clock_(clock),
      outbox_(outbox),
      deliver_(std::move(deliver)),
      waiting_(std::make_shared<Waiting>()),
      timetable_(database, clock, std::string(kService), [this](storage::Transaction& txn, Timestamp, std::string id) {
        return fall_due(txn, std::move(id));
      }) {}

void AccessLogs::add(const LogStream& stream, std::string line) {
  static Counter& dropped = Metrics::instance().counter("cumulet_s3_log_lines_dropped_total");
  bool first = false;
  {
    const std::lock_guard lock(waiting_->mutex);
    if (waiting_->bytes + line.size() > kMemoryLimit || waiting_->loop == nullptr) {
      dropped.add();
      return;
    }
    waiting_->bytes += line.size();
    auto& [known, lines] = waiting_->lines[stream.id()];
    if (lines.empty()) known = stream;
    lines += line;
    first = !std::exchange(waiting_->flushing, true);
  }
  if (first) flush_later();
}

void AccessLogs::start(Loop& loop) {
  {
    const std::lock_guard lock(waiting_->mutex);
    waiting_->loop = &loop;
  }
  timetable_.start(loop);
}

void AccessLogs::flush_later() {
  Loop* const loop = waiting_->loop;
  loop->post([this, loop] {
    loop->at(std::chrono::steady_clock::now() + kFlushAfter, [this] {
      cumulet::start(flush(), [waiting = waiting_](const Result<void>& flushed) {
        if (flushed.ok()) return;
        log::error("lines of access logs were lost", {{"why", flushed.error().message()}});
        const std::lock_guard lock(waiting->mutex);
        waiting->end();
      });
    });
  });
}

Task<void> AccessLogs::flush() {
  while (true) {
    std::map<std::string, std::pair<LogStream, std::string>> taken;
    {
      const std::lock_guard lock(waiting_->mutex);
      if (waiting_->lines.empty()) {
        waiting_->end();
        co_return;
      }
      taken.swap(waiting_->lines);
      waiting_->bytes = 0;
    }
    for (auto& [id, lines] : taken) {
      Result<void> kept = co_await attempt(keep(std::move(lines.first), std::move(lines.second)));
      if (!kept.ok()) log::error("lines of an access log were lost", {{"why", kept.error().message()}});
    }
  }
}

Task<void> AccessLogs::keep(LogStream stream, std::string lines) {
  const std::string id = stream.id();
  const std::int64_t now = clock_.now().time_since_epoch().count();
  waiting_->last_number = std::max(waiting_->last_number + 1, static_cast<std::uint64_t>(now));
  const std::string key = lines_of(id).signed_number(now / kDayMicros).number(waiting_->last_number).bytes();
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    const std::optional<std::string> due = co_await txn.get(due_key(id));
    if (!due) {
      txn.put(due_key(id), encode(stream));
      timetable_.put(txn, clock_.now() + kDeliverAfter, id);
    }
    txn.put(key, lines);
  };
  co_await storage::transact(database_, write);
}

Task<void> AccessLogs::fall_due(storage::Transaction& txn, std::string id) {
  const std::optional<std::string> row = co_await txn.get(due_key(id));
  if (!row) co_return;
  const LogStream stream = decode_stream(*row);
  txn.erase(due_key(id));
  events::Event event;
  event.account = stream.account;
  event.region = stream.region;
  event.target_arn = wire::make_arn(kService, stream.region, stream.account, stream.bucket);
  event.payload = *row;
  outbox_.record(txn, std::move(event));
}

Task<events::Outcome> AccessLogs::deliver(const events::Event& event) {
  const LogStream stream = decode_stream(event.payload);
  const std::string begin = lines_of(stream.id()).bytes();
  while (true) {
    const auto read = [&begin](storage::Transaction& txn) {
      const KeyRange range(begin, storage::after_prefix(begin));
      ScanOptions options;
      options.byte_limit = kObjectBytes;
      return txn.scan(range, options);
    };
    const std::vector<KeyValue> rows = co_await storage::transact(database_, read);
    if (rows.empty()) co_return events::Outcome::delivered();
    std::string lines;
    std::vector<std::string> done;
    std::int64_t day = 0;
    for (const KeyValue& row : rows) {
      KeyReader key(std::string_view(row.key).substr(begin.size()));
      const std::int64_t day_of_row = key.signed_number().value_or(0);
      if (!done.empty() && day_of_row != day) break;
      day = day_of_row;
      lines += row.value;
      done.push_back(row.key);
    }
    co_await deliver_(stream, Timestamp(std::chrono::microseconds(day * kDayMicros)), std::move(lines));
    const auto forget = [&done](storage::Transaction& txn) -> Task<void> {
      for (const std::string& key : done) txn.erase(key);
      co_return;
    };
    co_await storage::transact(database_, forget);
  }
}

void AccessLogs::drain(SteadyTime deadline) {
  timetable_.drain(deadline);
  std::unique_lock lock(waiting_->mutex);
  waiting_->ended.wait_until(lock, deadline, [this] { return !waiting_->flushing; });
}

}  // namespace cumulet::s3
