#include "services/kinesis/load.h"

#include <algorithm>
#include <utility>

namespace cumulet::kinesis {

double Load::shards(double factor) const {
  constexpr double kRecordsAMinute = 60.0 * 1000;
  constexpr double kBytesAMinute = 60.0 * 1048576;
  return std::max(static_cast<double>(records) / kRecordsAMinute, static_cast<double>(bytes) / kBytesAMinute) / factor;
}

bool Meter::roll(Timestamp now) {
  const std::int64_t minute = std::chrono::floor<std::chrono::minutes>(now).time_since_epoch().count();
  if (minute == minute_) return false;
  minute_ = minute;
  busiest_.records = std::max(busiest_.records, current_.records);
  busiest_.bytes = std::max(busiest_.bytes, current_.bytes);
  const bool ended = current_.records > 0;
  current_ = Load();
  return ended;
}

bool Meter::add(Timestamp now, const Load& load) {
  const bool ended = roll(now);
  current_.records += load.records;
  current_.bytes += load.bytes;
  return ended;
}

Load Meter::take(Timestamp now) {
  roll(now);
  return std::exchange(busiest_, Load());
}

std::vector<HashKey> HashSample::sorted() const {
  std::vector<HashKey> keys(keys_.begin(), keys_.begin() + static_cast<std::ptrdiff_t>(std::min(seen_, keys_.size())));
  std::sort(keys.begin(), keys.end());
  return keys;
}

}  // namespace cumulet::kinesis
