#include <gtest/gtest.h>

#include "base/run.h"
#include "services/kinesis/kinesis.h"
#include "storage/open.h"

namespace cumulet::kinesis {
namespace {

namespace api = wire::kinesis;

constexpr const char* kArn = "arn:aws:kinesis:eu-central-1:123456789012:stream/s";
constexpr double kFactor = 0.01;  // Ten records a second for each shard.

/// A stream in on-demand mode whose shards take ten records a second.
class OnDemandTest : public ::testing::Test {
 protected:
  OnDemandTest() : clock_(Timestamp(std::chrono::seconds(1'700'000'040))), database_(storage::open_memory()) {
    restart();
    api::CreateStreamInput input;
    input.stream_name = "s";
    input.stream_mode_details.emplace();
    input.stream_mode_details->stream_mode = "ON_DEMAND";
    EXPECT_TRUE(call<api::CreateStream>(input).ok());
  }
  void restart() {
    Options options;
    options.shard_limits = kFactor;
    service_ = std::make_unique<Kinesis>(*database_, clock_, options);
  }

  template <typename Operation>
  Result<typename Operation::Output> call(typename Operation::Input input) {
    net::Request request;
    wire::Call call(request);
    call.region = "eu-central-1";
    call.caller.account = "123456789012";
    call.time = clock_.now();
    typename Operation::Output output;
    const Result<void> done = run((*service_->service().find(Operation::model().name))(call, &input, &output));
    if (!done.ok()) return done.error();
    return output;
  }

  /// Writes so many records each second for a minute, their hash keys spread over that range; gives how many the
  /// stream took.
  int write_a_minute(int a_second, HashKey first = 0, HashKey last = kLastHashKey) {
    int taken = 0;
    for (int second = 0; second < 60; ++second) {
      for (int i = 0; i < a_second; ++i) {
        api::PutRecordInput input;
        input.stream_name = "s";
        input.partition_key = "p";
        input.data = std::to_string(written_++);
        input.explicit_hash_key = hash_key_text(first + (last - first) / a_second * i + (last - first) / a_second / 2);
        taken += call<api::PutRecord>(input).ok() ? 1 : 0;
      }
      clock_.advance(std::chrono::seconds(1));
    }
    return taken;
  }
  void scale() { ASSERT_TRUE(run(service_->sweep()).ok()); }

  std::vector<api::Shard> shards(const std::string& filter = "AT_LATEST") {
    api::ListShardsInput input;
    input.stream_name = "s";
    input.shard_filter.emplace();
    input.shard_filter->type = filter;
    const Result<api::ListShardsOutput> listed = call<api::ListShards>(input);
    EXPECT_TRUE(listed.ok());
    return listed.ok() ? *listed->shards : std::vector<api::Shard>();
  }
  Result<api::UpdateStreamModeOutput> switch_to(const std::string& mode) {
    api::UpdateStreamModeInput input;
    input.stream_arn = kArn;
    input.stream_mode_details.stream_mode = mode;
    return call<api::UpdateStreamMode>(input);
  }

  ManualClock clock_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<Kinesis> service_;
  int written_ = 0;
};

TEST_F(OnDemandTest, CapacityIsDoubleThePeakAndSurvivesARestart) {
  EXPECT_EQ(shards().size(), 4U);
  EXPECT_EQ(write_a_minute(16), 16 * 60);
  scale();
  EXPECT_EQ(shards().size(), 4U);
  EXPECT_EQ(write_a_minute(25), 25 * 60);
  scale();
  EXPECT_EQ(shards().size(), 5U);
  restart();
  EXPECT_EQ(write_a_minute(2), 2 * 60);
  scale();
  EXPECT_EQ(shards().size(), 5U);
}

TEST_F(OnDemandTest, AFullStreamDoublesAndKeepsTheOrder) {
  EXPECT_EQ(write_a_minute(80), 40 * 60);
  scale();
  EXPECT_EQ(shards().size(), 8U);
  EXPECT_EQ(write_a_minute(80), 80 * 60);
  for (const api::Shard& shard : shards()) {
    EXPECT_TRUE(shard.parent_shard_id);
    EXPECT_FALSE(shard.sequence_number_range.ending_sequence_number);
  }
  EXPECT_EQ(shards("AT_TRIM_HORIZON").size(), 4U);
}

TEST_F(OnDemandTest, AHotShardIsSplitWhereItsLoadParts) {
  const HashKey eighth = kLastHashKey / 8;
  EXPECT_EQ(write_a_minute(9, 0, eighth), 9 * 60);
  scale();
  ASSERT_EQ(shards().size(), 5U);
  EXPECT_EQ(write_a_minute(16, 0, eighth), 16 * 60);
}

TEST_F(OnDemandTest, OneHotKeyIsNotSplit) {
  write_a_minute(10, 5, 5);
  scale();
  EXPECT_EQ(shards().size(), 4U);
}

TEST_F(OnDemandTest, AfterThirtyDaysThePeakIsForgotten) {
  write_a_minute(40);
  scale();
  ASSERT_EQ(shards().size(), 8U);
  clock_.advance(std::chrono::hours(24 * 29));
  scale();
  EXPECT_EQ(shards().size(), 8U);
  clock_.advance(std::chrono::hours(24));
  scale();
  EXPECT_EQ(shards().size(), 4U);
  for (const api::Shard& shard : shards()) EXPECT_TRUE(shard.adjacent_parent_shard_id);
}

TEST_F(OnDemandTest, TheModeIsSwitchedTwiceADayAndShardsStay) {
  write_a_minute(40);
  scale();
  ASSERT_TRUE(switch_to("PROVISIONED").ok());
  EXPECT_EQ(shards().size(), 8U);
  write_a_minute(80);
  scale();
  EXPECT_EQ(shards().size(), 8U);
  ASSERT_TRUE(switch_to("ON_DEMAND").ok());
  scale();
  EXPECT_EQ(shards().size(), 8U);
  const Result<api::UpdateStreamModeOutput> third = switch_to("PROVISIONED");
  ASSERT_FALSE(third.ok());
  EXPECT_EQ(third.error().code(), "LimitExceededException");
  clock_.advance(std::chrono::hours(24));
  EXPECT_TRUE(switch_to("PROVISIONED").ok());
}

}  // namespace
}  // namespace cumulet::kinesis
