#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/loop.h"
#include "events/outbox.h"
#include "events/timetable.h"
#include "storage/database.h"

namespace cumulet::s3 {

/// Where the lines of a bucket's server access log go. `document` is the bucket's logging configuration.
struct LogStream {
  std::string bucket;
  std::string account;
  std::string region;
  std::string document;
  std::string id() const;  ///< The same for the same four.
};

/// Gathers the lines of server access logs and delivers them. Lines wait in memory for a second at most (8 MiB of them,
/// what comes beyond is dropped and counted in cumulet_s3_log_lines_dropped_total), then in the store; five minutes by
/// the clock after the first they become an object in the target bucket. A crash loses the last second; one in the
/// middle of a delivery may deliver lines twice. As on AWS, logs are delivered on a best-effort basis.
///   ("s3-log-due", stream)            a stream that has lines
///   ("s3-log", stream, day, number)   lines of one day (days since 1970)
class AccessLogs final : public events::Target {
 public:
  /// The service part of the ARNs under which deliveries stand in the outbox.
  static constexpr std::string_view kService = "s3-access-log";

  /// Writes lines of one day (`day`: its begin) as an object. An Error is tried again.
  using Deliver = std::function<Task<void>(const LogStream& stream, Timestamp day, std::string lines)>;

  AccessLogs(storage::Database& database, const Clock& clock, events::Outbox& outbox, Deliver deliver);

  /// Any thread, never blocks.
  void add(const LogStream& stream, std::string line);
  Task<events::Outcome> deliver(const events::Event& event) override;

  void start(Loop& loop);
  void clock_moved() { timetable_.clock_moved(); }
  /// Brings what waits in memory into the store. Blocks; not on a loop.
  void drain(SteadyTime deadline);

 private:
  struct Waiting;

  void flush_later();
  Task<void> flush();
  Task<void> keep(LogStream stream, std::string lines);
  Task<void> fall_due(storage::Transaction& txn, std::string id);

  storage::Database& database_;
  const Clock& clock_;
  events::Outbox& outbox_;
  const Deliver deliver_;
  std::shared_ptr<Waiting> waiting_;
  events::Timetable timetable_;
};

}  // namespace cumulet::s3
