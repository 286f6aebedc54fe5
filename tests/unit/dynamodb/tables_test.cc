#include "tests/unit/dynamodb/fixture.h"

namespace cumulet::dynamodb {
namespace {

using TablesTest = DynamoDbTest;

shapes::DescribeTableInput describe_input(const std::string& name) {
  shapes::DescribeTableInput input;
  input.table_name = name;
  return input;
}

shapes::DeleteTableInput delete_input(const std::string& name) {
  shapes::DeleteTableInput input;
  input.table_name = name;
  return input;
}

shapes::Projection projection(const std::string& type) {
  shapes::Projection projection;
  projection.projection_type = type;
  return projection;
}

TEST_F(TablesTest, CreatedTableIsDescribed) {
  create(table_input("jobs", true));
  const Result<shapes::DescribeTableOutput> described = call<shapes::DescribeTable>(describe_input("jobs"));
  ASSERT_TRUE(described.ok());
  const shapes::TableDescription& table = *(*described).table;
  EXPECT_EQ(table.table_status, "ACTIVE");
  EXPECT_EQ(table.table_arn, "arn:aws:dynamodb:eu-central-1:123456789012:table/jobs");
  EXPECT_EQ(table.key_schema->size(), 2u);
  EXPECT_EQ(table.billing_mode_summary->billing_mode, "PAY_PER_REQUEST");
  EXPECT_EQ(table.item_count, 0);
  put("jobs", {{"id", s("a")}, {"at", n("1")}});
  put("jobs", {{"id", s("a")}, {"at", n("2")}});
  const Result<shapes::DescribeTableOutput> later = call<shapes::DescribeTable>(describe_input("jobs"));
  EXPECT_EQ((*later).table->item_count, 2);
  EXPECT_EQ((*later).table->table_size_bytes, 14);
}

TEST_F(TablesTest, NamesBelongToAccountAndRegion) {
  create(table_input("jobs"));
  EXPECT_EQ(fault<shapes::CreateTable>(table_input("jobs")), "Table already exists: jobs");
  EXPECT_EQ(code<shapes::CreateTable>(table_input("jobs")), "ResourceInUseException");
  region_ = "us-east-1";
  create(table_input("jobs"));
  region_ = "eu-central-1";
  account_ = "210987654321";
  EXPECT_EQ(fault<shapes::DescribeTable>(describe_input("jobs")),
            "Requested resource not found: Table: jobs not found");
  EXPECT_EQ(fault<shapes::GetItem>(get_input("jobs", {{"id", s("1")}})), "Requested resource not found");
}

TEST_F(TablesTest, DeletedTableLeavesNothing) {
  create(table_input("jobs"));
  for (int i = 0; i < 500; ++i) put("jobs", {{"id", s(std::to_string(i))}});
  ASSERT_EQ(fault<shapes::DeleteTable>(delete_input("jobs")), "");
  EXPECT_EQ(fault<shapes::DeleteTable>(delete_input("jobs")), "Requested resource not found: Table: jobs not found");
  create(table_input("jobs"));
  EXPECT_FALSE(get("jobs", {{"id", s("1")}}));
  put("jobs", {{"id", s("1")}});
  restart();
  settle();
  EXPECT_TRUE(get("jobs", {{"id", s("1")}}));
  const Result<std::vector<storage::KeyValue>> rows = run(database_->begin()->scan(storage::KeyRange("", "")));
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ((*rows).size(), 2u);
}

TEST_F(TablesTest, ProtectedTableStays) {
  shapes::CreateTableInput input = table_input("jobs");
  input.deletion_protection_enabled = true;
  create(input);
  EXPECT_EQ(fault<shapes::DeleteTable>(delete_input("jobs")),
            "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection "
            "first.");
}

TEST_F(TablesTest, ListsInPages) {
  for (const char* name : {"ccc", "aaa", "bbb"}) create(table_input(name));
  shapes::ListTablesInput input;
  input.limit = 2;
  const Result<shapes::ListTablesOutput> first = call<shapes::ListTables>(input);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(*(*first).table_names, (std::vector<std::string>{"aaa", "bbb"}));
  EXPECT_EQ((*first).last_evaluated_table_name, "bbb");
  input.exclusive_start_table_name = "bbb";
  const Result<shapes::ListTablesOutput> second = call<shapes::ListTables>(input);
  EXPECT_EQ(*(*second).table_names, (std::vector<std::string>{"ccc"}));
  EXPECT_FALSE((*second).last_evaluated_table_name);
}

TEST_F(TablesTest, DefinitionFaultsHaveTheirMessages) {
  shapes::CreateTableInput input = table_input("jobs");
  input.table_name = "ab";
  EXPECT_EQ(fault<shapes::CreateTable>(input),
            "TableName must be at least 3 characters long and at most 255 characters long");
  input = table_input("jobs");
  input.table_name = "jobs;";
  EXPECT_EQ(fault<shapes::CreateTable>(input),
            "1 validation error detected: Value 'jobs;' at 'tableName' failed to satisfy constraint: Member must "
            "satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
  input = table_input("jobs");
  input.billing_mode.reset();
  EXPECT_EQ(
      fault<shapes::CreateTable>(input),
      "One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be specified "
      "when BillingMode is PROVISIONED");
  input = table_input("jobs");
  input.attribute_definitions->push_back(definition("more", "S"));
  EXPECT_EQ(
      fault<shapes::CreateTable>(input),
      "One or more parameter values were invalid: Number of attributes in KeySchema does not exactly match number "
      "of attributes defined in AttributeDefinitions");
  input = table_input("jobs");
  input.key_schema = {element("id", "RANGE")};
  EXPECT_EQ(fault<shapes::CreateTable>(input), "Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
  input = table_input("jobs");
  input.key_schema = {element("x", "HASH")};
  EXPECT_EQ(fault<shapes::CreateTable>(input),
            "One or more parameter values were invalid: Some index key attributes are not defined in "
            "AttributeDefinitions. Keys: [x], AttributeDefinitions: [id]");
}

class IndexTest : public DynamoDbTest {
 protected:
  void add_index(const std::string& projection_type = "ALL") {
    shapes::UpdateTableInput input;
    input.table_name = "jobs";
    input.attribute_definitions = {definition("owner", "S")};
    shapes::GlobalSecondaryIndexUpdate update;
    update.create.emplace();
    update.create->index_name = "by-owner";
    update.create->key_schema = {element("owner", "HASH"), element("id", "RANGE")};
    update.create->projection = projection(projection_type);
    input.attribute_definitions->push_back(definition("id", "S"));
    input.global_secondary_index_updates = {update};
    ASSERT_EQ(fault<shapes::UpdateTable>(input), "");
  }
  shapes::QueryInput by_owner(const std::string& owner) {
    shapes::QueryInput input = query_input("jobs", "owner = :o", {{":o", s(owner)}});
    input.key_condition_expression = "#o = :o";
    input.expression_attribute_names = Names{{"#o", "owner"}};
    input.index_name = "by-owner";
    return input;
  }
};

TEST_F(IndexTest, NewIndexIsFilledWhileWritesGoOn) {
  create(table_input("jobs"));
  for (int i = 0; i < 450; ++i) {
    put("jobs", {{"id", s(std::to_string(i))}, {"owner", s(i % 2 == 0 ? "even" : "odd")}});
  }
  put("jobs", {{"id", s("none")}});
  put("jobs", {{"id", s("wrong")}, {"owner", n("1")}});
  add_index();
  const Result<shapes::DescribeTableOutput> during = call<shapes::DescribeTable>(describe_input("jobs"));
  EXPECT_EQ((*during).table->global_secondary_indexes->front().index_status, "CREATING");
  EXPECT_EQ(fault<shapes::Query>(by_owner("even")), "Cannot read from backfilling global secondary index: by-owner");
  put("jobs", {{"id", s("0")}, {"owner", s("changed")}});
  settle();
  const Result<shapes::DescribeTableOutput> after = call<shapes::DescribeTable>(describe_input("jobs"));
  EXPECT_EQ((*after).table->global_secondary_indexes->front().index_status, "ACTIVE");
  EXPECT_EQ((*after).table->global_secondary_indexes->front().item_count, 450);
  EXPECT_EQ(query(by_owner("even")).count, 224);
  EXPECT_EQ(query(by_owner("odd")).count, 225);
  EXPECT_EQ(query(by_owner("changed")).count, 1);
}

TEST_F(IndexTest, WhatNoKeyCanBeIsNotFilledIn) {
  create(table_input("jobs"));
  put("jobs", {{"id", s("empty")}, {"owner", s("")}});
  put("jobs", {{"id", s("long")}, {"owner", s(std::string(2049, 'x'))}});
  put("jobs", {{"id", s("longest")}, {"owner", s(std::string(2048, 'x'))}});
  add_index();
  settle();
  shapes::ScanInput scan;
  scan.table_name = "jobs";
  scan.index_name = "by-owner";
  EXPECT_EQ(call<shapes::Scan>(scan).value().count, 1);
  ASSERT_EQ(fault<shapes::UpdateItem>(update_input("jobs", {{"id", s("empty")}}, "SET body = :v", {{":v", s("b")}})),
            "");
  EXPECT_EQ(call<shapes::Scan>(scan).value().count, 1);
}

TEST_F(IndexTest, LittleMayChangeWhileOneIsFilled) {
  create(table_input("jobs"));
  put("jobs", {{"id", s("1")}, {"owner", s("ann")}});
  add_index();
  EXPECT_EQ(code<shapes::DeleteTable>(delete_input("jobs")), "ResourceInUseException");
  EXPECT_EQ(fault<shapes::DeleteTable>(delete_input("jobs")),
            "Attempt to change a resource which is still in use: Table is being updated: jobs");
  shapes::UpdateTableInput another;
  another.table_name = "jobs";
  another.attribute_definitions = {definition("rank", "N")};
  shapes::CreateGlobalSecondaryIndexAction& made =
      another.global_secondary_index_updates.emplace(1).front().create.emplace();
  made.index_name = "by-rank";
  made.key_schema = {element("rank", "HASH")};
  made.projection = projection("ALL");
  EXPECT_EQ(code<shapes::UpdateTable>(another), "LimitExceededException");
  EXPECT_EQ(fault<shapes::UpdateTable>(another),
            "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table");
  shapes::UpdateTableInput guarded;
  guarded.table_name = "jobs";
  guarded.deletion_protection_enabled = true;
  EXPECT_EQ(code<shapes::UpdateTable>(guarded), "ResourceInUseException");
  shapes::UpdateTableInput given_up;
  given_up.table_name = "jobs";
  given_up.global_secondary_index_updates.emplace(1).front().delete_.emplace().index_name = "by-owner";
  ASSERT_EQ(fault<shapes::UpdateTable>(given_up), "");
  settle();
  const Result<std::vector<storage::KeyValue>> rows = run(database_->begin()->scan(storage::KeyRange("", "")));
  EXPECT_EQ((*rows).size(), 2u);
  EXPECT_EQ(fault<shapes::DeleteTable>(delete_input("jobs")), "");
}

TEST_F(IndexTest, ThoseOfATableComeAndGoWithIt) {
  shapes::CreateTableInput input = table_input("jobs");
  input.attribute_definitions->push_back(definition("owner", "S"));
  shapes::GlobalSecondaryIndex& index = input.global_secondary_indexes.emplace(1).front();
  index.index_name = "by-owner";
  index.key_schema = {element("owner", "HASH")};
  index.projection = projection("ALL");
  const Result<shapes::CreateTableOutput> made = call<shapes::CreateTable>(input);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ((*made).table_description->global_secondary_indexes->front().index_status, "CREATING");
  const Result<shapes::DescribeTableOutput> after = call<shapes::DescribeTable>(describe_input("jobs"));
  EXPECT_EQ((*after).table->global_secondary_indexes->front().index_status, "ACTIVE");
  const Result<shapes::DeleteTableOutput> gone = call<shapes::DeleteTable>(delete_input("jobs"));
  ASSERT_TRUE(gone.ok());
  EXPECT_EQ((*gone).table_description->global_secondary_indexes->front().index_status, "DELETING");
}

TEST_F(IndexTest, EntriesFollowTheirItems) {
  create(table_input("jobs"));
  add_index();
  settle();
  put("jobs", {{"id", s("1")}, {"owner", s("ann")}, {"size_", n("1")}});
  EXPECT_EQ(query(by_owner("ann")).count, 1);
  ASSERT_EQ(fault<shapes::UpdateItem>(update_input("jobs", {{"id", s("1")}}, "SET size_ = :v", {{":v", n("2")}})), "");
  EXPECT_EQ(query(by_owner("ann")).items->front().at("size_"), n("2"));
  put("jobs", {{"id", s("1")}, {"owner", s("bob")}});
  EXPECT_EQ(query(by_owner("ann")).count, 0);
  EXPECT_EQ(query(by_owner("bob")).count, 1);
  ASSERT_EQ(fault<shapes::UpdateItem>([] {
              shapes::UpdateItemInput input = update_input("jobs", {{"id", s("1")}}, "REMOVE #o");
              input.expression_attribute_names = Names{{"#o", "owner"}};
              return input;
            }()),
            "");
  EXPECT_EQ(query(by_owner("bob")).count, 0);
  EXPECT_EQ(fault<shapes::PutItem>(put_input("jobs", {{"id", s("2")}, {"owner", n("1")}})),
            "One or more parameter values were invalid: Type mismatch for Index Key owner Expected: S Actual: N "
            "IndexName: by-owner");
  EXPECT_EQ(
      fault<shapes::PutItem>(put_input("jobs", {{"id", s("2")}, {"owner", s("")}})),
      "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
      "The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by-owner, IndexKey: "
      "owner");
}

TEST_F(IndexTest, KeysOnlyProjectionShowsKeys) {
  create(table_input("jobs"));
  add_index("KEYS_ONLY");
  settle();
  put("jobs", {{"id", s("1")}, {"owner", s("ann")}, {"body", s("long")}});
  const shapes::QueryOutput found = query(by_owner("ann"));
  EXPECT_EQ(found.items->front(), (Item{{"id", s("1")}, {"owner", s("ann")}}));
  shapes::QueryInput all = by_owner("ann");
  all.select = "ALL_ATTRIBUTES";
  EXPECT_EQ(
      fault<shapes::Query>(all),
      "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary "
      "index by-owner because its projection type is not ALL");
  shapes::QueryInput consistent = by_owner("ann");
  consistent.consistent_read = true;
  EXPECT_EQ(fault<shapes::Query>(consistent), "Consistent reads are not supported on global secondary indexes");
}

TEST_F(IndexTest, DeletedIndexIsGone) {
  create(table_input("jobs"));
  add_index();
  settle();
  put("jobs", {{"id", s("1")}, {"owner", s("ann")}});
  shapes::UpdateTableInput input;
  input.table_name = "jobs";
  input.global_secondary_index_updates.emplace(1);
  input.global_secondary_index_updates->front().delete_.emplace().index_name = "by-owner";
  ASSERT_EQ(fault<shapes::UpdateTable>(input), "");
  EXPECT_EQ(fault<shapes::Query>(by_owner("ann")), "The table does not have the specified index: by-owner");
  settle();
  const Result<std::vector<storage::KeyValue>> rows = run(database_->begin()->scan(storage::KeyRange("", "")));
  EXPECT_EQ((*rows).size(), 2u);
}

TEST_F(IndexTest, LocalIndexFetchesWhatItDoesNotProject) {
  shapes::CreateTableInput input = table_input("jobs", true);
  input.attribute_definitions->push_back(definition("rank", "N"));
  shapes::LocalSecondaryIndex index;
  index.index_name = "by-rank";
  index.key_schema = {element("id", "HASH"), element("rank", "RANGE")};
  index.projection = projection("KEYS_ONLY");
  input.local_secondary_indexes = {index};
  create(input);
  for (int i = 0; i < 10; ++i) {
    put("jobs", {{"id", s("a")}, {"at", n(std::to_string(i))}, {"rank", n(std::to_string(100 - i))}, {"body", s("b")}});
  }
  shapes::QueryInput read = query_input("jobs", "id = :i AND #r > :r", {{":i", s("a")}, {":r", n("95")}});
  read.expression_attribute_names = Names{{"#r", "rank"}};
  read.index_name = "by-rank";
  read.consistent_read = true;
  shapes::QueryOutput found = query(read);
  ASSERT_EQ(found.count, 5);
  EXPECT_EQ(found.items->front().at("rank"), n("96"));
  EXPECT_FALSE(found.items->front().contains("body"));
  read.select = "ALL_ATTRIBUTES";
  found = query(read);
  EXPECT_TRUE(found.items->front().contains("body"));
}

using TimeToLiveTest = DynamoDbTest;

TEST_F(TimeToLiveTest, ExpiredItemsGo) {
  create(table_input("jobs"));
  put("jobs", {{"id", s("before")}, {"expires", n("1700000010")}});
  shapes::UpdateTimeToLiveInput enable;
  enable.table_name = "jobs";
  enable.time_to_live_specification.enabled = true;
  enable.time_to_live_specification.attribute_name = "expires";
  ASSERT_EQ(fault<shapes::UpdateTimeToLive>(enable), "");
  EXPECT_EQ(fault<shapes::UpdateTimeToLive>(enable), "TimeToLive is already enabled");
  put("jobs", {{"id", s("soon")}, {"expires", n("1700000020")}});
  put("jobs", {{"id", s("late")}, {"expires", n("1700009999")}});
  put("jobs", {{"id", s("text")}, {"expires", s("1700000001")}});
  put("jobs", {{"id", s("ancient")}, {"expires", n("1000000000")}});
  put("jobs", {{"id", s("moved")}, {"expires", n("1700000020")}});
  put("jobs", {{"id", s("moved")}, {"expires", n("1700009999")}});
  settle();
  EXPECT_TRUE(get("jobs", {{"id", s("before")}}));
  clock_.advance(std::chrono::seconds(30));
  settle();
  EXPECT_FALSE(get("jobs", {{"id", s("before")}}));
  EXPECT_FALSE(get("jobs", {{"id", s("soon")}}));
  EXPECT_TRUE(get("jobs", {{"id", s("late")}}));
  EXPECT_TRUE(get("jobs", {{"id", s("text")}}));
  EXPECT_TRUE(get("jobs", {{"id", s("ancient")}}));
  EXPECT_TRUE(get("jobs", {{"id", s("moved")}}));
}

using TagsTest = DynamoDbTest;

TEST_F(TagsTest, AddedListedRemoved) {
  create(table_input("jobs"));
  const std::string arn = "arn:aws:dynamodb:eu-central-1:123456789012:table/jobs";
  shapes::TagResourceInput add;
  add.resource_arn = arn;
  add.tags.resize(2);
  add.tags[0].key = "stage";
  add.tags[0].value = "test";
  add.tags[1].key = "team";
  ASSERT_EQ(fault<shapes::TagResource>(add), "");
  shapes::UntagResourceInput remove;
  remove.resource_arn = arn;
  remove.tag_keys = {"team"};
  ASSERT_EQ(fault<shapes::UntagResource>(remove), "");
  shapes::ListTagsOfResourceInput list;
  list.resource_arn = arn;
  const Result<shapes::ListTagsOfResourceOutput> listed = call<shapes::ListTagsOfResource>(list);
  ASSERT_TRUE(listed.ok());
  ASSERT_EQ((*listed).tags->size(), 1u);
  EXPECT_EQ((*listed).tags->front().value, "test");
}

}  // namespace
}  // namespace cumulet::dynamodb
