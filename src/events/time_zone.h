#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cumulet::events {

/// A time zone of the system's database (RFC 8536 files below /usr/share/zoneinfo). Seconds since 1970; "local" ones
/// count as if the zone's wall clock were UTC. Immutable, thread-safe.
class TimeZone {
 public:
  /// Null for a name that the database does not have. UTC is always there.
  static std::shared_ptr<const TimeZone> find(const std::string& name);
  /// A zone from a file's bytes; null when they are damaged.
  static std::shared_ptr<const TimeZone> parse(std::string_view bytes);

  std::int64_t local(std::int64_t utc) const { return utc + offset_at(utc); }
  /// Nothing for a time that the clocks skip; the first of the two when they show it twice.
  std::optional<std::int64_t> utc(std::int64_t local) const;

 private:
  /// "The second Sunday of March at 2:00".
  struct Change {
    enum class Kind { kMonthWeekDay, kJulianWithoutLeapDay, kDayOfYear };
    Kind kind = Kind::kMonthWeekDay;
    int month = 1;
    int week = 1;
    int day = 0;
    std::int64_t time = 7200;
    std::int64_t local_in(int year) const;
  };
  /// What holds after the last transition of the file.
  struct Rule {
    std::int64_t standard = 0;
    bool has_summer = false;
    std::int64_t summer = 0;
    Change begin;
    Change end;
  };

  static std::optional<Rule> parse_rule(std::string_view text);
  static bool parse_change(std::string_view& text, Change& change);
  static bool parse_time(std::string_view& text, std::int64_t& out);
  std::int64_t offset_at(std::int64_t utc) const;
  std::int64_t offset_by_rule(std::int64_t utc) const;

  std::vector<std::pair<std::int64_t, std::int64_t>> transitions_;  ///< When, and the offset from then on.
  std::int64_t first_offset_ = 0;
  std::optional<Rule> rule_;
};

}  // namespace cumulet::events
