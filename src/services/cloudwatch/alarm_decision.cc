#include "services/cloudwatch/alarm_decision.h"

#include <algorithm>
#include <ctime>

#include "services/cloudwatch/label.h"

namespace cumulet::cloudwatch {
namespace {

constexpr std::string_view kOk = "OK";
constexpr std::string_view kAlarm = "ALARM";
constexpr std::string_view kInsufficientData = "INSUFFICIENT_DATA";

std::string comparison_text(const std::string& comparison) {
  if (comparison == "GreaterThanOrEqualToThreshold") return "greater than or equal to";
  if (comparison == "GreaterThanThreshold") return "greater than";
  if (comparison == "LessThanThreshold") return "less than";
  return "less than or equal to";
}

std::string day_text(std::int64_t time) {
  const std::time_t seconds = time;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof(text), "%d/%m/%y %H:%M:%S", &parts));
}

std::string counted(std::size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

/// What is known of the periods that count.
struct Tally {
  std::vector<AlarmPoint> known;  ///< Oldest first.
  std::size_t breaching = 0;
  std::size_t fine = 0;
  std::size_t missing = 0;     ///< How many of N are left without a value.
  std::size_t oldest_age = 0;  ///< In periods, of the oldest breaching value; the last period has age 1.
};

Tally tally(const std::vector<AlarmPoint>& points, const AlarmTest& test) {
  Tally result;
  for (const AlarmPoint& point : points) {
    if (point.value) result.known.push_back(point);
  }
  if (result.known.size() > test.periods) {
    result.known.erase(result.known.begin(), result.known.end() - static_cast<std::ptrdiff_t>(test.periods));
  }
  result.missing = test.periods - result.known.size();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const bool breaching = points[i].value && test.breaches(*points[i].value);
    if (breaching) result.oldest_age = std::max(result.oldest_age, points.size() - i);
  }
  for (const AlarmPoint& point : result.known) ++(test.breaches(*point.value) ? result.breaching : result.fine);
  return result;
}

std::string choose_state(const Tally& tally, const AlarmTest& test) {
  const std::string if_breaching(tally.breaching >= test.to_alarm ? kAlarm : kOk);
  if (tally.missing == 0) return if_breaching;
  if (test.missing == "breaching") {
    return std::string(tally.breaching + tally.missing >= test.to_alarm ? kAlarm : kOk);
  }
  if (test.missing == "notBreaching") return if_breaching;
  if (tally.breaching >= test.to_alarm) return std::string(kAlarm);
  if (test.missing == "ignore") return tally.fine > 0 ? std::string(kOk) : std::string();
  if (tally.known.empty()) return std::string(kInsufficientData);
  if (tally.fine > 0) return std::string(kOk);
  // All that is known breaches: an alarm as soon as the oldest of it is as old as M periods.
  return tally.oldest_age >= test.to_alarm ? std::string(kAlarm) : std::string();
}

std::string threshold_reason(const Tally& tally, const AlarmTest& test, bool alarm) {
  std::vector<const AlarmPoint*> shown;
  for (const AlarmPoint& point : tally.known) {
    if (test.breaches(*point.value) == alarm) shown.push_back(&point);
  }
  std::string text = "Threshold Crossed: ";
  if (shown.empty()) {
    text += "no datapoints were received for " + counted(tally.missing, "period") + " and " +
            counted(tally.missing, "missing datapoint") + (tally.missing == 1 ? " was" : " were") + " treated as [" +
            (alarm ? "Breaching" : "NonBreaching") + "].";
    return text;
  }
  text += test.periods > 1 ? std::to_string(shown.size()) + " out of the last " + counted(test.periods, "datapoint")
                           : counted(shown.size(), "datapoint");
  text += " [";
  for (auto point = shown.rbegin(); point != shown.rend(); ++point) {
    if (point != shown.rbegin()) text += ", ";
    text += decimal_text(*(*point)->value) + " (" + day_text((*point)->time) + ")";
  }
  text += shown.size() == 1 ? "] was " : "] were ";
  text += (alarm ? "" : "not ") + comparison_text(test.comparison) + " the threshold (" + decimal_text(test.threshold) +
          ")";
  const std::size_t least = alarm ? test.to_alarm : test.periods - test.to_alarm + 1;
  return text + " (minimum " + counted(least, "datapoint") + " for " +
         (alarm ? "OK -> ALARM transition)." : "ALARM -> OK transition).");
}

}  // namespace

std::string decimal_text(double value) {
  std::string text = number_text(value);
  if (text.find_first_of(".eEnN") == std::string::npos) text += ".0";
  return text;
}

bool AlarmTest::breaches(double value) const {
  if (comparison == "GreaterThanOrEqualToThreshold") return value >= threshold;
  if (comparison == "GreaterThanThreshold") return value > threshold;
  if (comparison == "LessThanThreshold") return value < threshold;
  return value <= threshold;
}

AlarmDecision decide(const std::vector<AlarmPoint>& points, const AlarmTest& test) {
  const Tally known = tally(points, test);
  AlarmDecision decision;
  decision.state = choose_state(known, test);
  if (decision.state == kInsufficientData) {
    decision.reason = "Insufficient Data: " + counted(test.periods, "datapoint") +
                      (test.periods == 1 ? " was unknown." : " were unknown.");
  } else if (!decision.state.empty()) {
    decision.reason = threshold_reason(known, test, decision.state == kAlarm);
  }
  return decision;
}

}  // namespace cumulet::cloudwatch
