#include <algorithm>

#include <gmock/gmock.h>

#include "base/text.h"
#include "tests/unit/lambda/poller_fixture.h"

namespace cumulet::lambda {
namespace {

using events::StreamBatch;
using events::StreamPosition;
using events::StreamRecord;
using events::StreamShard;
using testing::HasSubstr;

/// A stream in memory. Sequence numbers are 100, 101, … over all shards.
class FakeStream final : public events::StreamSource {
 public:
  struct Shard {
    StreamShard shard;
    std::vector<StreamRecord> records;
  };

  Task<std::vector<StreamShard>> shards(std::string) override {
    std::vector<StreamShard> list;
    for (const auto& [id, each] : data) list.push_back(each.shard);
    co_return list;
  }
  Task<StreamBatch> read(std::string, std::string shard, StreamPosition from, std::size_t limit, std::size_t) override {
    const Shard& source = data[shard];
    std::size_t at = 0;
    if (from.kind == StreamPosition::Kind::kLatest) at = source.records.size();
    while (from.kind == StreamPosition::Kind::kAfterSequenceNumber && at < source.records.size() &&
           source.records[at].sequence_number <= from.sequence_number) {
      ++at;
    }
    StreamBatch batch;
    for (; at < source.records.size() && batch.records.size() < limit; ++at)
      batch.records.push_back(source.records[at]);
    batch.next = at == 0 ? StreamPosition::after("000") : StreamPosition::after(source.records[at - 1].sequence_number);
    batch.at_end = source.shard.closed && at == source.records.size();
    co_return batch;
  }
  Task<void> wait(std::string, std::string, StreamPosition, SteadyTime deadline) override {
    waits.emplace_back();
    const Deferred<bool> wait = waits.back();
    (void)co_await attempt(wait.wait_until(deadline, Error("Late", 500, "late")));
  }

  std::string add(const std::string& shard, const std::string& key, const std::string& data_text, Timestamp arrived) {
    Shard& target = data[shard];
    target.shard.id = shard;
    StreamRecord record;
    record.sequence_number = std::to_string(next++);
    record.partition_key = key;
    record.arrived = arrived;
    record.event = R"({"kinesis":{"partitionKey":")" + key + R"(","sequenceNumber":")" + record.sequence_number +
                   R"(","data":")" + base64_encode(data_text) + R"("}})";
    target.records.push_back(record);
    for (const Deferred<bool>& wait : std::exchange(waits, {})) wait.resolve(true);
    return record.sequence_number;
  }

  std::map<std::string, Shard> data;
  int next = 100;
  std::vector<Deferred<bool>> waits;
};

class StreamPollerTest : public PollerTest {
 protected:
  std::string add(const std::string& key = "k", const std::string& text = "{}", const std::string& shard = "shard-1") {
    return stream.add(shard, key, text, clock.now());
  }
  MappingRow row(const std::string& position = "TRIM_HORIZON") {
    MappingRow made = mapping("arn:aws:kinesis:us-east-1:000000000000:stream/s");
    made.configuration.starting_position = position;
    return made;
  }
  bool work(MappingRow made, std::function<bool()> condition) {
    fill_defaults(made.configuration);
    const std::shared_ptr<Poller> poller = make_stream_poller(tools, made, stream);
    const Result<bool> well = loop.run(PollerTest::work(poller, std::move(condition)));
    for (const Deferred<bool>& wait : std::exchange(stream.waits, {})) wait.resolve(true);
    (void)loop.run(a_moment());
    return well.ok() && *well;
  }
  /// The sequence numbers that the function saw, in order.
  std::vector<std::string> seen() const {
    std::vector<std::string> numbers;
    for (const std::string& payload : payloads) {
      for (const std::string& number : numbers_in(payload)) numbers.push_back(number);
    }
    return numbers;
  }
  static std::vector<std::string> numbers_in(const std::string& payload) {
    constexpr std::string_view kMark = "\"sequenceNumber\":\"";
    std::vector<std::string> numbers;
    for (std::size_t at = payload.find(kMark); at != std::string::npos; at = payload.find(kMark, at + 1)) {
      numbers.push_back(payload.substr(at + kMark.size(), 3));
    }
    return numbers;
  }

  FakeStream stream;
};

TEST_F(StreamPollerTest, RecordsComeInBatchesAndOnceAlsoAfterARestart) {
  for (int i = 0; i < 5; ++i) add();
  MappingRow made = row();
  made.configuration.batch_size = 2;
  ASSERT_TRUE(work(made, [&] { return seen().size() == 5; }));
  EXPECT_EQ(payloads.size(), 3u);
  EXPECT_THAT(payloads[0],
              HasSubstr(R"("invokeIdentityArn":"arn:aws:iam::000000000000:role/r","awsRegion":"us-east-1",)"
                        R"("eventSourceARN":"arn:aws:kinesis:us-east-1:000000000000:stream/s")"));
  add();
  ASSERT_TRUE(work(made, [&] { return seen().size() >= 6; }));
  EXPECT_EQ(seen(), (std::vector<std::string>{"100", "101", "102", "103", "104", "105"}));
}

TEST_F(StreamPollerTest, LatestIsAFixedPlaceFromTheBeginningOn) {
  add();
  MappingRow made = row("LATEST");
  ASSERT_TRUE(work(made, [&] { return !stream.waits.empty(); }));
  add();
  ASSERT_TRUE(work(made, [&] { return !payloads.empty(); }));
  EXPECT_EQ(seen(), std::vector<std::string>{"101"});
}

TEST_F(StreamPollerTest, ChildrenWaitForTheirParents) {
  add("k", "{}", "parent");
  add("k", "{}", "child");
  add("k", "{}", "parent");
  stream.data["parent"].shard.closed = true;
  stream.data["child"].shard.parents.push_back("parent");
  ASSERT_TRUE(work(row(), [&] { return seen().size() == 3; }));
  EXPECT_EQ(seen(), (std::vector<std::string>{"100", "102", "101"}));
}

TEST_F(StreamPollerTest, BatchIsCutInHalvesUntilOnlyTheBadRecordIsGivenUp) {
  for (int i = 0; i < 8; ++i) add("k", i == 5 ? "bad" : "good");
  answer = [](const std::string& payload) -> Result<BatchReply> {
    if (payload.find(base64_encode("bad")) != std::string::npos) return function_error();
    return BatchReply();
  };
  MappingRow made = row();
  made.configuration.bisect_batch_on_function_error = true;
  made.configuration.maximum_retry_attempts = 1;
  made.configuration.destination_config.emplace().on_failure.emplace().destination =
      "arn:aws:sqs:us-east-1:000000000000:letters";
  ASSERT_TRUE(work(made, [&] { return !outbox.recorded.empty() && numbers_in(payloads.back()).back() == "107"; }));
  ASSERT_EQ(outbox.recorded.size(), 1u);
  const events::Event& letter = outbox.recorded.front();
  EXPECT_EQ(letter.target_arn, "arn:aws:sqs:us-east-1:000000000000:letters");
  EXPECT_THAT(letter.payload, HasSubstr(R"("condition":"RetryAttemptsExhausted")"));
  EXPECT_THAT(letter.payload, HasSubstr(R"("startSequenceNumber":"105","endSequenceNumber":"105")"));
  EXPECT_THAT(letter.payload, HasSubstr(R"("batchSize":1)"));
}

TEST_F(StreamPollerTest, ReportedItemIsWhereTheNextTryBegins) {
  for (int i = 0; i < 4; ++i) add();
  int calls = 0;
  answer = [&](const std::string&) -> Result<BatchReply> {
    return answering(++calls == 1 ? R"({"batchItemFailures":[{"itemIdentifier":"102"}]})" : "{}");
  };
  MappingRow made = row();
  made.configuration.function_response_types.emplace().push_back("ReportBatchItemFailures");
  ASSERT_TRUE(work(made, [&] { return calls == 2; }));
  EXPECT_EQ(numbers_in(payloads[1]), (std::vector<std::string>{"102", "103"}));
}

TEST_F(StreamPollerTest, FilteredRecordsDoNotReachTheFunction) {
  add("k", R"({"city":"Seoul"})");
  add("k", R"({"city":"Bonn"})");
  add("k", "no json");
  add("k", R"({"city":"Seoul"})");
  MappingRow made = row();
  made.configuration.filter_criteria.emplace().filters.emplace().emplace_back().pattern =
      R"({"data":{"city":["Seoul"]}})";
  ASSERT_TRUE(work(made, [&] { return seen().size() == 2; }));
  EXPECT_EQ(seen(), (std::vector<std::string>{"100", "103"}));
}

TEST_F(StreamPollerTest, ParallelLanesKeepTheOrderOfEachKey) {
  std::map<std::string, std::vector<std::string>> wanted;
  for (int i = 0; i < 60; ++i) {
    const std::string key = "key" + std::to_string(i % 7);
    wanted[key].push_back(add(key));
  }
  MappingRow made = row();
  made.configuration.parallelization_factor = 5;
  made.configuration.batch_size = 3;
  ASSERT_TRUE(work(made, [&] { return seen().size() == 60; }));
  std::map<std::string, std::vector<std::string>> got;
  for (const std::string& number : seen()) got["key" + std::to_string((std::stoi(number) - 100) % 7)].push_back(number);
  EXPECT_EQ(got, wanted);
}

TEST_F(StreamPollerTest, TumblingWindowCarriesItsStateAndEnds) {
  add();
  add();
  clock.advance(seconds(10));
  add();
  int count = 0;
  answer = [&](const std::string&) -> Result<BatchReply> {
    return answering(R"({"state":{"n":)" + std::to_string(++count) + "}}");
  };
  MappingRow made = row();
  made.configuration.tumbling_window_in_seconds = 10;
  made.configuration.batch_size = 1;
  ASSERT_TRUE(work(made, [&] { return payloads.size() == 4; }));
  EXPECT_THAT(payloads[0], HasSubstr(R"("state":{},"shardId":"shard-1")"));
  EXPECT_THAT(payloads[1], HasSubstr(R"("state":{"n":1})"));
  EXPECT_THAT(payloads[2], HasSubstr(R"({"Records":[],"window":)"));
  EXPECT_THAT(payloads[2], HasSubstr(R"("state":{"n":2})"));
  EXPECT_THAT(payloads[2], HasSubstr(R"("isFinalInvokeForWindow":true,"isWindowTerminatedEarly":false)"));
  EXPECT_THAT(payloads[3], HasSubstr(R"("state":{},)"));
  // The open window outlives a restart.
  clock.advance(seconds(12));
  ASSERT_TRUE(work(made, [&] { return payloads.size() == 5; }));
  EXPECT_THAT(payloads[4], HasSubstr(R"("state":{"n":4})"));
  EXPECT_THAT(payloads[4], HasSubstr(R"("isFinalInvokeForWindow":true)"));
}

TEST_F(StreamPollerTest, ThrottlesCountAsNoAttemptAndOldRecordsAreGivenUp) {
  add();
  answer = [&](const std::string&) -> Result<BatchReply> {
    if (payloads.size() < 3) return Error("TooManyRequestsException", 429, "Rate Exceeded.");
    clock.advance(seconds(61));
    return function_error();
  };
  MappingRow made = row();
  made.configuration.maximum_retry_attempts = 5;
  made.configuration.maximum_record_age_in_seconds = 60;
  made.configuration.destination_config.emplace().on_failure.emplace().destination = "arn:aws:s3:::failures";
  ASSERT_TRUE(work(made, [&] { return !outbox.recorded.empty(); }));
  EXPECT_EQ(payloads.size(), 3u);
  EXPECT_THAT(outbox.recorded[0].payload, HasSubstr(R"("condition":"RecordAgeExceeded","approximateInvokeCount":1)"));
  EXPECT_THAT(outbox.recorded[0].payload, HasSubstr(R"("payload":"{\"Records\":[)"));
  EXPECT_THAT(outbox.recorded[0].attributes["@Key"], testing::StartsWith("aws/lambda/mapping/shard-1/"));
}

}  // namespace
}  // namespace cumulet::lambda
