#include "tests/unit/dynamodb/fixture.h"

namespace cumulet::dynamodb {
namespace {

class ItemsTest : public DynamoDbTest {
 protected:
  ItemsTest() { create(table_input("jobs")); }
  const Item key_ = {{"id", s("1")}};
};

TEST_F(ItemsTest, PutGetDelete) {
  put("jobs", {{"id", s("1")}, {"size_", n("1.50")}});
  EXPECT_EQ(get("jobs", key_), (Item{{"id", s("1")}, {"size_", n("1.5")}}));
  shapes::PutItemInput again = put_input("jobs", {{"id", s("1")}});
  again.return_values = "ALL_OLD";
  const Result<shapes::PutItemOutput> replaced = call<shapes::PutItem>(again);
  EXPECT_EQ((*replaced).attributes->at("size_"), n("1.5"));
  shapes::DeleteItemInput remove;
  remove.table_name = "jobs";
  remove.key = key_;
  remove.return_values = "ALL_OLD";
  EXPECT_TRUE((*call<shapes::DeleteItem>(remove)).attributes);
  EXPECT_FALSE((*call<shapes::DeleteItem>(remove)).attributes);
  EXPECT_FALSE(get("jobs", key_));
}

TEST_F(ItemsTest, SurvivesARestart) {
  put("jobs", {{"id", s("1")}, {"v", s("x")}});
  restart();
  EXPECT_TRUE(get("jobs", key_));
}

TEST_F(ItemsTest, ArnsNameTables) {
  put("arn:aws:dynamodb:eu-central-1:123456789012:table/jobs", {{"id", s("1")}});
  EXPECT_TRUE(get("jobs", key_));
}

TEST_F(ItemsTest, ConditionsDecide) {
  shapes::PutItemInput once = put_input("jobs", {{"id", s("1")}, {"v", n("1")}});
  once.condition_expression = "attribute_not_exists(id)";
  EXPECT_EQ(fault<shapes::PutItem>(once), "");
  once.return_values_on_condition_check_failure = "ALL_OLD";
  const Result<shapes::PutItemOutput> twice = call<shapes::PutItem>(once);
  ASSERT_FALSE(twice.ok());
  EXPECT_EQ(twice.error().code(), "ConditionalCheckFailedException");
  EXPECT_EQ(twice.error().message(), "The conditional request failed");
  ASSERT_EQ(twice.error().fields().size(), 1u);
  EXPECT_EQ(twice.error().fields()[0].name, "Item");
}

TEST_F(ItemsTest, UpdatesReturnWhatIsAskedFor) {
  put("jobs", {{"id", s("1")}, {"a", n("1")}, {"b", n("2")}});
  const auto update = [&](const std::string& expression, const std::string& returned) {
    shapes::UpdateItemInput input = update_input("jobs", key_, expression, {{":v", n("1")}});
    input.return_values = returned;
    const Result<shapes::UpdateItemOutput> done = call<shapes::UpdateItem>(input);
    EXPECT_TRUE(done.ok()) << done.error().message();
    return (*done).attributes;
  };
  EXPECT_EQ(update("ADD a :v", "UPDATED_NEW"), (Item{{"a", n("2")}}));
  EXPECT_EQ(update("ADD a :v", "UPDATED_OLD"), (Item{{"a", n("2")}}));
  EXPECT_EQ(update("ADD a :v", "ALL_OLD")->at("a"), n("3"));
  EXPECT_EQ(update("ADD a :v", "ALL_NEW")->at("a"), n("5"));
  EXPECT_EQ(update("ADD a :v", "NONE"), std::nullopt);
  EXPECT_EQ(update("SET fresh = :v", "UPDATED_OLD"), std::nullopt);
}

TEST_F(ItemsTest, UpdateOfWhatIsNotThereCreatesIt) {
  ASSERT_EQ(fault<shapes::UpdateItem>(update_input("jobs", key_, "SET a = :v", {{":v", n("1")}})), "");
  EXPECT_EQ(get("jobs", key_), (Item{{"id", s("1")}, {"a", n("1")}}));
  EXPECT_EQ(fault<shapes::UpdateItem>(update_input("jobs", key_, "SET id = :v", {{":v", s("2")}})),
            "One or more parameter values were invalid: Cannot update attribute id. This attribute is part of the key");
}

TEST_F(ItemsTest, FaultsHaveTheirMessages) {
  EXPECT_EQ(fault<shapes::PutItem>(put_input("jobs", {{"x", s("1")}})),
            "One or more parameter values were invalid: Missing the key id in the item");
  EXPECT_EQ(fault<shapes::PutItem>(put_input("jobs", {{"id", n("1")}})),
            "One or more parameter values were invalid: Type mismatch for key id expected: S actual: N");
  EXPECT_EQ(fault<shapes::GetItem>(get_input("jobs", {{"x", s("1")}})),
            "The provided key element does not match the schema");
  EXPECT_EQ(fault<shapes::PutItem>(put_input("none", {{"id", s("1")}})), "Requested resource not found");
  EXPECT_EQ(fault<shapes::PutItem>(put_input("jobs", {{"id", s("1")}, {"big", s(std::string(409'600, 'x'))}})),
            "Item size has exceeded the maximum allowed size");
  put("jobs", {{"id", s("1")}, {"big", s(std::string(409'600 - 6, 'x'))}});
  EXPECT_EQ(fault<shapes::UpdateItem>(update_input("jobs", key_, "SET more = :v", {{":v", n("1")}})),
            "Item size to update has exceeded the maximum allowed size");
  shapes::PutItemInput input = put_input("jobs", {{"id", s("1")}});
  input.expression_attribute_values = Item{{":v", n("1")}};
  EXPECT_EQ(fault<shapes::PutItem>(input),
            "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null");
  input.expression_attribute_values.reset();
  input.return_values = "ALL_NEW";
  EXPECT_EQ(fault<shapes::PutItem>(input), "ReturnValues can only be ALL_OLD or NONE");
  shapes::GetItemInput get = get_input("jobs", key_);
  get.projection_expression = "a";
  get.attributes_to_get = {"a"};
  EXPECT_EQ(fault<shapes::GetItem>(get),
            "Can not use both expression and non-expression parameters in the same request: Non-expression parameters: "
            "{AttributesToGet} Expression parameters: {ProjectionExpression}");
}

TEST_F(ItemsTest, CapacityIsCounted) {
  shapes::PutItemInput input = put_input("jobs", {{"id", s("1")}, {"v", s(std::string(1500, 'x'))}});
  input.return_consumed_capacity = "TOTAL";
  EXPECT_EQ((*call<shapes::PutItem>(input)).consumed_capacity->capacity_units, 2.0);
  shapes::GetItemInput read = get_input("jobs", key_);
  read.return_consumed_capacity = "INDEXES";
  const Result<shapes::GetItemOutput> eventual = call<shapes::GetItem>(read);
  EXPECT_EQ((*eventual).consumed_capacity->capacity_units, 0.5);
  EXPECT_EQ((*eventual).consumed_capacity->table->capacity_units, 0.5);
  read.consistent_read = true;
  EXPECT_EQ((*call<shapes::GetItem>(read)).consumed_capacity->capacity_units, 1.0);
}

TEST_F(ItemsTest, LegacyParameters) {
  shapes::UpdateItemInput input;
  input.table_name = "jobs";
  input.key = key_;
  input.attribute_updates.emplace();
  (*input.attribute_updates)["a"].value = n("1");
  (*input.attribute_updates)["b"].value = n("5");
  (*input.attribute_updates)["b"].action = "ADD";
  ASSERT_EQ(fault<shapes::UpdateItem>(input), "");
  EXPECT_EQ(get("jobs", key_), (Item{{"id", s("1")}, {"a", n("1")}, {"b", n("5")}}));
  input.expected.emplace();
  (*input.expected)["a"].value = n("2");
  EXPECT_EQ(code<shapes::UpdateItem>(input), "ConditionalCheckFailedException");
  (*input.expected)["a"] = shapes::ExpectedAttributeValue();
  (*input.expected)["a"].comparison_operator = "GE";
  (*input.expected)["a"].attribute_value_list = std::vector<AttributeValue>{n("1")};
  EXPECT_EQ(code<shapes::UpdateItem>(input), "");
  (*input.expected)["a"] = shapes::ExpectedAttributeValue();
  (*input.expected)["a"].exists = true;
  EXPECT_EQ(fault<shapes::UpdateItem>(input),
            "One or more parameter values were invalid: Value must be provided when Exists is true for Attribute: a");
}

class BatchTest : public ItemsTest {
 protected:
  static shapes::WriteRequest put_request(const std::string& id) {
    shapes::WriteRequest request;
    request.put_request.emplace().item = Item{{"id", s(id)}};
    return request;
  }
};

TEST_F(BatchTest, WritesAndReads) {
  shapes::BatchWriteItemInput write;
  for (int i = 0; i < 25; ++i) write.request_items["jobs"].push_back(put_request(std::to_string(i)));
  const Result<shapes::BatchWriteItemOutput> written = call<shapes::BatchWriteItem>(write);
  ASSERT_TRUE(written.ok());
  EXPECT_TRUE((*written).unprocessed_items->empty());
  shapes::BatchGetItemInput read;
  for (int i = 0; i < 30; ++i) read.request_items["jobs"].keys.push_back(Item{{"id", s(std::to_string(i))}});
  const Result<shapes::BatchGetItemOutput> found = call<shapes::BatchGetItem>(read);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ((*found).responses->at("jobs").size(), 25u);
  EXPECT_TRUE((*found).unprocessed_keys->empty());
}

TEST_F(BatchTest, Faults) {
  shapes::BatchWriteItemInput write;
  write.request_items["jobs"] = {put_request("1"), put_request("1")};
  EXPECT_EQ(fault<shapes::BatchWriteItem>(write), "Provided list of item keys contains duplicates");
  EXPECT_FALSE(get("jobs", key_));
  write.request_items["jobs"].clear();
  for (int i = 0; i < 26; ++i) write.request_items["jobs"].push_back(put_request(std::to_string(i)));
  EXPECT_EQ(fault<shapes::BatchWriteItem>(write), "Too many items requested for the BatchWriteItem call");
  shapes::BatchGetItemInput read;
  read.request_items["jobs"].keys = {key_, key_};
  EXPECT_EQ(fault<shapes::BatchGetItem>(read), "Provided list of item keys contains duplicates");
  read.request_items.clear();
  read.request_items["none"].keys = {key_};
  EXPECT_EQ(code<shapes::BatchGetItem>(read), "ResourceNotFoundException");
}

TEST_F(BatchTest, LargeRepliesLeaveKeysUnprocessed) {
  for (int i = 0; i < 50; ++i) put("jobs", {{"id", s(std::to_string(i))}, {"v", s(std::string(400'000, 'x'))}});
  shapes::BatchGetItemInput read;
  for (int i = 0; i < 50; ++i) read.request_items["jobs"].keys.push_back(Item{{"id", s(std::to_string(i))}});
  const Result<shapes::BatchGetItemOutput> found = call<shapes::BatchGetItem>(read);
  ASSERT_TRUE(found.ok());
  const std::size_t answered = (*found).responses->at("jobs").size();
  EXPECT_EQ(answered, 42u);
  EXPECT_EQ((*found).unprocessed_keys->at("jobs").keys.size(), 50 - answered);
}

class TransactionTest : public ItemsTest {
 protected:
  static shapes::TransactWriteItem put_action(const std::string& id, const std::string& condition = "") {
    shapes::TransactWriteItem item;
    item.put.emplace();
    item.put->table_name = "jobs";
    item.put->item = Item{{"id", s(id)}};
    if (!condition.empty()) item.put->condition_expression = condition;
    return item;
  }
};

TEST_F(TransactionTest, AllOrNothing) {
  put("jobs", {{"id", s("b")}, {"v", n("1")}});
  shapes::TransactWriteItemsInput write;
  write.transact_items = {put_action("a"), put_action("b", "attribute_not_exists(id)")};
  write.transact_items[1].put->return_values_on_condition_check_failure = "ALL_OLD";
  const Result<shapes::TransactWriteItemsOutput> cancelled = call<shapes::TransactWriteItems>(write);
  ASSERT_FALSE(cancelled.ok());
  EXPECT_EQ(cancelled.error().code(), "TransactionCanceledException");
  EXPECT_EQ(cancelled.error().message(),
            "Transaction cancelled, please refer cancellation reasons for specific reasons [None, "
            "ConditionalCheckFailed]");
  EXPECT_EQ(cancelled.error().fields()[0].value,
            R"([{"Code":"None"},{"Code":"ConditionalCheckFailed","Message":"The conditional request failed","Item":)"
            R"({"id":{"S":"b"},"v":{"N":"1"}}}])");
  EXPECT_FALSE(get("jobs", {{"id", s("a")}}));
  write.transact_items[1] = put_action("c");
  EXPECT_EQ(fault<shapes::TransactWriteItems>(write), "");
  EXPECT_TRUE(get("jobs", {{"id", s("a")}}));
  write.transact_items[1] = put_action("a");
  EXPECT_EQ(fault<shapes::TransactWriteItems>(write),
            "Transaction request cannot include multiple operations on one item");
}

TEST_F(TransactionTest, TokensMakeRepetitionHarmless) {
  shapes::TransactWriteItemsInput write;
  shapes::TransactWriteItem add;
  add.update.emplace();
  add.update->table_name = "jobs";
  add.update->key = key_;
  add.update->update_expression = "ADD a :v";
  add.update->expression_attribute_values = Item{{":v", n("1")}};
  write.transact_items = {add};
  write.client_request_token = "token";
  EXPECT_EQ(fault<shapes::TransactWriteItems>(write), "");
  EXPECT_EQ(fault<shapes::TransactWriteItems>(write), "");
  EXPECT_EQ(get("jobs", key_)->at("a"), n("1"));
  write.transact_items[0].update->expression_attribute_values = Item{{":v", n("2")}};
  EXPECT_EQ(code<shapes::TransactWriteItems>(write), "IdempotentParameterMismatchException");
  clock_.advance(std::chrono::minutes(11));
  settle();
  EXPECT_EQ(fault<shapes::TransactWriteItems>(write), "");
  EXPECT_EQ(get("jobs", key_)->at("a"), n("3"));
}

TEST_F(TransactionTest, Reads) {
  put("jobs", {{"id", s("1")}, {"v", n("1")}});
  shapes::TransactGetItemsInput read;
  read.transact_items.resize(2);
  for (std::size_t i = 0; i < 2; ++i) {
    read.transact_items[i].get.table_name = "jobs";
    read.transact_items[i].get.key = Item{{"id", s(std::to_string(i))}};
  }
  read.return_consumed_capacity = "TOTAL";
  const Result<shapes::TransactGetItemsOutput> found = call<shapes::TransactGetItems>(read);
  ASSERT_TRUE(found.ok());
  EXPECT_FALSE((*found).responses->at(0).item);
  EXPECT_EQ((*found).responses->at(1).item->at("v"), n("1"));
  EXPECT_EQ((*found).consumed_capacity->front().read_capacity_units, 4.0);
}

}  // namespace
}  // namespace cumulet::dynamodb
