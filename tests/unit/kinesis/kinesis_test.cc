#include "services/kinesis/kinesis.h"

#include <gtest/gtest.h>

#include "base/run.h"
#include "storage/open.h"

namespace cumulet::kinesis {
namespace {

namespace api = wire::kinesis;

constexpr const char* kFirst = "shardId-000000000000";
constexpr const char* kArn = "arn:aws:kinesis:eu-central-1:123456789012:stream/s";

/// The service over a store in memory, called as the pipeline calls it.
class KinesisTest : public ::testing::Test {
 protected:
  KinesisTest() : clock_(Timestamp(std::chrono::seconds(1'700'000'000))), database_(storage::open_memory()) {
    restart();
  }
  void restart() { service_ = std::make_unique<Kinesis>(*database_, clock_, Options()); }

  template <typename Operation>
  Result<typename Operation::Output> call(typename Operation::Input input) {
    net::Request request;
    wire::Call call(request);
    call.region = "eu-central-1";
    call.caller.account = "123456789012";
    call.time = clock_.now();
    typename Operation::Output output;
    const wire::Service::Operate* operate = service_->service().find(Operation::model().name);
    if (operate == nullptr) return Error("NotRegistered", 500, "not registered");
    const Result<void> done = run((*operate)(call, &input, &output));
    if (!done.ok()) return done.error();
    return output;
  }

  void create(int shards = 1) {
    api::CreateStreamInput input;
    input.stream_name = "s";
    input.shard_count = shards;
    ASSERT_TRUE(call<api::CreateStream>(input).ok());
  }
  /// The sequence number; the error's code when it fails.
  std::string put(const std::string& data, const std::string& key = "p") {
    api::PutRecordInput input;
    input.stream_name = "s";
    input.data = data;
    input.partition_key = key;
    const Result<api::PutRecordOutput> done = call<api::PutRecord>(input);
    return done.ok() ? done->sequence_number : done.error().code();
  }
  std::string iterator(const std::string& shard = kFirst, const std::string& type = "TRIM_HORIZON") {
    api::GetShardIteratorInput input;
    input.stream_name = "s";
    input.shard_id = shard;
    input.shard_iterator_type = type;
    const Result<api::GetShardIteratorOutput> done = call<api::GetShardIterator>(input);
    return done.ok() ? done->shard_iterator.value_or("") : done.error().code();
  }
  Result<api::GetRecordsOutput> get(const std::string& iterator, std::int32_t limit = 10'000) {
    api::GetRecordsInput input;
    input.shard_iterator = iterator;
    input.limit = limit;
    return call<api::GetRecords>(input);
  }
  std::vector<std::string> data(const std::string& shard = kFirst) {
    const Result<api::GetRecordsOutput> page = get(iterator(shard));
    EXPECT_TRUE(page.ok());
    std::vector<std::string> all;
    if (page.ok()) {
      for (const api::Record& record : page->records) all.push_back(record.data);
    }
    return all;
  }

  ManualClock clock_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<Kinesis> service_;
};

using Texts = std::vector<std::string>;

TEST_F(KinesisTest, SequenceNumbersGrowThoughTheClockStandsStillAndAfterARestart) {
  create();
  const std::string one = put("1");
  const std::string two = put("2");
  EXPECT_LT(one, two);
  clock_.advance(-std::chrono::hours(1));
  restart();
  EXPECT_LT(two, put("3"));
  EXPECT_EQ(data(), (Texts{"1", "2", "3"}));
}

TEST_F(KinesisTest, AShardTakesAThousandRecordsASecond) {
  create();
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(put("x").size(), 56U);
  EXPECT_EQ(put("x"), "ProvisionedThroughputExceededException");
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(put("x").size(), 56U);
}

TEST_F(KinesisTest, AShardIsReadFiveTimesASecond) {
  create();
  const std::string from = iterator();
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(get(from).ok());
  const Result<api::GetRecordsOutput> sixth = get(from);
  ASSERT_FALSE(sixth.ok());
  EXPECT_EQ(sixth.error().code(), "ProvisionedThroughputExceededException");
  clock_.advance(std::chrono::milliseconds(200));
  EXPECT_TRUE(get(from).ok());
}

TEST_F(KinesisTest, IteratorsExpireAfterFiveMinutes) {
  create();
  const std::string from = iterator();
  clock_.advance(std::chrono::minutes(6));
  const Result<api::GetRecordsOutput> late = get(from);
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), "ExpiredIteratorException");
}

TEST_F(KinesisTest, RecordsExpireByTheClockAndAreErased) {
  create();
  put("old");
  clock_.advance(std::chrono::hours(23));
  put("young");
  clock_.advance(std::chrono::hours(2));
  EXPECT_EQ(data(), Texts{"young"});
  const Result<void> swept = run(service_->sweep());
  ASSERT_TRUE(swept.ok());
  api::IncreaseStreamRetentionPeriodInput longer;
  longer.stream_name = "s";
  longer.retention_period_hours = 48;
  ASSERT_TRUE(call<api::IncreaseStreamRetentionPeriod>(longer).ok());
  EXPECT_EQ(data(), Texts{"young"});
}

TEST_F(KinesisTest, ASplitEndsTheParentAndItsChildrenGoOn) {
  create();
  put("before");
  api::SplitShardInput split;
  split.stream_name = "s";
  split.shard_to_split = kFirst;
  split.new_starting_hash_key = "170141183460469231731687303715884105728";
  ASSERT_TRUE(call<api::SplitShard>(split).ok());
  put("after");
  const Result<api::GetRecordsOutput> parent = get(iterator());
  ASSERT_TRUE(parent.ok());
  EXPECT_FALSE(parent->next_shard_iterator);
  ASSERT_TRUE(parent->child_shards);
  EXPECT_EQ(parent->child_shards->size(), 2U);
  Texts children = data("shardId-000000000001");
  for (std::string& each : data("shardId-000000000002")) children.push_back(std::move(each));
  EXPECT_EQ(children, Texts{"after"});
  EXPECT_FALSE(call<api::SplitShard>(split).ok());
}

TEST_F(KinesisTest, AnEventSourceReadsOnAndKnowsTheEnd) {
  create();
  put("1");
  events::StreamPosition from;
  Result<events::StreamBatch> batch = run(service_->read(kArn, kFirst, from, 100, 1 << 20));
  ASSERT_TRUE(batch.ok()) << batch.error().message();
  ASSERT_EQ(batch->records.size(), 1U);
  EXPECT_EQ(batch->records[0].partition_key, "p");
  EXPECT_NE(batch->records[0].event.find(R"("data":"MQ==")"), std::string::npos);
  EXPECT_NE(batch->records[0].event.find(R"("eventName":"aws:kinesis:record")"), std::string::npos);
  EXPECT_FALSE(batch->at_end);
  put("2");
  const SteadyTime soon = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  ASSERT_TRUE(run(service_->wait(kArn, kFirst, batch->next, soon)).ok());
  batch = run(service_->read(kArn, kFirst, batch->next, 100, 1 << 20));
  ASSERT_TRUE(batch.ok());
  ASSERT_EQ(batch->records.size(), 1U);
  api::SplitShardInput split;
  split.stream_name = "s";
  split.shard_to_split = kFirst;
  split.new_starting_hash_key = "5";
  ASSERT_TRUE(call<api::SplitShard>(split).ok());
  batch = run(service_->read(kArn, kFirst, batch->next, 100, 1 << 20));
  ASSERT_TRUE(batch.ok());
  EXPECT_TRUE(batch->at_end);
  const Result<std::vector<events::StreamShard>> shards = run(service_->shards(kArn));
  ASSERT_TRUE(shards.ok());
  ASSERT_EQ(shards->size(), 3U);
  EXPECT_TRUE((*shards)[0].closed);
  EXPECT_EQ((*shards)[1].parents, Texts{kFirst});
}

TEST_F(KinesisTest, AnEventForAStreamBecomesARecord) {
  create();
  events::Event event;
  event.id = "id";
  event.target_arn = kArn;
  event.payload = "payload";
  event.attributes["PartitionKey"] = "k";
  const Result<events::Outcome> outcome = run(service_->deliver(event));
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->kind, events::Outcome::Kind::kDelivered);
  EXPECT_EQ(data(), Texts{"payload"});
}

TEST_F(KinesisTest, ADeletedStreamLeavesNothingToItsSuccessor) {
  create();
  put("old");
  const std::string from = iterator();
  api::DeleteStreamInput erase;
  erase.stream_name = "s";
  ASSERT_TRUE(call<api::DeleteStream>(erase).ok());
  create();
  EXPECT_EQ(data(), Texts{});
  const Result<api::GetRecordsOutput> stale = get(from);
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code(), "ResourceNotFoundException");
  ASSERT_TRUE(run(service_->sweep()).ok());
}

}  // namespace
}  // namespace cumulet::kinesis
