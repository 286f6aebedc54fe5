#include "base/clock.h"

#include <array>
#include <cstdio>
#include <string_view>

namespace cumulet {
namespace {

using std::chrono::days;
using std::chrono::floor;
using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::array<std::string_view, 7> kWeekdays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Fields {
  explicit Fields(Timestamp time) {
    const auto day = floor<days>(time);
    const std::chrono::year_month_day date(day);
    year = static_cast<int>(date.year());
    month = static_cast<unsigned>(date.month());
    this->day = static_cast<unsigned>(date.day());
    weekday = std::chrono::weekday(day).c_encoding();
    const std::int64_t micros = (time - day).count();
    hour = static_cast<unsigned>(micros / 3'600'000'000);
    minute = static_cast<unsigned>(micros / 60'000'000 % 60);
    second = static_cast<unsigned>(micros / 1'000'000 % 60);
    millisecond = static_cast<unsigned>(micros / 1'000 % 1'000);
  }
  int year;
  unsigned month, day, weekday, hour, minute, second, millisecond;
};

template <typename... Args>
std::string print(const char* format, Args... args) {
  std::array<char, 64> buffer;
  const int length = std::snprintf(buffer.data(), buffer.size(), format, args...);
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

/// Reads a date's pieces from left to right; the first mismatch makes everything after it fail too.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  int number(std::size_t digits) {
    int value = 0;
    if (rest_.size() < digits) return fail();
    for (const char c : rest_.substr(0, digits)) {
      if (c < '0' || c > '9') return fail();
      value = value * 10 + (c - '0');
    }
    rest_.remove_prefix(digits);
    return value;
  }

  /// Digits after a point, as microseconds; what is finer is dropped.
  std::int64_t fraction() {
    std::int64_t value = 0;
    std::int64_t unit = 100'000;
    std::size_t digits = 0;
    while (digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9') {
      value += unit * (rest_[digits++] - '0');
      unit /= 10;
    }
    if (digits == 0 || digits > 9) return fail();
    rest_.remove_prefix(digits);
    return value;
  }

  bool accept(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }
  void expect(std::string_view literal) {
    if (!accept(literal)) fail();
  }

  template <std::size_t N>
  int one_of(const std::array<std::string_view, N>& names) {
    for (std::size_t i = 0; i < N; ++i)
      if (accept(names[i])) return static_cast<int>(i);
    return fail();
  }

  bool finished() const { return ok_ && rest_.empty(); }

 private:
  int fail() {
    ok_ = false;
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

bool compose(int year, int month, int day, int hour, int minute, int second, std::int64_t micros, Timestamp& time) {
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return false;
  time = std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) + seconds(second) +
         microseconds(micros);
  return true;
}

}  // namespace

std::int64_t Clock::now_millis() const { return floor<std::chrono::milliseconds>(now()).time_since_epoch().count(); }
std::int64_t Clock::now_seconds() const { return floor<seconds>(now()).time_since_epoch().count(); }

Timestamp SystemClock::now() const {
  return floor<microseconds>(std::chrono::system_clock::now()) + microseconds(offset_.load(std::memory_order_relaxed));
}

std::string iso8601(Timestamp time, bool millis) {
  const Fields f(time);
  if (millis)
    return print("%04d-%02u-%02uT%02u:%02u:%02u.%03uZ", f.year, f.month, f.day, f.hour, f.minute, f.second,
                 f.millisecond);
  return print("%04d-%02u-%02uT%02u:%02u:%02uZ", f.year, f.month, f.day, f.hour, f.minute, f.second);
}

std::string iso8601_basic(Timestamp time) {
  const Fields f(time);
  return print("%04d%02u%02uT%02u%02u%02uZ", f.year, f.month, f.day, f.hour, f.minute, f.second);
}

std::string http_date(Timestamp time) {
  const Fields f(time);
  return print("%s, %02u %s %04d %02u:%02u:%02u GMT", kWeekdays[f.weekday].data(), f.day, kMonths[f.month - 1].data(),
               f.year, f.hour, f.minute, f.second);
}

bool parse_iso8601(std::string_view text, Timestamp& time) {
  Reader in(text);
  const int year = in.number(4);
  in.expect("-");
  const int month = in.number(2);
  in.expect("-");
  const int day = in.number(2);
  in.expect("T");
  const int hour = in.number(2);
  in.expect(":");
  const int minute = in.number(2);
  in.expect(":");
  const int second = in.number(2);
  const std::int64_t micros = in.accept(".") ? in.fraction() : 0;
  in.expect("Z");
  return in.finished() && compose(year, month, day, hour, minute, second, micros, time);
}

bool parse_iso8601_basic(std::string_view text, Timestamp& time) {
  Reader in(text);
  const int year = in.number(4);
  const int month = in.number(2);
  const int day = in.number(2);
  in.expect("T");
  const int hour = in.number(2);
  const int minute = in.number(2);
  const int second = in.number(2);
  in.expect("Z");
  return in.finished() && compose(year, month, day, hour, minute, second, 0, time);
}

bool parse_http_date(std::string_view text, Timestamp& time) {
  Reader in(text);
  const int weekday = in.one_of(kWeekdays);
  in.expect(", ");
  const int day = in.number(2);
  in.expect(" ");
  const int month = in.one_of(kMonths) + 1;
  in.expect(" ");
  const int year = in.number(4);
  in.expect(" ");
  const int hour = in.number(2);
  in.expect(":");
  const int minute = in.number(2);
  in.expect(":");
  const int second = in.number(2);
  in.expect(" GMT");
  Timestamp parsed;
  if (!in.finished() || !compose(year, month, day, hour, minute, second, 0, parsed)) return false;
  if (std::chrono::weekday(floor<days>(parsed)).c_encoding() != static_cast<unsigned>(weekday)) return false;
  time = parsed;
  return true;
}

}  // namespace cumulet
