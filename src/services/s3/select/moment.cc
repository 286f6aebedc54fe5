#include "services/s3/select/moment.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/text.h"

namespace cumulet::s3::select {
namespace {

constexpr std::int64_t kDaySeconds = 86400;
constexpr std::int64_t kYears = 9999;

bool leap(std::int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

int days_in(std::int64_t year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && leap(year) ? 29 : kDays[month - 1];
}

std::int64_t days_of(const Moment& moment) {
  const std::chrono::year_month_day date(std::chrono::year(moment.year),
                                         std::chrono::month(static_cast<unsigned>(moment.month)),
                                         std::chrono::day(static_cast<unsigned>(moment.day)));
  return std::chrono::sys_days(date).time_since_epoch().count();
}

/// Sets date and time of day from seconds since 1970, at the moment's own offset.
bool set_seconds(std::int64_t seconds, Moment& moment) {
  const std::int64_t local = seconds + moment.offset * 60;
  std::int64_t days = local / kDaySeconds;
  std::int64_t rest = local % kDaySeconds;
  if (rest < 0) {
    rest += kDaySeconds;
    --days;
  }
  if (days < -719162 || days > 2932896) return false;  // The years 1 to 9999.
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  moment.year = static_cast<int>(date.year());
  moment.month = static_cast<std::int8_t>(static_cast<unsigned>(date.month()));
  moment.day = static_cast<std::int8_t>(static_cast<unsigned>(date.day()));
  moment.hour = static_cast<std::int8_t>(rest / 3600);
  moment.minute = static_cast<std::int8_t>(rest / 60 % 60);
  moment.second = static_cast<std::int8_t>(rest % 60);
  return true;
}

/// Takes exactly `count` digits off the front.
std::optional<int> digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

bool parse_fraction(std::string_view& text, Moment& moment) {
  if (!take(text, '.')) return true;
  std::size_t count = 0;
  std::int64_t nanos = 0;
  for (; count < text.size() && text[count] >= '0' && text[count] <= '9'; ++count) {
    if (count < 9) nanos = nanos * 10 + (text[count] - '0');
  }
  if (count == 0) return false;
  for (std::size_t i = count; i < 9; ++i) nanos *= 10;
  moment.fraction_digits = static_cast<std::int8_t>(std::min<std::size_t>(count, 9));
  moment.nanos = static_cast<std::int32_t>(nanos);
  text.remove_prefix(count);
  return true;
}

bool parse_offset(std::string_view& text, Moment& moment) {
  if (take(text, 'Z')) return true;
  const bool west = text.starts_with('-');
  if (!west && !text.starts_with('+')) return false;
  text.remove_prefix(1);
  const std::optional<int> hours = digits(text, 2);
  if (!hours || !take(text, ':')) return false;
  const std::optional<int> minutes = digits(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return false;
  const int offset = *hours * 60 + *minutes;
  moment.offset = static_cast<std::int16_t>(west ? -offset : offset);
  moment.offset_known = !west || offset != 0;
  return true;
}

bool parse_time(std::string_view& text, Moment& moment) {
  const std::optional<int> hour = digits(text, 2);
  if (!hour || !take(text, ':')) return false;
  const std::optional<int> minute = digits(text, 2);
  if (!minute) return false;
  moment.hour = static_cast<std::int8_t>(*hour);
  moment.minute = static_cast<std::int8_t>(*minute);
  moment.precision = Moment::Part::kMinute;
  moment.offset_known = true;
  if (take(text, ':')) {
    const std::optional<int> second = digits(text, 2);
    if (!second) return false;
    moment.second = static_cast<std::int8_t>(*second);
    moment.precision = Moment::Part::kSecond;
    if (!parse_fraction(text, moment)) return false;
  }
  return parse_offset(text, moment);
}

void append(std::string& out, std::int64_t value, std::size_t width) {
  const std::string number = std::to_string(value);
  if (number.size() < width) out.append(width - number.size(), '0');
  out += number;
}

}  // namespace

bool Moment::valid() const {
  return year >= 1 && year <= kYears && month >= 1 && month <= 12 && day >= 1 && day <= days_in(year, month) &&
         hour <= 23 && minute <= 59 && second <= 59;
}

std::optional<Moment> Moment::parse(std::string_view text) {
  Moment moment;
  moment.offset_known = false;
  const std::optional<int> year = digits(text, 4);
  if (!year) return std::nullopt;
  moment.year = *year;
  moment.precision = Part::kYear;
  if (text != "T") {
    if (!take(text, '-')) return std::nullopt;
    const std::optional<int> month = digits(text, 2);
    if (!month) return std::nullopt;
    moment.month = static_cast<std::int8_t>(*month);
    moment.precision = Part::kMonth;
    if (text != "T") {
      if (!take(text, '-')) return std::nullopt;
      const std::optional<int> day = digits(text, 2);
      if (!day) return std::nullopt;
      moment.day = static_cast<std::int8_t>(*day);
      moment.precision = Part::kDay;
      if (!text.empty() && !take(text, 'T')) return std::nullopt;
      if (!text.empty() && (!parse_time(text, moment) || !text.empty())) return std::nullopt;
    }
  }
  if (!moment.valid()) return std::nullopt;
  return moment;
}

Moment Moment::from(Timestamp time) {
  Moment moment;
  const std::int64_t micros = time.time_since_epoch().count();
  set_seconds(micros / 1000000, moment);
  moment.precision = Part::kSecond;
  moment.fraction_digits = 3;
  moment.nanos = static_cast<std::int32_t>(micros / 1000 % 1000 * 1000000);
  return moment;
}

std::string Moment::text() const {
  std::string out;
  append(out, year, 4);
  if (precision == Part::kYear) return out + "T";
  out += '-';
  append(out, month, 2);
  if (precision == Part::kMonth) return out + "T";
  out += '-';
  append(out, day, 2);
  if (!has_time()) return out;
  out += 'T';
  append(out, hour, 2);
  out += ':';
  append(out, minute, 2);
  if (precision == Part::kSecond) {
    out += ':';
    append(out, second, 2);
    if (fraction_digits > 0) {
      std::string fraction;
      append(fraction, nanos, 9);
      out += '.' + fraction.substr(0, static_cast<std::size_t>(fraction_digits));
    }
  }
  if (!offset_known) return out + "-00:00";
  if (offset == 0) return out + "Z";
  out += offset < 0 ? '-' : '+';
  append(out, std::abs(offset) / 60, 2);
  out += ':';
  append(out, std::abs(offset) % 60, 2);
  return out;
}

std::int64_t Moment::seconds() const {
  return days_of(*this) * kDaySeconds + hour * 3600 + minute * 60 + second - offset * 60;
}

std::int64_t Moment::extract(Part part) const {
  switch (part) {
    case Part::kYear:
      return year;
    case Part::kMonth:
      return month;
    case Part::kDay:
      return day;
    case Part::kHour:
      return hour;
    case Part::kMinute:
      return minute;
    case Part::kSecond:
      return second;
    case Part::kTimezoneHour:
      return offset / 60;
    case Part::kTimezoneMinute:
      return offset % 60;
  }
  return 0;
}

std::optional<Moment> Moment::add(const Moment& moment, Part part, std::int64_t quantity) {
  Moment sum = moment;
  if (part >= Part::kHour && !sum.has_time()) {
    sum.offset_known = false;
    sum.precision = Part::kMinute;
  }
  sum.precision = std::max(sum.precision, part == Part::kHour ? Part::kMinute : part);
  if (part == Part::kYear || part == Part::kMonth) {
    if (std::abs(quantity) > kYears * 12) return std::nullopt;
    const std::int64_t months =
        sum.year * std::int64_t{12} + (sum.month - 1) + quantity * (part == Part::kYear ? 12 : 1);
    if (months < 12 || months >= (kYears + 1) * 12) return std::nullopt;
    sum.year = static_cast<std::int32_t>(months / 12);
    sum.month = static_cast<std::int8_t>(months % 12 + 1);
    sum.day = std::min(sum.day, static_cast<std::int8_t>(days_in(sum.year, sum.month)));
    return sum;
  }
  const std::int64_t unit = part == Part::kDay      ? kDaySeconds
                            : part == Part::kHour   ? 3600
                            : part == Part::kMinute ? 60
                                                    : 1;
  if (std::abs(quantity) > kYears * 366 * kDaySeconds / unit) return std::nullopt;
  if (!set_seconds(moment.seconds() + quantity * unit, sum)) return std::nullopt;
  return sum;
}

std::int64_t Moment::difference(const Moment& a, const Moment& b, Part part) {
  if (part == Part::kYear || part == Part::kMonth) {
    if (compare(a, b) > 0) return -difference(b, a, part);
    Moment later = b;
    later.offset = a.offset;  // Both as the first one's place sees them.
    set_seconds(b.seconds(), later);
    std::int64_t months = (later.year - a.year) * std::int64_t{12} + later.month - a.month;
    const auto within = [](const Moment& m) {
      return ((m.day * std::int64_t{24} + m.hour) * 60 + m.minute) * 60 + m.second;
    };
    if (within(later) < within(a)) --months;
    return part == Part::kYear ? months / 12 : months;
  }
  const std::int64_t unit = part == Part::kDay      ? kDaySeconds
                            : part == Part::kHour   ? 3600
                            : part == Part::kMinute ? 60
                                                    : 1;
  return (b.seconds() - a.seconds()) / unit;
}

int Moment::compare(const Moment& a, const Moment& b) {
  const std::int64_t left = a.seconds();
  const std::int64_t right = b.seconds();
  if (left != right) return left < right ? -1 : 1;
  return a.nanos < b.nanos ? -1 : a.nanos > b.nanos ? 1 : 0;
}

std::optional<Moment::Part> parse_date_part(std::string_view name) {
  constexpr std::string_view kNames[] = {"year",   "month",  "day",           "hour",
                                         "minute", "second", "timezone_hour", "timezone_minute"};
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (iequals(name, kNames[i])) return static_cast<Moment::Part>(i);
  }
  return std::nullopt;
}

}  // namespace cumulet::s3::select
