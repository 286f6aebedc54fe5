#include "events/schedule_expression.h"

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"

namespace cumulet::events {
namespace {

using std::chrono::seconds;

constexpr std::int64_t kDaySeconds = 86400;
constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2199;
constexpr std::array<std::string_view, 12> kMonths{"JAN", "FEB", "MAR", "APR", "MAY", "JUN",
                                                   "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> kWeekdays{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

/// What the values of a field may be.
struct Range {
  constexpr Range(int l, int h) : low(l), high(h) {}
  int low;
  int high;
};

std::optional<int> number(std::string_view text, Range range) {
  if (text.empty() || text.size() > 4 || text.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::optional<std::int64_t> value = parse_int(text);
  if (!value || *value < range.low || *value > range.high) return std::nullopt;
  return static_cast<int>(*value);
}

template <std::size_t N>
std::optional<int> value_of(std::string_view text, Range range, const std::array<std::string_view, N>& names) {
  for (std::size_t i = 0; i < N; ++i) {
    if (iequals(text, names[i])) return static_cast<int>(i) + 1;
  }
  return number(text, range);
}

/// "*", "5", "1-5", "0/15", "10-30/5".
template <typename Bits, std::size_t N>
bool parse_part(std::string_view part, Range range, const std::array<std::string_view, N>& names, Bits& out,
                int base = 0) {
  int step = 1;
  const std::size_t slash = part.find('/');
  if (slash != std::string_view::npos) {
    const std::optional<int> given = number(part.substr(slash + 1), Range(1, range.high));
    if (!given) return false;
    step = *given;
    part = part.substr(0, slash);
  }
  int from = range.low;
  int to = range.high;
  if (part != "*" && !(part.empty() && slash != std::string_view::npos)) {
    const std::size_t dash = part.find('-');
    const std::optional<int> first = value_of(part.substr(0, dash), range, names);
    if (!first) return false;
    from = *first;
    if (dash != std::string_view::npos) {
      const std::optional<int> last = value_of(part.substr(dash + 1), range, names);
      if (!last) return false;
      to = *last;
    } else if (slash == std::string_view::npos) {
      to = from;
    }
  }
  // "FRI-MON" and "22-2" go round.
  const int count = to >= from ? to - from : to + (range.high - range.low + 1) - from;
  for (int i = 0; i <= count; i += step) {
    const int value = range.low + (from - range.low + i) % (range.high - range.low + 1);
    out.set(static_cast<std::size_t>(value - base));
  }
  return true;
}

template <typename Bits, std::size_t N>
bool parse_list(std::string_view field, Range range, const std::array<std::string_view, N>& names, Bits& out,
                int base = 0) {
  for (const std::string_view part : split(field, ',')) {
    if (!parse_part(part, range, names, out, base)) return false;
  }
  return true;
}

constexpr std::array<std::string_view, 0> kNoNames{};

std::chrono::year_month_day date_of(std::int64_t local) {
  return std::chrono::year_month_day(
      std::chrono::sys_days(std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(seconds(local)))));
}

unsigned last_day_of(int year, unsigned month) {
  using namespace std::chrono;
  return static_cast<unsigned>((std::chrono::year(year) / std::chrono::month(month) / last).day());
}

/// 1 is Sunday.
unsigned weekday_of(int year, unsigned month, unsigned day) {
  using namespace std::chrono;
  return weekday(sys_days(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day))).c_encoding() +
         1;
}

/// Monday to Friday nearest to a day, in the same month.
unsigned nearest_workday(int year, unsigned month, unsigned day) {
  const unsigned last = last_day_of(year, month);
  const unsigned weekday = weekday_of(year, month, day);
  if (weekday == 7) return day == 1 ? 3 : day - 1;
  if (weekday == 1) return day == last ? day - 2 : day + 1;
  return day;
}

}  // namespace

bool CronExpression::parse_day_of_month(std::string_view field) {
  for (const std::string_view part : split(field, ',')) {
    if (part == "L") {
      last_day_ = true;
    } else if (part == "LW") {
      last_workday_ = true;
    } else if (part.ends_with('W')) {
      const std::optional<int> day = number(part.substr(0, part.size() - 1), Range(1, 31));
      if (!day) return false;
      near_workdays_.set(static_cast<std::size_t>(*day));
    } else if (!parse_part(part, Range(1, 31), kNoNames, days_)) {
      return false;
    }
  }
  return true;
}

bool CronExpression::parse_day_of_week(std::string_view field) {
  by_weekday_ = true;
  for (const std::string_view part : split(field, ',')) {
    const std::size_t hash = part.find('#');
    if (part == "L") {
      weekdays_.set(7);
    } else if (hash != std::string_view::npos) {
      const std::optional<int> day = value_of(part.substr(0, hash), Range(1, 7), kWeekdays);
      const std::optional<int> nth = number(part.substr(hash + 1), Range(1, 5));
      if (!day || !nth) return false;
      nth_weekdays_[static_cast<std::size_t>(*day)].set(static_cast<std::size_t>(*nth));
    } else if (part.ends_with('L')) {
      const std::optional<int> day = value_of(part.substr(0, part.size() - 1), Range(1, 7), kWeekdays);
      if (!day) return false;
      last_weekdays_.set(static_cast<std::size_t>(*day));
    } else if (!parse_part(part, Range(1, 7), kWeekdays, weekdays_)) {
      return false;
    }
  }
  return true;
}

std::optional<CronExpression> CronExpression::parse(std::string_view text) {
  std::vector<std::string_view> fields;
  for (const std::string_view field : split(text, ' ')) {
    if (!field.empty()) fields.push_back(field);
  }
  if (fields.size() != 6) return std::nullopt;
  CronExpression cron;
  const bool any_weekday = fields[4] == "?";
  if (any_weekday == (fields[2] == "?")) return std::nullopt;
  const bool good = parse_list(fields[0], Range(0, 59), kNoNames, cron.minutes_) &&
                    parse_list(fields[1], Range(0, 23), kNoNames, cron.hours_) &&
                    (any_weekday ? cron.parse_day_of_month(fields[2]) : cron.parse_day_of_week(fields[4])) &&
                    parse_list(fields[3], Range(1, 12), kMonths, cron.months_) &&
                    parse_list(fields[5], Range(kFirstYear, kLastYear), kNoNames, cron.years_, kFirstYear);
  return good ? std::optional(cron) : std::nullopt;
}

bool CronExpression::matches_day(int year, unsigned month, unsigned day) const {
  const unsigned last = last_day_of(year, month);
  if (by_weekday_) {
    const unsigned weekday = weekday_of(year, month, day);
    return weekdays_[weekday] || (last_weekdays_[weekday] && day + 7 > last) ||
           nth_weekdays_[weekday][(day - 1) / 7 + 1];
  }
  if (days_[day] || (last_day_ && day == last)) return true;
  if (last_workday_) {
    const unsigned weekday = weekday_of(year, month, last);
    if (day == (weekday == 7 ? last - 1 : weekday == 1 ? last - 2 : last)) return true;
  }
  if (near_workdays_.none()) return false;
  for (unsigned wanted = 1; wanted <= last; ++wanted) {
    if (near_workdays_[wanted] && nearest_workday(year, month, wanted) == day) return true;
  }
  return false;
}

std::optional<std::int64_t> CronExpression::next_local(std::int64_t after) const {
  const std::int64_t from = after - (((after % 60) + 60) % 60) + 60;
  const std::chrono::year_month_day start = date_of(from);
  std::int64_t minute_of_day = (((from % kDaySeconds) + kDaySeconds) % kDaySeconds) / 60;
  auto first_month = static_cast<unsigned>(start.month());
  auto first_day = static_cast<unsigned>(start.day());
  for (int year = std::max(static_cast<int>(start.year()), kFirstYear); year <= kLastYear; ++year) {
    if (year != static_cast<int>(start.year())) first_month = first_day = 1, minute_of_day = 0;
    if (!years_[static_cast<std::size_t>(year - kFirstYear)]) continue;
    for (unsigned month = first_month; month <= 12; ++month) {
      if (month != first_month) first_day = 1, minute_of_day = 0;
      if (!months_[month]) continue;
      const unsigned last = last_day_of(year, month);
      for (unsigned day = first_day; day <= last; ++day) {
        if (day != first_day) minute_of_day = 0;
        if (!matches_day(year, month, day)) continue;
        for (; minute_of_day < 1440; ++minute_of_day) {
          if (!hours_[static_cast<std::size_t>(minute_of_day / 60)]) {
            minute_of_day += 59 - minute_of_day % 60;
          } else if (minutes_[static_cast<std::size_t>(minute_of_day % 60)]) {
            using namespace std::chrono;
            const sys_days date(std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day));
            return date.time_since_epoch().count() * kDaySeconds + minute_of_day * 60;
          }
        }
      }
    }
  }
  return std::nullopt;
}

std::optional<ScheduleExpression> ScheduleExpression::parse(std::string_view text, bool any_plural) {
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos || !text.ends_with(')')) return std::nullopt;
  const std::string_view kind = text.substr(0, open);
  const std::string_view inside = text.substr(open + 1, text.size() - open - 2);
  if (kind == "cron") {
    const std::optional<CronExpression> cron = CronExpression::parse(inside);
    if (!cron) return std::nullopt;
    return ScheduleExpression(*cron);
  }
  if (kind == "at") {
    Timestamp time;
    if (inside.size() != 19 || !parse_iso8601(std::string(inside) + "Z", time)) return std::nullopt;
    return ScheduleExpression(At(std::chrono::floor<seconds>(time).time_since_epoch().count()));
  }
  if (kind != "rate") return std::nullopt;
  const std::vector<std::string_view> words = split(trim(inside), ' ');
  if (words.size() != 2 || words[0].size() > 6 || words[0].find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  const std::int64_t count = parse_int(words[0]).value_or(0);
  if (count < 1) return std::nullopt;
  std::string unit(words[1]);
  if (any_plural ? !unit.ends_with('s') : count == 1) unit += 's';
  if (unit == "minutes") return ScheduleExpression(seconds(count * 60));
  if (unit == "hours") return ScheduleExpression(seconds(count * 3600));
  if (unit == "days") return ScheduleExpression(seconds(count * kDaySeconds));
  return std::nullopt;
}

std::optional<Timestamp> ScheduleExpression::next(Timestamp after, Timestamp base, const TimeZone& zone) const {
  if (const seconds* period = std::get_if<seconds>(&what_)) {
    if (after < base) return base;
    return base + ((after - base) / *period + 1) * *period;
  }
  const std::int64_t from = std::chrono::floor<seconds>(after).time_since_epoch().count();
  if (const At* at = std::get_if<At>(&what_)) {
    // A time that the clocks skip comes as much later as they are put forward.
    const std::optional<std::int64_t> exact = zone.utc(at->local);
    const std::int64_t utc =
        exact ? *exact : at->local - (zone.local(at->local - kDaySeconds) - (at->local - kDaySeconds));
    if (utc <= from) return std::nullopt;
    return Timestamp(seconds(utc));
  }
  const CronExpression& cron = std::get<CronExpression>(what_);
  for (std::optional<std::int64_t> local = cron.next_local(zone.local(from)); local; local = cron.next_local(*local)) {
    const std::optional<std::int64_t> utc = zone.utc(*local);
    if (utc && *utc > from) return Timestamp(seconds(*utc));
  }
  return std::nullopt;
}

}  // namespace cumulet::events
