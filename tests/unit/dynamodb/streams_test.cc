#include <set>

#include "tests/unit/dynamodb/fixture.h"
#include "wire/generated/dynamodbstreams.h"

namespace cumulet::dynamodb {
namespace {

namespace streams = wire::dynamodbstreams;
using std::chrono::hours;
using std::chrono::minutes;

class StreamsTest : public DynamoDbTest {
 protected:
  template <typename Operation>
  Result<typename Operation::Output> ask(typename Operation::Input input) {
    net::Request request;
    wire::Call call(request);
    call.region = region_;
    call.caller.account = account_;
    call.time = clock_.now();
    typename Operation::Output output;
    const wire::Service::Operate* operate = service_->streams_service().find(Operation::model().name);
    const Result<void> done = run((*operate)(call, &input, &output));
    if (!done.ok()) return done.error();
    return output;
  }

  static shapes::CreateTableInput streamed(const std::string& name, const std::string& view = "NEW_AND_OLD_IMAGES") {
    shapes::CreateTableInput input = table_input(name);
    shapes::StreamSpecification& stream = input.stream_specification.emplace();
    stream.stream_enabled = true;
    stream.stream_view_type = view;
    return input;
  }

  std::string arn_of(const std::string& table) {
    shapes::DescribeTableInput input;
    input.table_name = table;
    const Result<shapes::DescribeTableOutput> described = call<shapes::DescribeTable>(input);
    EXPECT_TRUE(described.ok());
    return (*described).table->latest_stream_arn.value_or("");
  }

  streams::StreamDescription describe(const std::string& arn) {
    streams::DescribeStreamInput input;
    input.stream_arn = arn;
    const Result<streams::DescribeStreamOutput> described = ask<streams::DescribeStream>(input);
    EXPECT_TRUE(described.ok()) << described.error().message();
    return described.ok() ? *(*described).stream_description : streams::StreamDescription();
  }

  Result<std::string> iterator(const std::string& arn, const std::string& shard,
                               const std::string& type = "TRIM_HORIZON", const std::string& number = "") {
    streams::GetShardIteratorInput input;
    input.stream_arn = arn;
    input.shard_id = shard;
    input.shard_iterator_type = type;
    if (!number.empty()) input.sequence_number = number;
    Result<streams::GetShardIteratorOutput> output = ask<streams::GetShardIterator>(input);
    if (!output.ok()) return std::move(output).error();
    return *output->shard_iterator;
  }

  Result<streams::GetRecordsOutput> records_at(const std::string& iterator, int limit = 1000) {
    streams::GetRecordsInput input;
    input.shard_iterator = iterator;
    input.limit = limit;
    return ask<streams::GetRecords>(input);
  }

  /// All that the stream still has, shard by shard.
  std::vector<streams::Record> all(const std::string& arn) {
    std::vector<streams::Record> found;
    const std::vector<streams::Shard> shards = *describe(arn).shards;
    for (const streams::Shard& shard : shards) {
      const Result<std::string> first = iterator(arn, *shard.shard_id);
      EXPECT_TRUE(first.ok()) << first.error().message();
      std::optional<std::string> next = first.ok() ? *first : "";
      while (next) {
        const Result<streams::GetRecordsOutput> page = records_at(*next, 3);
        EXPECT_TRUE(page.ok()) << page.error().message();
        if (!page.ok()) break;
        found.insert(found.end(), page->records->begin(), page->records->end());
        if (page->records->empty() && page->next_shard_iterator) break;
        next = page->next_shard_iterator;
      }
    }
    return found;
  }

  std::string first_shard(const std::string& arn) {
    const streams::StreamDescription description = describe(arn);
    return *description.shards->front().shard_id;
  }

  void change_stream(const std::string& table, bool enabled) {
    shapes::UpdateTableInput input;
    input.table_name = table;
    input.stream_specification.emplace().stream_enabled = enabled;
    if (enabled) input.stream_specification->stream_view_type = "KEYS_ONLY";
    const Result<shapes::UpdateTableOutput> done = call<shapes::UpdateTable>(input);
    ASSERT_TRUE(done.ok()) << done.error().message();
  }
};

TEST_F(StreamsTest, EachChangeIsOneRecord) {
  create(streamed("jobs"));
  put("jobs", {{"id", s("a")}, {"n", n("1")}});
  put("jobs", {{"id", s("a")}, {"n", n("1.0")}});  // The same item: no change.
  EXPECT_EQ(fault<shapes::UpdateItem>(update_input("jobs", {{"id", s("a")}}, "SET n = :n", {{":n", n("2")}})), "");
  shapes::DeleteItemInput remove;
  remove.table_name = "jobs";
  remove.key = {{"id", s("a")}};
  EXPECT_EQ(fault<shapes::DeleteItem>(remove), "");
  EXPECT_EQ(fault<shapes::DeleteItem>(remove), "");  // Nothing is there any more.

  const std::vector<streams::Record> found = all(arn_of("jobs"));
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].event_name, "INSERT");
  EXPECT_EQ(found[1].event_name, "MODIFY");
  EXPECT_EQ(found[2].event_name, "REMOVE");
  EXPECT_FALSE(found[0].dynamodb->old_image);
  EXPECT_EQ(found[1].dynamodb->old_image->at("n").text(), "1");
  EXPECT_EQ(found[1].dynamodb->new_image->at("n").text(), "2");
  EXPECT_FALSE(found[2].dynamodb->new_image);
  EXPECT_EQ(found[2].dynamodb->keys->size(), 1u);
  EXPECT_EQ(found[1].dynamodb->size_bytes, 3 + 6 + 6);
  EXPECT_LT(*found[0].dynamodb->sequence_number, *found[1].dynamodb->sequence_number);
  EXPECT_LT(*found[1].dynamodb->sequence_number, *found[2].dynamodb->sequence_number);
  const std::vector<streams::Record> again = all(arn_of("jobs"));
  EXPECT_EQ(found[0].event_id, again[0].event_id);
}

TEST_F(StreamsTest, ViewShowsWhatItSays) {
  const auto shown = [this](const std::string& view) {
    create(streamed(view, view));
    put(view, {{"id", s("a")}});
    put(view, {{"id", s("a")}, {"n", n("1")}});
    const streams::StreamRecord record = *all(arn_of(view)).back().dynamodb;
    return std::make_pair(record.old_image.has_value(), record.new_image.has_value());
  };
  EXPECT_EQ(shown("KEYS_ONLY"), std::make_pair(false, false));
  EXPECT_EQ(shown("NEW_IMAGE"), std::make_pair(false, true));
  EXPECT_EQ(shown("OLD_IMAGE"), std::make_pair(true, false));
  EXPECT_EQ(shown("NEW_AND_OLD_IMAGES"), std::make_pair(true, true));
}

TEST_F(StreamsTest, BatchesAndTransactionsTellEachItem) {
  create(streamed("jobs"));
  shapes::BatchWriteItemInput batch;
  for (const char* id : {"a", "b", "c"}) {
    shapes::WriteRequest& request = batch.request_items["jobs"].emplace_back();
    request.put_request.emplace().item = {{"id", s(id)}};
  }
  ASSERT_TRUE(call<shapes::BatchWriteItem>(batch).ok());
  shapes::TransactWriteItemsInput transaction;
  for (const char* id : {"a", "b"}) {
    shapes::Delete& action = transaction.transact_items.emplace_back().delete_.emplace();
    action.table_name = "jobs";
    action.key = {{"id", s(id)}};
  }
  ASSERT_TRUE(call<shapes::TransactWriteItems>(transaction).ok());
  const std::vector<streams::Record> found = all(arn_of("jobs"));
  std::set<std::string> numbers;
  for (const streams::Record& record : found) numbers.insert(*record.dynamodb->sequence_number);
  EXPECT_EQ(found.size(), 5u);
  EXPECT_EQ(numbers.size(), 5u);
  EXPECT_EQ(found.back().event_name, "REMOVE");
}

TEST_F(StreamsTest, ExpiryIsMarked) {
  create(streamed("jobs"));
  shapes::UpdateTimeToLiveInput ttl;
  ttl.table_name = "jobs";
  ttl.time_to_live_specification.enabled = true;
  ttl.time_to_live_specification.attribute_name = "until";
  ASSERT_TRUE(call<shapes::UpdateTimeToLive>(ttl).ok());
  put("jobs", {{"id", s("a")}, {"until", n("1700000060")}});
  clock_.advance(minutes(2));
  settle();
  const std::vector<streams::Record> found = all(arn_of("jobs"));
  ASSERT_EQ(found.size(), 2u);
  EXPECT_FALSE(found[0].user_identity);
  EXPECT_EQ(found[1].event_name, "REMOVE");
  EXPECT_EQ(found[1].user_identity->type, "Service");
  EXPECT_EQ(found[1].user_identity->principal_id, "dynamodb.amazonaws.com");
}

TEST_F(StreamsTest, ShardsRollAndKeepTheirLineage) {
  create(streamed("jobs"));
  const std::string arn = arn_of("jobs");
  put("jobs", {{"id", s("a")}});
  clock_.advance(hours(5));
  settle();
  put("jobs", {{"id", s("b")}});
  const std::vector<streams::Shard> shards = *streams::StreamDescription(describe(arn)).shards;
  ASSERT_EQ(shards.size(), 2u);
  EXPECT_EQ(shards[1].parent_shard_id, shards[0].shard_id);
  EXPECT_TRUE(shards[0].sequence_number_range->ending_sequence_number);
  EXPECT_FALSE(shards[1].sequence_number_range->ending_sequence_number);
  EXPECT_GT(*shards[1].sequence_number_range->starting_sequence_number,
            *shards[0].sequence_number_range->ending_sequence_number);
  const std::vector<streams::Record> found = all(arn);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].dynamodb->keys->at("id").text(), "b");

  streams::DescribeStreamInput children;
  children.stream_arn = arn;
  children.shard_filter.emplace().type = "CHILD_SHARDS";
  children.shard_filter->shard_id = shards[0].shard_id;
  const Result<streams::DescribeStreamOutput> filtered = ask<streams::DescribeStream>(children);
  ASSERT_TRUE(filtered.ok());
  ASSERT_EQ(filtered->stream_description->shards->size(), 1u);
  EXPECT_EQ(filtered->stream_description->shards->front().shard_id, shards[1].shard_id);
}

TEST_F(StreamsTest, BusyShardSplitsAndKeepsEachKeysOrder) {
  Options options;
  options.records_per_shard = 20;
  service_ = std::make_unique<DynamoDb>(*database_, clock_, options);
  create(streamed("jobs"));
  const std::string arn = arn_of("jobs");
  std::size_t written = 0;
  for (int round = 0; round < 40; ++round) {
    for (const char* id : {"a", "b", "c", "d", "e"}) {
      put("jobs", {{"id", s(id)}, {"round", n(std::to_string(round))}});
      ++written;
    }
    clock_.advance(std::chrono::milliseconds(10));
    if (round % 10 == 9) settle();
  }
  EXPECT_GT(describe(arn).shards->size(), 3u);
  std::map<std::string, int> last;
  const std::vector<streams::Record> found = all(arn);
  for (const streams::Record& record : found) {
    const std::string id = record.dynamodb->keys->at("id").text();
    const int round = std::stoi(record.dynamodb->new_image->at("round").text());
    EXPECT_EQ(round, last.contains(id) ? last[id] + 1 : 0);
    last[id] = round;
  }
  EXPECT_EQ(found.size(), written);
}

TEST_F(StreamsTest, RecordsGoAfterADay) {
  create(streamed("jobs"));
  const std::string arn = arn_of("jobs");
  put("jobs", {{"id", s("a")}});
  const std::string shard = first_shard(arn);
  const std::string first = *all(arn).front().dynamodb->sequence_number;
  clock_.advance(hours(23));
  put("jobs", {{"id", s("b")}});
  clock_.advance(hours(2));
  EXPECT_EQ(all(arn).size(), 1u);  // Also before anything was deleted.
  settle();
  EXPECT_EQ(all(arn).front().dynamodb->keys->at("id").text(), "b");
  EXPECT_EQ(iterator(arn, shard, "AT_SEQUENCE_NUMBER", first).error().code(), "TrimmedDataAccessException");
  EXPECT_TRUE(iterator(arn, shard, "AFTER_SEQUENCE_NUMBER", first).ok());
}

TEST_F(StreamsTest, IteratorsStandWhereTheySay) {
  create(streamed("jobs"));
  const std::string arn = arn_of("jobs");
  const std::string shard = first_shard(arn);
  for (const char* id : {"a", "b", "c"}) put("jobs", {{"id", s(id)}});
  const std::string second = *all(arn)[1].dynamodb->sequence_number;
  const auto count = [&](const std::string& type, const std::string& number = "") {
    return records_at(*iterator(arn, shard, type, number))->records->size();
  };
  EXPECT_EQ(count("TRIM_HORIZON"), 3u);
  EXPECT_EQ(count("AT_SEQUENCE_NUMBER", second), 2u);
  EXPECT_EQ(count("AFTER_SEQUENCE_NUMBER", second), 1u);
  EXPECT_EQ(count("LATEST"), 0u);
  const std::string latest = *iterator(arn, shard, "LATEST");
  put("jobs", {{"id", s("d")}});
  EXPECT_EQ(records_at(latest)->records->size(), 1u);
  clock_.advance(minutes(16));
  EXPECT_EQ(records_at(latest).error().code(), "ExpiredIteratorException");
  EXPECT_EQ(records_at("nonsense").error().code(), "ValidationException");
  EXPECT_EQ(iterator(arn, shard, "AT_SEQUENCE_NUMBER", "1").error().code(), "ValidationException");
  EXPECT_EQ(iterator(arn + "x", shard).error().code(), "ResourceNotFoundException");
}

TEST_F(StreamsTest, DisabledStreamIsReadableForADay) {
  create(streamed("jobs"));
  const std::string arn = arn_of("jobs");
  put("jobs", {{"id", s("a")}});
  change_stream("jobs", false);
  put("jobs", {{"id", s("b")}});
  EXPECT_EQ(describe(arn).stream_status, "DISABLED");
  EXPECT_EQ(all(arn).size(), 1u);
  change_stream("jobs", true);
  const std::string second = arn_of("jobs");
  EXPECT_NE(second, arn);
  put("jobs", {{"id", s("c")}});
  EXPECT_EQ(all(second).size(), 1u);
  clock_.advance(hours(25));
  settle();
  streams::DescribeStreamInput input;
  input.stream_arn = arn;
  EXPECT_EQ(ask<streams::DescribeStream>(input).error().code(), "ResourceNotFoundException");
  EXPECT_EQ(ask<streams::ListStreams>(streams::ListStreamsInput())->streams->size(), 1u);
}

TEST_F(StreamsTest, DeletedTableLeavesItsStreamForADay) {
  create(streamed("jobs"));
  const std::string arn = arn_of("jobs");
  put("jobs", {{"id", s("a")}});
  shapes::DeleteTableInput remove;
  remove.table_name = "jobs";
  ASSERT_TRUE(call<shapes::DeleteTable>(remove).ok());
  settle();
  EXPECT_EQ(all(arn).size(), 1u);
  clock_.advance(hours(25));
  settle();
  const Result<std::vector<storage::KeyValue>> rows = run(database_->begin()->scan(storage::KeyRange("", "")));
  EXPECT_EQ(rows->size(), 0u);
}

TEST_F(StreamsTest, SourceReadsWhatTheStreamHas) {
  create(streamed("jobs"));
  const std::string arn = arn_of("jobs");
  events::StreamSource& source = service_->stream_source();
  const std::vector<events::StreamShard> shards = *run(source.shards(arn));
  ASSERT_EQ(shards.size(), 1u);
  events::StreamPosition latest;
  latest.kind = events::StreamPosition::Kind::kLatest;
  const events::StreamBatch none = *run(source.read(arn, shards[0].id, latest, 10, 1u << 20));
  EXPECT_TRUE(none.records.empty());
  put("jobs", {{"id", s("a")}});
  put("jobs", {{"id", s("b")}});
  const events::StreamBatch first = *run(source.read(arn, shards[0].id, none.next, 1, 1u << 20));
  ASSERT_EQ(first.records.size(), 1u);
  EXPECT_NE(first.records[0].event.find(R"("eventName":"INSERT")"), std::string::npos);
  EXPECT_NE(first.records[0].event.find(R"("Keys":{"id":{"S":"a"}})"), std::string::npos);
  const auto after = events::StreamPosition::after(first.records[0].sequence_number);
  const events::StreamBatch second = *run(source.read(arn, shards[0].id, after, 10, 1u << 20));
  ASSERT_EQ(second.records.size(), 1u);
  EXPECT_TRUE(run(source.wait(arn, shards[0].id, after, std::chrono::steady_clock::now())).ok());
  change_stream("jobs", false);
  const auto end = events::StreamPosition::after(second.records[0].sequence_number);
  EXPECT_TRUE(run(source.read(arn, shards[0].id, end, 10, 1u << 20))->at_end);
}

}  // namespace
}  // namespace cumulet::dynamodb
