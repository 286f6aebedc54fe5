#include <chrono>

#include "fixture.h"
#include "services/dynamodb/key_schema.h"
#include "services/dynamodb/keys.h"
#include "storage/row.h"
#include "storage/transact.h"

namespace cumulet::dynamodb {
namespace {

constexpr const char* kTableExceeded =
    "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning "
    "level with the UpdateTable API.";

class ThroughputTest : public DynamoDbTest {
 protected:
  static shapes::ProvisionedThroughput units(std::int64_t read, std::int64_t write) {
    shapes::ProvisionedThroughput throughput;
    throughput.read_capacity_units = read;
    throughput.write_capacity_units = write;
    return throughput;
  }
  void create_provisioned(std::int64_t read, std::int64_t write) {
    shapes::CreateTableInput input = table_input("tab");
    input.billing_mode = "PROVISIONED";
    input.provisioned_throughput = units(read, write);
    create(std::move(input));
  }
  /// Writes of one unit until one is refused.
  int writes_until_refused(const Item& more = {}) {
    for (int i = 0; i < 10'000; ++i) {
      Item item = more;
      item.emplace("id", s("a"));
      if (!call<shapes::PutItem>(put_input("tab", item)).ok()) return i;
    }
    return -1;
  }
};

TEST_F(ThroughputTest, UnusedUnitsOf300SecondsMayBeSpentAtOnce) {
  create_provisioned(1, 2);
  EXPECT_EQ(writes_until_refused(), 600);
  const auto refused = call<shapes::PutItem>(put_input("tab", {{"id", s("a")}}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), "ProvisionedThroughputExceededException");
  EXPECT_EQ(refused.error().message(), kTableExceeded);
  clock_.advance(std::chrono::seconds(3));
  EXPECT_EQ(writes_until_refused(), 6);
  clock_.advance(std::chrono::hours(1));
  EXPECT_EQ(writes_until_refused(), 600);
}

TEST_F(ThroughputTest, UnitsBecomeFewerFourTimesADayAndThenOnceAnHour) {
  clock_.advance(std::chrono::hours(2));  // Past midnight: the hours below are of one day.
  create_provisioned(100, 100);
  shapes::UpdateTableInput input;
  input.table_name = "tab";
  const auto decrease_to = [&](std::int64_t read) {
    input.provisioned_throughput = units(read, 100);
    return call<shapes::UpdateTable>(input);
  };
  for (int i = 1; i <= 4; ++i) {
    const Result<shapes::UpdateTableOutput> done = decrease_to(100 - i);
    ASSERT_TRUE(done.ok());
    EXPECT_EQ((*done).table_description->provisioned_throughput->number_of_decreases_today, i);
  }
  const Result<shapes::UpdateTableOutput> refused = decrease_to(90);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), "LimitExceededException");
  EXPECT_EQ(refused.error().message(),
            "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After the "
            "first 4 decreases, each subsequent decrease in the same UTC day can be performed at most once every 3600 "
            "seconds. Number of decreases today: 4. Last decrease at Wednesday, November 15, 2023 at 12:13:20 AM "
            "Coordinated Universal Time. Next decrease can be made at Wednesday, November 15, 2023 at 1:13:20 AM "
            "Coordinated Universal Time");
  EXPECT_TRUE(decrease_to(200).ok());
  clock_.advance(std::chrono::hours(1));
  EXPECT_TRUE(decrease_to(80).ok());
  EXPECT_FALSE(decrease_to(79).ok());
  clock_.advance(std::chrono::hours(24));
  const Result<shapes::UpdateTableOutput> next_day = decrease_to(70);
  ASSERT_TRUE(next_day.ok());
  EXPECT_EQ((*next_day).table_description->provisioned_throughput->number_of_decreases_today, 1);
}

TEST_F(ThroughputTest, ALargeItemLeavesADebt) {
  create_provisioned(1, 1);
  ASSERT_EQ(writes_until_refused(), 300);
  clock_.advance(std::chrono::seconds(1));
  put("tab", {{"id", s("b")}, {"text", s(std::string(10 * 1024 - 10, 'x'))}});
  clock_.advance(std::chrono::seconds(9));
  EXPECT_EQ(writes_until_refused(), 0);
  clock_.advance(std::chrono::seconds(1));
  EXPECT_EQ(writes_until_refused(), 1);
}

TEST_F(ThroughputTest, ReadsHaveTheirOwnBucketAndEventualOnesCostHalf) {
  create_provisioned(1, 1);
  put("tab", {{"id", s("a")}});
  int reads = 0;
  while (call<shapes::GetItem>(get_input("tab", {{"id", s("a")}})).ok()) ++reads;
  EXPECT_EQ(reads, 600);
  EXPECT_EQ(code<shapes::Query>(query_input("tab", "id = :v", {{":v", s("a")}})),
            "ProvisionedThroughputExceededException");
  put("tab", {{"id", s("a")}});
}

TEST_F(ThroughputTest, AGlobalIndexWithoutUnitsStopsWritesThatItHolds) {
  shapes::CreateTableInput input = table_input("tab");
  input.billing_mode = "PROVISIONED";
  input.provisioned_throughput = units(100, 100);
  input.attribute_definitions->push_back(definition("g", "S"));
  shapes::GlobalSecondaryIndex index;
  index.index_name = "by-g";
  index.key_schema = {element("g", "HASH")};
  index.projection.projection_type = "ALL";
  index.provisioned_throughput = units(1, 1);
  input.global_secondary_indexes = {index};
  create(std::move(input));
  int writes = 0;
  std::string fault;
  for (; fault.empty(); ++writes) {
    fault = this->fault<shapes::PutItem>(put_input("tab", {{"id", s("a")}, {"g", s(std::to_string(writes))}}));
  }
  EXPECT_EQ(writes, 152);  // The first one takes one unit of the index, each other one two: 301 of 300.
  EXPECT_NE(fault.find("one or more global secondary indexes"), std::string::npos) << fault;
  put("tab", {{"id", s("b")}});
}

TEST_F(ThroughputTest, ABatchLeavesUnprocessedWhatHasNoUnits) {
  create_provisioned(1, 1);
  create([] {
    shapes::CreateTableInput other = table_input("other");
    return other;
  }());
  ASSERT_EQ(writes_until_refused(), 300);
  shapes::WriteRequest write;
  write.put_request.emplace();
  write.put_request->item = {{"id", s("a")}};
  shapes::BatchWriteItemInput batch;
  batch.request_items["tab"] = {write};
  EXPECT_EQ(fault<shapes::BatchWriteItem>(batch), kTableExceeded);
  batch.request_items["other"] = {write};
  const auto done = call<shapes::BatchWriteItem>(batch);
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(done->unprocessed_items->size(), 1u);
  EXPECT_EQ(done->unprocessed_items->at("tab").size(), 1u);
}

TEST_F(ThroughputTest, ATransactionIsCancelledWithTheReason) {
  create_provisioned(1, 1);
  ASSERT_EQ(writes_until_refused(), 300);
  shapes::TransactWriteItemsInput input;
  shapes::TransactWriteItem item;
  item.put.emplace();
  item.put->table_name = "tab";
  item.put->item = {{"id", s("a")}};
  input.transact_items = {item};
  EXPECT_EQ(fault<shapes::TransactWriteItems>(input),
            "Transaction cancelled, please refer cancellation reasons for specific reasons "
            "[ProvisionedThroughputExceeded]");
}

TEST_F(ThroughputTest, OnDemandTablesAreLimitedOnlyByTheirMaximum) {
  shapes::CreateTableInput input = table_input("tab");
  input.on_demand_throughput.emplace();
  input.on_demand_throughput->max_write_request_units = 1;
  create(std::move(input));
  EXPECT_EQ(writes_until_refused(), 300);
  EXPECT_EQ(code<shapes::PutItem>(put_input("tab", {{"id", s("a")}})), "ThrottlingException");
}

class ItemCollectionTest : public DynamoDbTest {
 protected:
  void SetUp() override {
    shapes::CreateTableInput input = table_input("tab", true);
    input.attribute_definitions->push_back(definition("l", "S"));
    shapes::LocalSecondaryIndex index;
    index.index_name = "by-l";
    index.key_schema = {element("id", "HASH"), element("l", "RANGE")};
    index.projection.projection_type = "KEYS_ONLY";
    input.local_secondary_indexes = {index};
    create(std::move(input));
  }
  /// The bytes that the table's only collection has by its row.
  std::uint64_t bytes(std::optional<std::uint64_t> set = std::nullopt) {
    const auto body = [set](storage::Transaction& transaction) -> Task<std::uint64_t> {
      storage::KeyRange all(std::string(1, '\x01'), "");
      const std::vector<storage::KeyValue> rows = co_await transaction.scan(all);
      const std::string part = std::string("\xff\xff\xff\xfe", 4) + partition_key(s("a"));
      for (const storage::KeyValue& row : rows) {
        if (!row.key.ends_with(part)) continue;
        if (set) {
          storage::RowWriter changed;
          changed.number(*set);
          transaction.put(row.key, std::move(changed).bytes());
        }
        co_return storage::RowReader(row.value).number();
      }
      co_return 0;
    };
    Result<std::uint64_t> found = run(storage::transact(*database_, body));
    EXPECT_TRUE(found.ok());
    return found.ok() ? *found : 0;
  }
};

TEST_F(ItemCollectionTest, ItsSizeFollowsItemsAndTheirEntriesInLocalIndexes) {
  put("tab", {{"id", s("a")}, {"at", n("1")}, {"text", s("1234")}});
  EXPECT_EQ(bytes(), 3u + 4u + 8u);
  put("tab", {{"id", s("a")}, {"at", n("2")}, {"l", s("x")}});
  EXPECT_EQ(bytes(), 15u + 2 * (3u + 4u + 2u));
  shapes::DeleteItemInput gone;
  gone.table_name = "tab";
  gone.key = {{"id", s("a")}, {"at", n("2")}};
  gone.return_item_collection_metrics = "SIZE";
  const auto done = call<shapes::DeleteItem>(gone);
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(bytes(), 15u);
  EXPECT_EQ(*done->item_collection_metrics->size_estimate_range_gb, (std::vector<double>{0, 1}));
}

TEST_F(ItemCollectionTest, NothingGrowsBeyondTenGigabytes) {
  put("tab", {{"id", s("a")}, {"at", n("1")}, {"text", s("1234")}});
  bytes((std::uint64_t{10} << 30) - 5);
  const auto refused = call<shapes::PutItem>(put_input("tab", {{"id", s("a")}, {"at", n("2")}}));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), "ItemCollectionSizeLimitExceededException");
  put("tab", {{"id", s("b")}, {"at", n("2")}});
  put("tab", {{"id", s("a")}, {"at", n("1")}});  // Smaller than before.
  shapes::PutItemInput input = put_input("tab", {{"id", s("a")}, {"at", n("1")}});
  input.return_item_collection_metrics = "SIZE";
  const auto done = call<shapes::PutItem>(input);
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(*done->item_collection_metrics->size_estimate_range_gb, (std::vector<double>{9, 10}));
}

}  // namespace
}  // namespace cumulet::dynamodb
