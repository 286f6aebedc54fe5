#include "tests/unit/wire/messages.h"
#include "wire/attribute_value_json.h"
#include "wire/generated/dynamodb.h"
#include "wire/generated/logs.h"
#include "wire/json.h"

namespace cumulet::wire {
namespace {

constexpr const char* kPutItem = "DynamoDB_20120810.PutItem";

Result<dynamodb::PutItemInput> put_item(std::string body) {
  return decoded<dynamodb::PutItem>(dynamodb::model(), json_request(kPutItem, std::move(body)));
}

std::string put_item_error(std::string body) {
  Result<dynamodb::PutItemInput> input = put_item(std::move(body));
  return input.ok() ? "ok" : message_of(input.error());
}

TEST(JsonProtocolTest, TargetNamesTheOperation) {
  EXPECT_EQ(routed(dynamodb::model(), json_request(kPutItem, "{}")), "PutItem");
  EXPECT_EQ(routed(dynamodb::model(), json_request("DynamoDB_20120810.Nothing", "{}")), "UnknownOperationException");
  EXPECT_EQ(routed(dynamodb::model(), json_request("DynamoDB_20111205.PutItem", "{}")), "UnknownOperationException");
  EXPECT_EQ(routed(dynamodb::model(), request_of("GET", "/")), "UnknownOperationException");
}

TEST(JsonProtocolTest, AttributeValuesOfEveryTypeAreRead) {
  const auto input = put_item(R"({"TableName":"Music","Item":{"s":{"S":"x"},"n":{"N":"1.50"},"b":{"B":"AAE="},
      "ss":{"SS":["a","b"]},"ns":{"NS":["1"]},"bs":{"BS":["AA=="]},"m":{"M":{"k":{"BOOL":true}}},
      "l":{"L":[{"NULL":true},{"S":""}]}},"ReturnValues":"ALL_OLD","Unknown":[1,{"x":2}]})");
  ASSERT_TRUE(input.ok()) << message_of(input.error());
  EXPECT_EQ(input->table_name, "Music");
  EXPECT_EQ(input->return_values, "ALL_OLD");
  EXPECT_FALSE(input->condition_expression.has_value());
  EXPECT_EQ(input->item.at("n").text(), "1.50");
  EXPECT_EQ(input->item.at("b").text(), std::string("\0\1", 2));
  EXPECT_EQ(input->item.at("m").map().at("k"), AttributeValue::boolean(true));
  EXPECT_EQ(input->item.at("l").list()[0].type(), AttributeValue::Type::kNull);
  EXPECT_EQ(
      attribute_map_json(input->item),
      R"({"b":{"B":"AAE="},"bs":{"BS":["AA=="]},"l":{"L":[{"NULL":true},{"S":""}]},"m":{"M":{"k":{"BOOL":true}}},)"
      R"("n":{"N":"1.50"},"ns":{"NS":["1"]},"s":{"S":"x"},"ss":{"SS":["a","b"]}})");
}

TEST(JsonProtocolTest, AttributeValueMustHaveExactlyOneType) {
  EXPECT_EQ(
      put_item_error(R"({"TableName":"Music","Item":{"a":{}}})"),
      "ValidationException: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
  EXPECT_EQ(put_item_error(R"({"TableName":"Music","Item":{"a":{"S":"1","N":"1"}}})"),
            "ValidationException: Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
            "the supported datatypes");
  // What the model says is wrong comes first.
  EXPECT_EQ(put_item_error(R"({"Item":{"a":{}}})"),
            "ValidationException: 1 validation error detected: Value null at 'tableName' failed to satisfy constraint: "
            "Member must not be null");
}

TEST(JsonProtocolTest, WrongTypesAreSerializationErrors) {
  EXPECT_EQ(put_item_error(R"({"TableName":5})"), "SerializationException: NUMBER_VALUE cannot be converted to String");
  EXPECT_EQ(put_item_error(R"({"TableName":true})"),
            "SerializationException: TRUE_VALUE cannot be converted to String");
  EXPECT_EQ(put_item_error(R"({"TableName":{}})"),
            "SerializationException: Start of structure or map found where not expected");
  EXPECT_EQ(put_item_error(R"({"TableName":"Music","Item":"x"})"), "SerializationException: Unexpected field type");
  EXPECT_EQ(put_item_error(R"({"TableName":"Music","Item":{"a":{"N":1}}})"),
            "SerializationException: NUMBER_VALUE cannot be converted to String");
  EXPECT_EQ(put_item_error("{"), "SerializationException: ");
  EXPECT_EQ(put_item_error(""), "SerializationException: ");
  EXPECT_EQ(put_item_error("[]"), "SerializationException: Unexpected field type");
}

TEST(JsonProtocolTest, DeepNestingIsRefusedNotFollowed) {
  std::string value = R"({"S":"x"})";
  for (int i = 0; i < 200; ++i) value = R"({"L":[)" + value + "]}";
  EXPECT_EQ(put_item_error(R"({"TableName":"Music","Item":{"a":)" + value + "}}"), "SerializationException: ");
}

TEST(JsonProtocolTest, FloodsOfSmallThingsStaySmall) {
  std::string nulls = "null";
  std::string structures = "{}";
  for (int i = 0; i < 200'000; ++i) nulls += ",null";
  for (int i = 0; i < 200'000; ++i) structures += ",{}";
  const std::string many_nulls = put_item_error(R"({"TableName":"Music","Item":{"a":{"L":[)" + nulls + "]}}}");
  EXPECT_TRUE(many_nulls.starts_with("ValidationException: Supplied AttributeValue is empty")) << many_nulls;
  const auto keys = decoded<dynamodb::GetItem>(
      dynamodb::model(),
      json_request("DynamoDB_20120810.GetItem", R"({"TableName":"Music","Key":{},"AttributesToGet":[)" + nulls + "]}"));
  EXPECT_TRUE(keys.error().message().starts_with("10 validation errors detected: ")) << keys.error().message();
  const auto writes = decoded<dynamodb::BatchWriteItem>(
      dynamodb::model(),
      json_request("DynamoDB_20120810.BatchWriteItem", R"({"RequestItems":{"Music":[)" + structures + "]}}"));
  EXPECT_NE(writes.error().message().find("Member must have length less than or equal to 25"), std::string::npos);
  EXPECT_LT(writes.error().message().size(), 6'000U);
}

TEST(JsonProtocolTest, EmptyBodyOfJson11IsAnEmptyDocument) {
  const auto input =
      decoded<logs::DescribeLogGroups>(logs::model(), json_request("Logs_20140328.DescribeLogGroups", ""));
  EXPECT_TRUE(input.ok());
}

TEST(JsonProtocolTest, OutputCarriesOnlyWhatIsThere) {
  dynamodb::DescribeTableOutput output;
  auto& table = output.table.emplace();
  table.table_name = "Music \"live\"\n";
  table.creation_date_time = Timestamp(std::chrono::milliseconds(1'700'000'000'250));
  table.item_count = 3;
  auto& schema = table.key_schema.emplace().emplace_back();
  schema.attribute_name = "Artist";
  schema.key_type = dynamodb::key_type::kHash;
  const net::Response response = encoded<dynamodb::DescribeTable>(dynamodb::model(), output);
  EXPECT_EQ(body_of(response),
            R"({"Table":{"TableName":"Music \"live\"\n","KeySchema":[{"AttributeName":"Artist","KeyType":"HASH"}],)"
            R"("CreationDateTime":1700000000.25,"ItemCount":3}})");
  EXPECT_EQ(response.headers.get("content-type"), "application/x-amz-json-1.0");
  EXPECT_EQ(response.headers.get("x-amzn-requestid"), "id-1");
  EXPECT_TRUE(response.headers.has("x-amz-crc32"));
}

TEST(JsonProtocolTest, OperationWithoutOutputAnswersNothing) {
  const net::Response response = encoded<logs::CreateLogGroup>(logs::model(), {});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(body_of(response), "");
}

TEST(JsonProtocolTest, ClientReadsWhatTheServerWrote) {
  dynamodb::GetItemOutput output;
  output.item.emplace()["a"] = AttributeValue::number("7");
  const auto back = read_json<dynamodb::GetItemOutput>(*dynamodb::GetItem::model().output,
                                                       encode_json(*dynamodb::GetItem::model().output, &output));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->item->at("a"), AttributeValue::number("7"));
}

TEST(JsonWriterTest, WritesNumbersThatReadBack) {
  JsonWriter json;
  json.begin_array().number(0.1).number(1e300).integer(-5).string("\x01/\"").null().boolean(false).end_array();
  EXPECT_EQ(json.text(), R"([0.1,1e+300,-5,"\u0001/\"",null,false])");
}

}  // namespace
}  // namespace cumulet::wire
