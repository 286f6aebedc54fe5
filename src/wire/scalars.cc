#include "wire/scalars.h"

#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"

namespace cumulet::wire {
namespace {

constexpr double kLatestEpoch = 253'402'300'800.0;  // The year 10000.

template <typename T>
bool parse_number(std::string_view text, T& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_double(std::string_view text, double& value) {
  if (text == "NaN") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (text == "Infinity" || text == "-Infinity") {
    value = text[0] == '-' ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity();
  } else {
    return parse_number(text, value) && std::isfinite(value);
  }
  return true;
}

bool parse_boolean(std::string_view text, bool& value) {
  value = iequals(text, "true");
  return value || iequals(text, "false");
}

bool parse_timestamp(std::string_view text, TimeFormat format, Timestamp& value) {
  double seconds = 0;
  switch (format) {
    case TimeFormat::kHttpDate:
      return parse_http_date(text, value) || parse_iso8601(text, value);
    case TimeFormat::kEpochSeconds:
      if (parse_number(text, seconds)) return timestamp_from_epoch(seconds, value);
      return parse_iso8601(text, value);
    default:
      return parse_iso8601(text, value) || parse_http_date(text, value) ||
             (parse_number(text, seconds) && timestamp_from_epoch(seconds, value));
  }
}

template <typename T>
std::string number_text(T value) {
  std::array<char, 32> buffer{};
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), end);
}

std::string double_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  return number_text(value);
}

std::string timestamp_text(Timestamp time, TimeFormat format, bool millis) {
  if (format == TimeFormat::kHttpDate) return http_date(time);
  if (format == TimeFormat::kEpochSeconds) return epoch_text(time);
  return iso8601(time, millis || time.time_since_epoch() % std::chrono::seconds(1) >= std::chrono::milliseconds(1));
}

}  // namespace

TimeFormat time_format(const Member* member, const Shape& shape, TimeFormat of_place) {
  if (member != nullptr && member->time_format != TimeFormat::kDefault) return member->time_format;
  return shape.time_format != TimeFormat::kDefault ? shape.time_format : of_place;
}

bool timestamp_from_epoch(double seconds, Timestamp& time) {
  if (!(std::fabs(seconds) < kLatestEpoch)) return false;
  time = Timestamp(std::chrono::microseconds(std::llround(seconds * 1e6)));
  return true;
}

std::string epoch_text(Timestamp time) {
  const std::int64_t micros = time.time_since_epoch().count();
  if (micros % 1'000'000 == 0) return number_text(micros / 1'000'000);
  return number_text(static_cast<double>(micros / 1'000) / 1'000.0);
}

bool parse_scalar(const Shape& shape, TimeFormat format, std::string_view text, void* value) {
  switch (shape.kind) {
    case Kind::kString:
      *static_cast<std::string*>(value) = text;
      return true;
    case Kind::kBlob: {
      std::optional<std::string> bytes = base64_decode(text);
      if (bytes) *static_cast<std::string*>(value) = std::move(*bytes);
      return bytes.has_value();
    }
    case Kind::kInteger:
      return parse_number(trim(text), *static_cast<std::int32_t*>(value));
    case Kind::kLong:
      return parse_number(trim(text), *static_cast<std::int64_t*>(value));
    case Kind::kDouble:
      return parse_double(trim(text), *static_cast<double*>(value));
    case Kind::kBoolean:
      return parse_boolean(trim(text), *static_cast<bool*>(value));
    case Kind::kTimestamp:
      return parse_timestamp(trim(text), format, *static_cast<Timestamp*>(value));
    default:
      return false;
  }
}

std::string scalar_text(const Shape& shape, TimeFormat format, const void* value, bool millis) {
  switch (shape.kind) {
    case Kind::kString:
      return *static_cast<const std::string*>(value);
    case Kind::kBlob:
      return base64_encode(*static_cast<const std::string*>(value));
    case Kind::kInteger:
      return number_text(*static_cast<const std::int32_t*>(value));
    case Kind::kLong:
      return number_text(*static_cast<const std::int64_t*>(value));
    case Kind::kDouble:
      return double_text(*static_cast<const double*>(value));
    case Kind::kBoolean:
      return *static_cast<const bool*>(value) ? "true" : "false";
    case Kind::kTimestamp:
      return timestamp_text(*static_cast<const Timestamp*>(value), format, millis);
    default:
      return {};
  }
}

}  // namespace cumulet::wire
