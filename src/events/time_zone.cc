#include "events/time_zone.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>

#include <sys/stat.h>

namespace cumulet::events {
namespace {

constexpr std::size_t kFileLimit = 256 << 10;
constexpr std::int64_t kSecondsOfDay = 86400;

bool is_name(const std::string& name) {
  if (name.empty() || name.size() > 50 || name.front() == '/' || name.find("..") != std::string::npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
           c == '-' || c == '/';
  });
}

std::string read_file(const std::string& path) {
  std::string bytes;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return bytes;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return bytes;
  bytes.resize(kFileLimit);
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
  std::fclose(file);
  return bytes;
}

/// Big-endian, two's complement.
std::int64_t integer(std::string_view bytes) {
  std::uint64_t value = (static_cast<unsigned char>(bytes.front()) & 0x80) != 0 ? ~0ULL : 0;
  for (const char c : bytes) value = (value << 8) | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(value);
}

std::int64_t days_to(int year, int month, int day) {
  using namespace std::chrono;
  return sys_days(std::chrono::year(year) / month / day).time_since_epoch().count();
}

bool parse_digits(std::string_view& text, std::int64_t& out) {
  std::size_t n = 0;
  out = 0;
  while (n < text.size() && n < 4 && text[n] >= '0' && text[n] <= '9') out = out * 10 + (text[n++] - '0');
  text.remove_prefix(n);
  return n > 0;
}

bool skip_zone_name(std::string_view& text) {
  std::size_t n = 0;
  if (text.starts_with('<')) {
    n = text.find('>');
    if (n == std::string_view::npos) return false;
    text.remove_prefix(n + 1);
    return true;
  }
  while (n < text.size() && ((text[n] >= 'a' && text[n] <= 'z') || (text[n] >= 'A' && text[n] <= 'Z'))) ++n;
  text.remove_prefix(n);
  return n >= 3;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::shared_ptr<const TimeZone> TimeZone::find(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<const TimeZone>> known;
  if (!is_name(name)) return nullptr;
  const std::lock_guard lock(mutex);
  if (const auto found = known.find(name); found != known.end()) return found->second;
  std::shared_ptr<const TimeZone> zone = parse(read_file("/usr/share/zoneinfo/" + name));
  if (!zone && name == "UTC") zone = std::make_shared<const TimeZone>();
  if (zone) known.emplace(name, zone);
  return zone;
}

std::shared_ptr<const TimeZone> TimeZone::parse(std::string_view bytes) {
  constexpr std::size_t kHeader = 44;
  const auto counts_at = [&bytes](std::size_t at, int which) {
    return static_cast<std::size_t>(integer(bytes.substr(at + 20 + static_cast<std::size_t>(which) * 4, 4)) & 0xffffff);
  };
  if (bytes.size() < kHeader || !bytes.starts_with("TZif") || bytes[4] < '2') return nullptr;
  // Counts: isut, isstd, leap, time, type, char. The first block has 32-bit times; the second has all.
  std::size_t at = kHeader + counts_at(0, 3) * 5 + counts_at(0, 4) * 6 + counts_at(0, 5) + counts_at(0, 2) * 8 +
                   counts_at(0, 1) + counts_at(0, 0);
  if (bytes.size() < at + kHeader || !bytes.substr(at).starts_with("TZif")) return nullptr;
  const std::size_t times = counts_at(at, 3);
  const std::size_t types = counts_at(at, 4);
  const std::size_t rest = counts_at(at, 5) + counts_at(at, 2) * 12 + counts_at(at, 1) + counts_at(at, 0);
  at += kHeader;
  const std::size_t type_table = at + times * 9;
  const std::size_t footer = type_table + types * 6 + rest;
  if (types == 0 || bytes.size() < footer + 2) return nullptr;
  const auto offset_of = [&](std::size_t type) { return integer(bytes.substr(type_table + type * 6, 4)); };
  auto zone = std::make_shared<TimeZone>();
  zone->first_offset_ = offset_of(0);
  for (std::size_t i = 0; i < times; ++i) {
    const auto type = static_cast<unsigned char>(bytes[at + times * 8 + i]);
    if (type >= types) return nullptr;
    zone->transitions_.emplace_back(integer(bytes.substr(at + i * 8, 8)), offset_of(type));
  }
  const std::size_t end = bytes.find('\n', footer + 1);
  if (bytes[footer] == '\n' && end != std::string_view::npos && end > footer + 1) {
    zone->rule_ = parse_rule(bytes.substr(footer + 1, end - footer - 1));
    if (!zone->rule_) return nullptr;
  }
  return zone;
}

/// [+-]hh[:mm[:ss]]
bool TimeZone::parse_time(std::string_view& text, std::int64_t& out) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  std::int64_t part = 0;
  if (!parse_digits(text, part)) return false;
  out = part * 3600;
  for (const std::int64_t unit : {60, 1}) {
    if (!take(text, ':')) break;
    if (!parse_digits(text, part)) return false;
    out += part * unit;
  }
  if (negative) out = -out;
  return true;
}

bool TimeZone::parse_change(std::string_view& text, Change& change) {
  std::int64_t number = 0;
  if (take(text, 'M')) {
    if (!parse_digits(text, number) || number < 1 || number > 12) return false;
    change.month = static_cast<int>(number);
    if (!take(text, '.') || !parse_digits(text, number) || number < 1 || number > 5) return false;
    change.week = static_cast<int>(number);
    if (!take(text, '.') || !parse_digits(text, number) || number > 6) return false;
  } else {
    change.kind = take(text, 'J') ? Change::Kind::kJulianWithoutLeapDay : Change::Kind::kDayOfYear;
    if (!parse_digits(text, number) || number > 365) return false;
  }
  change.day = static_cast<int>(number);
  return !take(text, '/') || parse_time(text, change.time);
}

/// A TZ string of POSIX: "CET-1CEST,M3.5.0,M10.5.0/3".
std::optional<TimeZone::Rule> TimeZone::parse_rule(std::string_view text) {
  Rule rule;
  std::int64_t west = 0;
  if (!skip_zone_name(text) || !parse_time(text, west)) return std::nullopt;
  rule.standard = -west;
  if (text.empty()) return rule;
  rule.has_summer = true;
  rule.summer = rule.standard + 3600;
  if (!skip_zone_name(text)) return std::nullopt;
  if (!text.empty() && text.front() != ',') {
    if (!parse_time(text, west)) return std::nullopt;
    rule.summer = -west;
  }
  if (!take(text, ',') || !parse_change(text, rule.begin) || !take(text, ',') || !parse_change(text, rule.end)) {
    return std::nullopt;
  }
  return rule;
}

std::int64_t TimeZone::Change::local_in(int year) const {
  using namespace std::chrono;
  if (kind == Kind::kMonthWeekDay) {
    const auto in_month = std::chrono::year(year) / month;
    const weekday wanted(static_cast<unsigned>(day));
    const sys_days on =
        week == 5 ? sys_days(in_month / wanted[last]) : sys_days(in_month / wanted[static_cast<unsigned>(week)]);
    return on.time_since_epoch().count() * kSecondsOfDay + time;
  }
  const bool leap = std::chrono::year(year).is_leap();
  int index = day;
  if (kind == Kind::kJulianWithoutLeapDay) index = day - 1 + (leap && day >= 60 ? 1 : 0);
  return (days_to(year, 1, 1) + index) * kSecondsOfDay + time;
}

std::int64_t TimeZone::offset_by_rule(std::int64_t utc) const {
  if (!rule_->has_summer) return rule_->standard;
  using namespace std::chrono;
  const sys_days day(floor<days>(sys_seconds(seconds(utc + rule_->standard))));
  const int year = static_cast<int>(year_month_day(day).year());
  const std::int64_t begin = rule_->begin.local_in(year) - rule_->standard;
  const std::int64_t end = rule_->end.local_in(year) - rule_->summer;
  const bool summer = begin < end ? utc >= begin && utc < end : utc >= begin || utc < end;
  return summer ? rule_->summer : rule_->standard;
}

std::int64_t TimeZone::offset_at(std::int64_t utc) const {
  if (rule_ && (transitions_.empty() || utc >= transitions_.back().first)) return offset_by_rule(utc);
  const auto after = std::upper_bound(transitions_.begin(), transitions_.end(), utc,
                                      [](std::int64_t time, const auto& t) { return time < t.first; });
  return after == transitions_.begin() ? first_offset_ : std::prev(after)->second;
}

std::optional<std::int64_t> TimeZone::utc(std::int64_t local) const {
  std::optional<std::int64_t> first;
  for (const std::int64_t near : {local - kSecondsOfDay, local, local + kSecondsOfDay}) {
    const std::int64_t candidate = local - offset_at(near);
    if (this->local(candidate) == local && (!first || candidate < *first)) first = candidate;
  }
  return first;
}

}  // namespace cumulet::events
