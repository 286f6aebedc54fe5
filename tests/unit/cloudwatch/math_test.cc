#include "services/cloudwatch/math.h"

#include <gtest/gtest.h>

namespace cumulet::cloudwatch {
namespace {

class Values final : public MathContext {
 public:
  void add(const std::string& id, Points points, std::int64_t period = 60) {
    MathSeries series;
    series.label = id;
    series.period = period;
    series.points = std::move(points);
    values_[id] = MathValue::of(std::move(series));
  }
  const MathValue* find(const std::string& id) const override {
    const auto found = values_.find(id);
    return found == values_.end() ? nullptr : &found->second;
  }
  MathValue metrics(const std::string& part) const override {
    MathValue all;
    all.array = true;
    for (const auto& [id, value] : values_) {
      if (id.find(part) != std::string::npos) all.series.push_back(value.series.front());
    }
    return all;
  }
  const MathValue* search(const MathNode&) const override { return nullptr; }
  Range range(std::int64_t period) const override { return Range(0, 300, period > 0 ? period : 60); }

 private:
  std::map<std::string, MathValue> values_;
};

class MathTest : public testing::Test {
 protected:
  MathTest() {
    values.add("m1", {{0, 1}, {60, 2}, {120, 4}});
    values.add("m2", {{60, 10}, {120, 20}, {180, 30}});
  }

  Result<MathValue> calculate(const std::string& text) {
    Result<MathNode> node = parse_math(text);
    if (!node.ok()) return std::move(node).error();
    return evaluate(*node, values);
  }
  Points series(const std::string& text) {
    const Result<MathValue> value = calculate(text);
    EXPECT_TRUE(value.ok()) << text << ": " << (value.ok() ? "" : value.error().message());
    return value.ok() && value->series.size() == 1 ? value->series.front().points : Points();
  }
  double number(const std::string& text) {
    const Result<MathValue> value = calculate(text);
    EXPECT_TRUE(value.ok() && value->scalar) << text;
    return value.ok() ? value->number : -1;
  }

  Values values;
};

TEST_F(MathTest, Arithmetic) {
  EXPECT_EQ(number("1 + 2 * 3 ^ 2 - -4"), 23);
  EXPECT_EQ(number("2 ^ 3 ^ 2"), 512);
  EXPECT_EQ(number("(1 + 2) * 3"), 9);
  EXPECT_EQ(series("m1 * 2"), (Points{{0, 2}, {60, 4}, {120, 8}}));
  EXPECT_EQ(series("m1 + m2"), (Points{{60, 12}, {120, 24}}));
  EXPECT_EQ(series("100 * m1 / (m1 - 1)"), (Points{{60, 200}, {120, 400.0 / 3}}));
}

TEST_F(MathTest, ComparisonsAndLogic) {
  EXPECT_EQ(series("m1 > 1 AND m1 < 4"), (Points{{0, 0}, {60, 1}, {120, 0}}));
  EXPECT_EQ(series("m1 == 1 || m1 == 4"), (Points{{0, 1}, {60, 0}, {120, 1}}));
  EXPECT_EQ(series("IF(m1 >= 2, m2, 0)"), (Points{{0, 0}, {60, 10}, {120, 20}}));
  EXPECT_EQ(series("IF(m1 > 1, m1)"), (Points{{60, 2}, {120, 4}}));
}

TEST_F(MathTest, Functions) {
  EXPECT_EQ(number("SUM(m1)"), 7);
  EXPECT_EQ(number("MAX(m1) - MIN(m2)"), -6);
  EXPECT_EQ(number("PERIOD(m1)"), 60);
  EXPECT_EQ(number("METRIC_COUNT(METRICS())"), 2);
  EXPECT_EQ(series("SUM(METRICS())"), (Points{{0, 1}, {60, 12}, {120, 24}, {180, 30}}));
  EXPECT_EQ(series("AVG([m1, m2])"), (Points{{0, 1}, {60, 6}, {120, 12}, {180, 30}}));
  EXPECT_EQ(series("RATE(m1)"), (Points{{60, 1.0 / 60}, {120, 2.0 / 60}}));
  EXPECT_EQ(series("DIFF(m1)"), (Points{{60, 1}, {120, 2}}));
  EXPECT_EQ(series("RUNNING_SUM(m1)"), (Points{{0, 1}, {60, 3}, {120, 7}}));
  EXPECT_EQ(series("FILL(m2, 0)"), (Points{{0, 0}, {60, 10}, {120, 20}, {180, 30}, {240, 0}}));
  EXPECT_EQ(series("FILL(m1, REPEAT)"), (Points{{0, 1}, {60, 2}, {120, 4}, {180, 4}, {240, 4}}));
  values.add("gap", {{0, 0}, {180, 30}});
  EXPECT_EQ(series("FILL(gap, LINEAR)"), (Points{{0, 0}, {60, 10}, {120, 20}, {180, 30}}));
  EXPECT_EQ(series("TIME_SERIES(3)").size(), 5u);
  EXPECT_EQ(series("CEIL(m1 / 3)"), (Points{{0, 1}, {60, 1}, {120, 2}}));
  EXPECT_EQ(series("SLICE(SORT(METRICS(\"m\"), MAX, DESC), 0)"), (Points{{60, 10}, {120, 20}, {180, 30}}));
  EXPECT_EQ(series("FIRST(SORT(METRICS(), SUM, ASC, 1))"), (Points{{0, 1}, {60, 2}, {120, 4}}));
  EXPECT_EQ(series("MINUTE(m1)"), (Points{{0, 0}, {60, 1}, {120, 2}}));
}

TEST_F(MathTest, RefusesWhatIsNotValid) {
  for (const char* text : {"", "m1 +", "(m1", "m9", "NOSUCH(m1)", "SUM()", "FILL(m1)", "m1 m2", "\"text\"", "1 / 0",
                           "SORT(m1)", "METRICS() + METRICS()", "m1 $ 2", "ANOMALY_DETECTION_BAND(m1, 2)"}) {
    const Result<MathValue> value = calculate(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.error().code(), "ValidationError");
  }
  EXPECT_FALSE(parse_math(std::string(2000, '(')).ok());
  EXPECT_FALSE(parse_math(std::string(2000, '-')).ok());
}

}  // namespace
}  // namespace cumulet::cloudwatch
