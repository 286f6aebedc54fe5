#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cumulet::cloudwatch {

/// What an alarm compares with, and how it takes what is missing.
struct AlarmTest {
  std::string comparison;  ///< "GreaterThanThreshold"…
  double threshold = 0;
  std::size_t periods = 1;          ///< N.
  std::size_t to_alarm = 1;         ///< M.
  std::string missing = "missing";  ///< TreatMissingData.
  bool breaches(double value) const;
};

/// One period that was looked at, with its value if it has one.
struct AlarmPoint {
  AlarmPoint(std::int64_t t, std::optional<double> v) : time(t), value(v) {}
  std::int64_t time;
  std::optional<double> value;
};

struct AlarmDecision {
  std::string state;  ///< Empty: it stays as it is.
  std::string reason;
};

/// The state that the periods (oldest first, some more than N of them) lead to.
/// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
AlarmDecision decide(const std::vector<AlarmPoint>& points, const AlarmTest& test);

/// A number as reasons show it: with a point ("5.0").
std::string decimal_text(double value);

}  // namespace cumulet::cloudwatch
