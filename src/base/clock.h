#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>

namespace cumulet {

/// A point in time, to the microsecond, UTC.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/// Where every timestamp comes from. Timers of I/O (deadlines) use the steady clock of their loop instead. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;
  std::int64_t now_millis() const;
  std::int64_t now_seconds() const;
};

/// The machine's clock plus an offset, which `--dev` moves.
class SystemClock final : public Clock {
 public:
  Timestamp now() const override;
  void advance(std::chrono::microseconds by) { offset_ += by.count(); }

 private:
  std::atomic<std::int64_t> offset_{0};
};

/// Stands still until it is moved: for tests.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start) : now_(start.time_since_epoch().count()) {}
  Timestamp now() const override { return Timestamp(std::chrono::microseconds(now_.load())); }
  void advance(std::chrono::microseconds by) { now_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_;
};

/// 2026-11-22T10:20:30Z, and with `millis` 2026-11-22T10:20:30.123Z.
std::string iso8601(Timestamp time, bool millis = false);
/// 20261122T102030Z, the form of SigV4.
std::string iso8601_basic(Timestamp time);
/// Sun, 22 Nov 2026 10:20:30 GMT (RFC 7231).
std::string http_date(Timestamp time);
/// Each parser gives false on anything that is not exactly its form (fractions of a second are allowed in iso8601).
bool parse_iso8601(std::string_view text, Timestamp& time);
bool parse_iso8601_basic(std::string_view text, Timestamp& time);
bool parse_http_date(std::string_view text, Timestamp& time);

}  // namespace cumulet
