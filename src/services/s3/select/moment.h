#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace cumulet::s3::select {

/// SQL's timestamp: what is known of a moment, down to a precision, with the offset of its place.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-select-sql-reference-data-types.html
struct Moment {
  enum class Part : std::uint8_t { kYear, kMonth, kDay, kHour, kMinute, kSecond, kTimezoneHour, kTimezoneMinute };

  std::int32_t year = 1;
  std::int8_t month = 1;
  std::int8_t day = 1;
  std::int8_t hour = 0;
  std::int8_t minute = 0;
  std::int8_t second = 0;
  std::int8_t fraction_digits = 0;  ///< 0 to 9.
  Part precision = Part::kDay;      ///< kMinute or kSecond when there is a time.
  bool offset_known = true;         ///< Not for -00:00, nor for days.
  std::int16_t offset = 0;          ///< Minutes east of UTC.
  std::int32_t nanos = 0;

  /// 2007T, 2007-02T, 2007-02-23, 2007-02-23T, 2007-02-23T12:14Z, 2007-02-23T12:14:33.079-08:00.
  static std::optional<Moment> parse(std::string_view text);
  static Moment from(Timestamp time);
  /// Of years 1 to 9999, with days that their months have.
  bool valid() const;

  std::string text() const;
  /// Seconds since 1970, UTC; the fraction of a second stands in `nanos`.
  std::int64_t seconds() const;
  std::int64_t extract(Part part) const;
  bool has_time() const { return precision >= Part::kMinute; }

  /// Nullopt when it leaves the years 1 to 9999.
  static std::optional<Moment> add(const Moment& moment, Part part, std::int64_t quantity);
  /// Whole parts from `a` to `b`.
  static std::int64_t difference(const Moment& a, const Moment& b, Part part);
  static int compare(const Moment& a, const Moment& b);
};

std::optional<Moment::Part> parse_date_part(std::string_view name);

}  // namespace cumulet::s3::select
