#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "events/time_zone.h"

/// When something is due: rate(5 minutes), cron(0 10 * * ? *), at(2026-11-22T10:00:00).
/// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
namespace cumulet::events {

/// The six fields of a cron expression: minutes, hours, day of month, month, day of week, year.
class CronExpression {
 public:
  /// The fields alone ("0 10 * * ? *"). Exactly one of the two days must be '?'.
  static std::optional<CronExpression> parse(std::string_view fields);
  /// The first moment after `after` (both seconds of local time); nothing when there is none until 2199.
  std::optional<std::int64_t> next_local(std::int64_t after) const;

 private:
  bool matches_day(int year, unsigned month, unsigned day) const;
  bool parse_day_of_month(std::string_view field);
  bool parse_day_of_week(std::string_view field);

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<13> months_;
  std::bitset<230> years_;  ///< From 1970.
  bool by_weekday_ = false;
  std::bitset<32> days_;
  bool last_day_ = false;
  bool last_workday_ = false;
  std::bitset<32> near_workdays_;  ///< "15W"
  std::bitset<8> weekdays_;        ///< 1 is Sunday.
  std::bitset<8> last_weekdays_;   ///< "6L"
  std::array<std::bitset<6>, 8> nth_weekdays_;
};

class ScheduleExpression {
 public:
  /// EventBridge rules want "1 minute" and "2 minutes"; Scheduler (`any_plural`) takes either.
  static std::optional<ScheduleExpression> parse(std::string_view text, bool any_plural = false);

  bool is_rate() const { return std::holds_alternative<std::chrono::seconds>(what_); }
  bool is_once() const { return std::holds_alternative<At>(what_); }

  /// The first moment after `after`. A rate counts from `base`, which itself is due. Clocks that are put forward skip
  /// the times between; those that are put back do not repeat any.
  std::optional<Timestamp> next(Timestamp after, Timestamp base, const TimeZone& zone) const;

 private:
  struct At {
    explicit At(std::int64_t l) : local(l) {}
    std::int64_t local;
  };
  using What = std::variant<std::chrono::seconds, CronExpression, At>;
  explicit ScheduleExpression(What what) : what_(std::move(what)) {}
  What what_;
};

}  // namespace cumulet::events
