#include "services/cloudwatch/summary.h"

#include <cmath>

#include <gtest/gtest.h>

namespace cumulet::cloudwatch {
namespace {

TEST(SummaryTest, MergesAndReadsBack) {
  Summary a;
  a.add(1);
  a.add(3, 2);
  Summary b;
  b.add_set(10, 4, 1, 5);
  a.merge(Summary());
  a.merge(b);
  const Summary read = Summary::read(a.bytes());
  EXPECT_EQ(read.sum, 17);
  EXPECT_EQ(read.count, 7);
  EXPECT_EQ(read.min, 1);
  EXPECT_EQ(read.max, 5);
  EXPECT_TRUE(read.spread_unknown);
  const std::vector<std::pair<double, double>> expected{{1, 1}, {3, 2}};
  EXPECT_EQ(read.distribution.points(), expected);
}

TEST(SummaryTest, SetOfEqualValuesKeepsItsSpread) {
  Summary summary;
  summary.add_set(20, 4, 5, 5);
  EXPECT_FALSE(summary.spread_unknown);
  EXPECT_EQ(summary.distribution.points().front().second, 4);
}

TEST(SummaryTest, DamagedRowIsEmpty) {
  Summary summary;
  summary.add(2.5);
  EXPECT_TRUE(Summary::read(summary.bytes().substr(0, 3)).empty());
}

TEST(DistributionTest, ManyValuesStayWithinOnePercent) {
  Distribution distribution;
  for (int i = 1; i <= 10'000; ++i) distribution.add(i, 1);
  double seen = 0;
  for (const auto& [value, count] : distribution.points()) {
    const double middle = seen + (count + 1) / 2;
    EXPECT_NEAR(value, middle, std::max(1.0, middle * 0.011));
    seen += count;
  }
  EXPECT_EQ(seen, 10'000);
}

TEST(DistributionTest, MemoryIsBoundedForAnyValues) {
  Distribution a;
  Distribution b;
  for (int i = -100; i < 100; ++i) {
    for (int j = 1; j < 50; ++j) {
      a.add(std::pow(2.0, i) * j, 1);
      b.add(-std::pow(2.0, i) * j, 1);
    }
  }
  a.add(0, 5);
  a.merge(b);
  const auto points = a.points();
  EXPECT_LE(points.size(), Distribution::kBuckets);
  EXPECT_TRUE(std::is_sorted(points.begin(), points.end()));
  double total = 0;
  for (const auto& point : points) total += point.second;
  EXPECT_EQ(total, 2 * 200 * 49 + 5);
}

TEST(DistributionTest, MergeIsTheSameInAnyOrder) {
  Distribution few;
  Distribution many;
  for (int i = 0; i < 10; ++i) few.add(i, 2);
  for (int i = 0; i < 500; ++i) many.add(i * 1.5, 1);
  Distribution one = few;
  one.merge(many);
  Distribution other = many;
  other.merge(few);
  EXPECT_EQ(one.points(), other.points());
}

}  // namespace
}  // namespace cumulet::cloudwatch
