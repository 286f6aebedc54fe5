#include "services/cloudwatch/statistic.h"

#include <gtest/gtest.h>

#include "services/cloudwatch/alarm_decision.h"
#include "services/cloudwatch/alarm_rule.h"
#include "services/cloudwatch/search.h"

namespace cumulet::cloudwatch {
namespace {

double of(const Summary& summary, std::string_view name) {
  const std::optional<Statistic> statistic = Statistic::parse(name);
  EXPECT_TRUE(statistic) << name;
  return statistic ? statistic->of(summary).value_or(-1) : -1;
}

TEST(StatisticTest, OfOneToTen) {
  Summary summary;
  for (int i = 1; i <= 10; ++i) summary.add(i);
  EXPECT_EQ(of(summary, "SampleCount"), 10);
  EXPECT_EQ(of(summary, "Average"), 5.5);
  EXPECT_EQ(of(summary, "p0"), 1);
  EXPECT_EQ(of(summary, "p50"), 5.5);
  EXPECT_EQ(of(summary, "p100"), 10);
  EXPECT_NEAR(of(summary, "p99.9"), 9.991, 1e-9);
  EXPECT_EQ(of(summary, "tm90"), 5);
  EXPECT_EQ(of(summary, "TM(10%:90%)"), 5.5);
  EXPECT_EQ(of(summary, "IQM"), 5.5);
  EXPECT_EQ(of(summary, "tc90"), 9);
  EXPECT_EQ(of(summary, "TS(2:4)"), 7);
  EXPECT_EQ(of(summary, "PR(:3)"), 30);
  EXPECT_EQ(of(summary, "PR(8:)"), 20);
  EXPECT_EQ(of(summary, "WM(3:8)"), 5.5);
}

TEST(StatisticTest, SpreadThatIsNotKnown) {
  Summary set;
  set.add_set(10, 4, 1, 5);
  EXPECT_FALSE(Statistic::parse("p50")->of(set));
  Summary negative;
  negative.add(-1);
  EXPECT_FALSE(Statistic::parse("p50")->of(negative));
  EXPECT_EQ(of(negative, "Minimum"), -1);
}

TEST(StatisticTest, RefusesWhatIsNone) {
  for (const char* name : {"", "p", "p101", "p-1", "pp9", "average", "tm", "tm(1:2%)", "TM(:)", "PR(10%:90%)", "pr90",
                           "TM(5:2)", "p1e1"}) {
    EXPECT_FALSE(Statistic::parse(name)) << name;
  }
}

std::string decide_on(std::string_view pattern, std::string missing, std::size_t to_alarm) {
  AlarmTest test;
  test.comparison = "GreaterThanThreshold";
  test.threshold = 5;
  test.periods = 3;
  test.to_alarm = to_alarm;
  test.missing = std::move(missing);
  std::vector<AlarmPoint> points;
  for (const char c : pattern) {
    const std::optional<double> value = c == '-' ? std::nullopt : std::optional(c == 'X' ? 9.0 : 0.0);
    points.emplace_back(static_cast<std::int64_t>(points.size()) * 60, value);
  }
  const std::string state = decide(points, test).state;
  return state.empty() ? "stays" : state;
}

// The tables of "Configuring how CloudWatch alarms treat missing data".
TEST(AlarmDecisionTest, MissingDataAsDocumented) {
  struct Row {
    std::size_t to_alarm;
    const char* points;
    const char* missing;
    const char* ignore;
    const char* breaching;
    const char* not_breaching;
  };
  const Row rows[] = {
      {3, "0-X-X", "OK", "OK", "OK", "OK"},
      {3, "----0", "OK", "OK", "OK", "OK"},
      {3, "-----", "INSUFFICIENT_DATA", "stays", "ALARM", "OK"},
      {3, "0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"},
      {3, "--X--", "ALARM", "stays", "ALARM", "OK"},
      {2, "0-X-X", "ALARM", "ALARM", "ALARM", "ALARM"},
      {2, "00X0X", "ALARM", "ALARM", "ALARM", "ALARM"},
      {2, "0-X--", "OK", "OK", "ALARM", "OK"},
      {2, "----0", "OK", "OK", "ALARM", "OK"},
      {2, "---X-", "ALARM", "stays", "ALARM", "OK"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(decide_on(row.points, "missing", row.to_alarm), row.missing) << row.points << " of " << row.to_alarm;
    EXPECT_EQ(decide_on(row.points, "ignore", row.to_alarm), row.ignore) << row.points << " of " << row.to_alarm;
    EXPECT_EQ(decide_on(row.points, "breaching", row.to_alarm), row.breaching) << row.points << " of " << row.to_alarm;
    EXPECT_EQ(decide_on(row.points, "notBreaching", row.to_alarm), row.not_breaching)
        << row.points << " of " << row.to_alarm;
  }
}

TEST(AlarmDecisionTest, SaysWhy) {
  AlarmTest test;
  test.comparison = "GreaterThanThreshold";
  test.threshold = 5;
  const std::vector<AlarmPoint> points{AlarmPoint(1'800'000'000, 9.0)};
  EXPECT_EQ(decide(points, test).reason,
            "Threshold Crossed: 1 datapoint [9.0 (15/01/27 08:00:00)] was greater than the threshold (5.0) (minimum 1 "
            "datapoint for OK -> ALARM transition).");
}

TEST(AlarmRuleTest, Holds) {
  const auto state_of = [](const std::string& name) -> std::string {
    return name == "up" ? "OK" : name == "down" ? "ALARM" : "INSUFFICIENT_DATA";
  };
  for (const char* text :
       {"TRUE", "ALARM(down)", "ALARM(\"down\") AND OK('up')", "NOT ALARM(up)", "FALSE OR INSUFFICIENT_DATA(other)",
        "ALARM(arn:aws:cloudwatch:us-east-1:000000000000:alarm:down)", "(ALARM(up) OR OK(up)) AND NOT FALSE"}) {
    const Result<AlarmRule> rule = AlarmRule::parse(text);
    ASSERT_TRUE(rule.ok()) << text;
    EXPECT_TRUE(rule->holds(state_of)) << text;
  }
  EXPECT_FALSE(AlarmRule::parse("ALARM(down) AND ALARM(up) OR FALSE")->holds(state_of));
  for (const char* text : {"", "ALARM", "ALARM()", "ALARM(a", "ALARM(a) ALARM(b)", "AND", "alarm(a)", "NOT", "(TRUE",
                           "TRUE OR", "ALARM(\"a)"}) {
    EXPECT_FALSE(AlarmRule::parse(text).ok()) << text;
  }
  EXPECT_FALSE(AlarmRule::parse(std::string(5000, '(')).ok());
}

TEST(SearchTest, Matches) {
  const Series series("AWS/Lambda", "ConcurrentExecutions", {{"FunctionName", "shop-checkOut"}});
  for (const char* text :
       {"{AWS/Lambda,FunctionName}", "{AWS/Lambda, FunctionName} MetricName=\"ConcurrentExecutions\"", "concurrent",
        "MetricName=executions", "FunctionName=checkout", "Shop AND NOT cart", "(cart OR out) lambda", "-cart shop"}) {
    const Result<Search> search = Search::parse(text);
    ASSERT_TRUE(search.ok()) << text;
    EXPECT_TRUE(search->matches(series)) << text;
  }
  for (const char* text : {"{AWS/Lambda}", "{AWS/SQS,FunctionName}", "exec", "MetricName=\"Concurrent\"", "NOT shop"}) {
    const Result<Search> search = Search::parse(text);
    ASSERT_TRUE(search.ok()) << text;
    EXPECT_FALSE(search->matches(series)) << text;
  }
  for (const char* text : {"", "{", "{}", "{a", "(a", "\"a", "a)", "x=", "NOT"}) {
    EXPECT_FALSE(Search::parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace cumulet::cloudwatch
