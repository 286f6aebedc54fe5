#include "events/schedule_expression.h"

#include <string>

#include <gtest/gtest.h>

namespace cumulet::events {
namespace {

Timestamp at(const std::string& text) {
  Timestamp time;
  EXPECT_TRUE(parse_iso8601(text, time)) << text;
  return time;
}

std::string next(std::string_view expression, const std::string& after, const std::string& zone = "UTC",
                 const std::string& base = "2026-01-01T00:00:00Z") {
  const auto parsed = ScheduleExpression::parse(expression);
  const auto found = TimeZone::find(zone);
  if (!parsed || !found) return "invalid";
  const std::optional<Timestamp> time = parsed->next(at(after), at(base), *found);
  return time ? iso8601(*time) : "none";
}

TEST(ScheduleExpressionTest, ExamplesOfTheDocumentation) {
  EXPECT_EQ(next("cron(0 10 * * ? *)", "2026-11-22T10:00:00Z"), "2026-11-23T10:00:00Z");
  EXPECT_EQ(next("cron(15 12 * * ? *)", "2026-11-22T10:00:00Z"), "2026-11-22T12:15:00Z");
  EXPECT_EQ(next("cron(0 18 ? * MON-FRI *)", "2026-11-20T18:00:00Z"), "2026-11-23T18:00:00Z");
  EXPECT_EQ(next("cron(0 8 1 * ? *)", "2026-11-22T10:00:00Z"), "2026-12-01T08:00:00Z");
  EXPECT_EQ(next("cron(0/15 * * * ? *)", "2026-11-22T10:14:59Z"), "2026-11-22T10:15:00Z");
  EXPECT_EQ(next("cron(0/10 * ? * MON-FRI *)", "2026-11-20T23:50:00Z"), "2026-11-23T00:00:00Z");
  EXPECT_EQ(next("cron(0/5 8-17 ? * MON-FRI *)", "2026-11-20T17:55:00Z"), "2026-11-23T08:00:00Z");
  EXPECT_EQ(next("cron(15 10 ? * 6L 2026-2027)", "2026-11-22T10:00:00Z"), "2026-11-27T10:15:00Z");
}

TEST(ScheduleExpressionTest, SpecialDays) {
  EXPECT_EQ(next("cron(0 0 L * ? *)", "2028-02-01T00:00:00Z"), "2028-02-29T00:00:00Z");
  EXPECT_EQ(next("cron(0 0 LW * ? *)", "2026-01-01T00:00:00Z"), "2026-01-30T00:00:00Z");
  EXPECT_EQ(next("cron(0 0 15W * ? *)", "2026-11-01T00:00:00Z"), "2026-11-16T00:00:00Z");
  EXPECT_EQ(next("cron(0 0 1W * ? *)", "2026-07-31T00:00:00Z"), "2026-08-03T00:00:00Z");
  EXPECT_EQ(next("cron(0 0 ? * 3#2 *)", "2026-11-01T00:00:00Z"), "2026-11-10T00:00:00Z");
  EXPECT_EQ(next("cron(0 0 ? * FRI#5 *)", "2026-11-01T00:00:00Z"), "2027-01-29T00:00:00Z");
  EXPECT_EQ(next("cron(0 0 ? * L *)", "2026-11-22T00:00:00Z"), "2026-11-28T00:00:00Z");
  EXPECT_EQ(next("cron(0 22-1 * * ? *)", "2026-11-22T23:00:00Z"), "2026-11-23T00:00:00Z");
  EXPECT_EQ(next("cron(0 0 31 FEB ? *)", "2026-11-22T23:00:00Z"), "none");
  EXPECT_EQ(next("cron(0 0 1 1 ? 2020)", "2026-11-22T23:00:00Z"), "none");
}

TEST(ScheduleExpressionTest, RefusesWhatIsNoExpression) {
  for (const char* text : {"",
                           "cron()",
                           "cron(0 10 * * * *)",
                           "cron(0 10 ? * ? *)",
                           "cron(60 10 * * ? *)",
                           "cron(0 24 * * ? *)",
                           "cron(0 10 32 * ? *)",
                           "cron(0 10 ? * 8 *)",
                           "cron(0 10 ? * 2#6 *)",
                           "cron(0 10 * * ?)",
                           "cron(0 10 * 13 ? *)",
                           "cron(0 10 * * ? 1969)",
                           "cron(0/0 10 * * ? *)",
                           "cron(a 10 * * ? *)",
                           "rate(0 minutes)",
                           "rate(1 minutes)",
                           "rate(5 minute)",
                           "rate(-1 minutes)",
                           "rate(5 seconds)",
                           "rate(5)",
                           "rate(9999999 days)",
                           "at(2026-11-22)",
                           "at(2026-13-22T10:00:00)",
                           "every(5 minutes)"}) {
    EXPECT_FALSE(ScheduleExpression::parse(text)) << text;
  }
  EXPECT_TRUE(ScheduleExpression::parse("rate(1 minutes)", true));
}

TEST(ScheduleExpressionTest, RatesCountFromTheirBase) {
  EXPECT_EQ(next("rate(5 minutes)", "2026-01-01T00:00:00Z"), "2026-01-01T00:05:00Z");
  EXPECT_EQ(next("rate(5 minutes)", "2026-01-01T00:12:10Z"), "2026-01-01T00:15:00Z");
  EXPECT_EQ(next("rate(1 day)", "2025-06-01T00:00:00Z"), "2026-01-01T00:00:00Z");
}

TEST(ScheduleExpressionTest, OneTime) {
  EXPECT_EQ(next("at(2026-11-22T10:00:00)", "2026-11-22T09:00:00Z"), "2026-11-22T10:00:00Z");
  EXPECT_EQ(next("at(2026-11-22T10:00:00)", "2026-11-22T10:00:00Z"), "none");
  EXPECT_EQ(next("at(2026-07-22T10:00:00)", "2026-01-22T10:00:00Z", "Europe/Berlin"), "2026-07-22T08:00:00Z");
}

TEST(ScheduleExpressionTest, DaylightSavingTime) {
  // New York's clocks skip 02:00-03:00 on 8 March 2026 and show 01:00-02:00 twice on 1 November.
  EXPECT_EQ(next("cron(30 2 * * ? *)", "2026-03-07T08:00:00Z", "America/New_York"), "2026-03-09T06:30:00Z");
  EXPECT_EQ(next("cron(30 1 * * ? *)", "2026-10-31T12:00:00Z", "America/New_York"), "2026-11-01T05:30:00Z");
  EXPECT_EQ(next("cron(30 1 * * ? *)", "2026-11-01T05:30:00Z", "America/New_York"), "2026-11-02T06:30:00Z");
  EXPECT_EQ(next("cron(0 10 * * ? *)", "2026-07-01T00:00:00Z", "America/New_York"), "2026-07-01T14:00:00Z");
  EXPECT_EQ(next("cron(0 10 * * ? *)", "2026-12-01T00:00:00Z", "America/New_York"), "2026-12-01T15:00:00Z");
}

TEST(ScheduleExpressionTest, ZonesGoOnByTheirRuleAfterTheTable) {
  EXPECT_EQ(next("cron(0 12 * * ? *)", "2090-07-01T00:00:00Z", "Europe/Berlin"), "2090-07-01T10:00:00Z");
  EXPECT_EQ(next("cron(0 12 * * ? *)", "2090-12-01T00:00:00Z", "Europe/Berlin"), "2090-12-01T11:00:00Z");
  EXPECT_EQ(next("cron(0 12 * * ? *)", "2090-12-01T00:00:00Z", "Australia/Sydney"), "2090-12-01T01:00:00Z");
}

TEST(TimeZoneTest, UnknownNames) {
  EXPECT_EQ(TimeZone::find("Mars/Olympus"), nullptr);
  EXPECT_EQ(TimeZone::find("../../etc/passwd"), nullptr);
  EXPECT_EQ(TimeZone::find(""), nullptr);
  EXPECT_EQ(TimeZone::parse("TZif2"), nullptr);
  EXPECT_NE(TimeZone::find("UTC"), nullptr);
}

}  // namespace
}  // namespace cumulet::events
