#include "wire/validate.h"

#include "tests/unit/wire/messages.h"
#include "wire/generated/dynamodb.h"
#include "wire/generated/iam.h"
#include "wire/generated/lambda.h"
#include "wire/generated/logs.h"
#include "wire/pattern.h"

namespace cumulet::wire {
namespace {

std::string create_table_error(std::string body) {
  const auto input =
      decoded<dynamodb::CreateTable>(dynamodb::model(), json_request("DynamoDB_20120810.CreateTable", std::move(body)));
  return input.ok() ? "ok" : message_of(input.error());
}

TEST(ValidateTest, EveryBrokenConstraintIsReportedAtOnce) {
  EXPECT_EQ(create_table_error(R"({"TableName":"","AttributeDefinitions":[{"AttributeName":"a","AttributeType":"X"}],
                                   "KeySchema":[{"AttributeName":"a"}]})"),
            "ValidationException: 3 validation errors detected: "
            "Value 'X' at 'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: "
            "Member must satisfy enum value set: [S, N, B]; "
            "Value '' at 'tableName' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1; "
            "Value null at 'keySchema.1.member.keyType' failed to satisfy constraint: Member must not be null");
}

TEST(ValidateTest, BoundsOfNumbersAndOfLists) {
  EXPECT_EQ(create_table_error(
                R"({"TableName":"Music","AttributeDefinitions":[],"KeySchema":[],
                    "ProvisionedThroughput":{"ReadCapacityUnits":0,"WriteCapacityUnits":1}})"),
            "ValidationException: 2 validation errors detected: "
            "Value '[]' at 'keySchema' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1; "
            "Value '0' at 'provisionedThroughput.readCapacityUnits' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1");
}

TEST(ValidateTest, NullInAListIsNull) {
  const auto input = decoded<dynamodb::GetItem>(
      dynamodb::model(),
      json_request("DynamoDB_20120810.GetItem", R"({"TableName":"Music","Key":{},"AttributesToGet":[null]})"));
  ASSERT_FALSE(input.ok());
  EXPECT_EQ(input.error().message(),
            "1 validation error detected: Value null at 'attributesToGet.1.member' failed to satisfy constraint: "
            "Member must not be null");
}

TEST(ValidateTest, PatternsAreHeldAgainstTheWholeText) {
  const auto error = [](std::string name) {
    const auto input = decoded<logs::CreateLogGroup>(
        logs::model(), json_request("Logs_20140328.CreateLogGroup", R"({"logGroupName":")" + name + R"("})"));
    return input.ok() ? "ok" : message_of(input.error());
  };
  EXPECT_EQ(error("/aws/lambda/f"), "ok");
  EXPECT_EQ(error("a:b"),
            "InvalidParameterException: 1 validation error detected: Value 'a:b' at 'logGroupName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+");
}

TEST(ValidateTest, ElementsOfAListAreReportedOnTheList) {
  const auto input = decoded<lambda::CreateFunction>(
      lambda::model(),
      request_of(
          "POST", "/2015-03-31/functions",
          R"({"FunctionName":"f","Role":"arn:aws:iam::123456789012:role/r","Code":{},"Architectures":["mips"]})"));
  ASSERT_FALSE(input.ok());
  EXPECT_EQ(input.error().message(),
            "1 validation error detected: Value '[mips]' at 'architectures' failed to satisfy constraint: Member must "
            "satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64]]");
}

TEST(ValidateTest, LengthsCountCharactersNotBytes) {
  std::string name;
  for (int i = 0; i < 64; ++i) name += "é";
  const auto input =
      decoded<iam::GetUser>(iam::model(), form_request("Action=GetUser&Version=2010-05-08&UserName=" + name));
  ASSERT_FALSE(input.ok());
  EXPECT_EQ(input.error().code(), "ValidationError");
  EXPECT_EQ(input.error().message().find("length"), std::string::npos);
}

TEST(PatternTest, JavaDialectIsUnderstood) {
  EXPECT_TRUE(matches_pattern("[\\u0009\\u0020-\\u00FF]+", "a b"));
  EXPECT_FALSE(matches_pattern("[\\u0020-\\u00FF]+", "a\tb"));
  EXPECT_TRUE(matches_pattern("[a-z]{1,2048}", "abc"));
  EXPECT_FALSE(matches_pattern("[a-z]{1,2048}", "aBc"));
  EXPECT_TRUE(matches_pattern("(?!x)y", "anything, since RE2 has no look-ahead"));
}

}  // namespace
}  // namespace cumulet::wire
