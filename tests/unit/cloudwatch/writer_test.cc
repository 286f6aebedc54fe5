#include "services/cloudwatch/writer.h"

#include <gtest/gtest.h>

#include "base/run.h"
#include "services/cloudwatch/platform_metrics.h"
#include "storage/open.h"

namespace cumulet::cloudwatch {
namespace {

class WriterTest : public testing::Test {
 protected:
  WriterTest() { writer.start(loop); }

  std::vector<Bucket> buckets(const Series& series, Level level) {
    const Store store("000000000000", "us-east-1");
    const auto read = [&](storage::Transaction& txn) {
      return store.buckets(txn, hash_of(series), level, 0, 4'000'000'000, 1000);
    };
    Result<std::vector<Bucket>> result = loop.run(storage::transact(*database, read));
    return result.ok() ? *result : std::vector<Bucket>();
  }

  Sample sample(double value, std::int64_t second, bool fine) {
    Summary summary;
    summary.add(value);
    return Sample("000000000000", "us-east-1", series, second, unit_number("Count"), fine, summary);
  }

  ManualClock clock{Timestamp(std::chrono::seconds(1'800'000'030))};
  std::unique_ptr<storage::Database> database = storage::open_memory();
  LocalLoop loop;
  Writer writer{*database, clock};
  const Series series{"App", "Orders", {{"Shop", "a"}}};
};

TEST_F(WriterTest, ValuesOfAMinuteMerge) {
  ASSERT_TRUE(loop.run(writer.write({sample(1, 1'800'000'001, false), sample(5, 1'800'000'030, true)})).ok());
  ASSERT_TRUE(loop.run(writer.write({sample(3, 1'800'000'031, false)})).ok());
  const std::vector<Bucket> minutes = buckets(series, Level::kMinute);
  ASSERT_EQ(minutes.size(), 1u);
  EXPECT_EQ(minutes[0].key.time, 1'800'000'000);
  EXPECT_EQ(minutes[0].summary.sum, 9);
  EXPECT_EQ(minutes[0].summary.count, 3);
  const std::vector<Bucket> seconds = buckets(series, Level::kSecond);
  ASSERT_EQ(seconds.size(), 1u);
  EXPECT_EQ(seconds[0].summary.sum, 5);
}

TEST_F(WriterTest, PlatformMetricsArriveInTheirMinute) {
  PlatformMetrics metrics(writer, clock);
  events::MetricSample like("000000000000", "us-east-1", "App", "Orders");
  like.dimensions = {{"Shop", "a"}};
  const std::shared_ptr<events::MetricSeries> handle = metrics.series(like);
  handle->record(2);
  like.value = 4;
  metrics.record(like);
  clock.advance(std::chrono::seconds(60));
  handle->record(7, 2);
  metrics.flush();
  ASSERT_TRUE(loop.run(writer.write({})).ok());
  const std::vector<Bucket> minutes = buckets(series, Level::kMinute);
  ASSERT_EQ(minutes.size(), 2u);
  EXPECT_EQ(minutes[0].summary.sum, 6);
  EXPECT_EQ(minutes[1].summary.sum, 14);
  EXPECT_EQ(minutes[1].summary.count, 2);
}

}  // namespace
}  // namespace cumulet::cloudwatch
