#include "services/firehose/transform.h"

#include <gtest/gtest.h>

namespace cumulet::firehose {
namespace {

using Fate = Transformed::Result;

std::vector<BufferedRecord> two_records() {
  std::vector<BufferedRecord> records;
  records.emplace_back(1'700'000'000'123'456, "one");
  records.emplace_back(1'700'000'000'123'457, "two");
  return records;
}

TEST(TransformTest, EventHasWhatTheFunctionNeeds) {
  DeliveryStream stream;
  stream.account = "123456789012";
  stream.region = "eu-central-1";
  stream.name = "s";
  EXPECT_EQ(transform_event(stream, "id", two_records()),
            R"({"invocationId":"id","deliveryStreamArn":"arn:aws:firehose:eu-central-1:123456789012:deliverystream/s",)"
            R"("region":"eu-central-1","records":[{"recordId":"1700000000123456",)"
            R"("approximateArrivalTimestamp":1700000000123,"data":"b25l"},{"recordId":"1700000000123457",)"
            R"("approximateArrivalTimestamp":1700000000123,"data":"dHdv"}]})");
}

TEST(TransformTest, AnswerInAnyOrderIsByRecord) {
  const auto out = read_transformed(R"({"records":[{"recordId":"1700000000123457","result":"Dropped"},)"
                                    R"({"recordId":"1700000000123456","result":"Ok","data":"T05F"}]})",
                                    two_records());
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].result, Fate::kOk);
  EXPECT_EQ(out[0].data, "ONE");
  EXPECT_EQ(out[1].result, Fate::kDropped);
}

TEST(TransformTest, RecordsLeftOutOrGivenTwiceFail) {
  const auto out = read_transformed(R"({"records":[{"recordId":"1700000000123456","result":"Dropped"},)"
                                    R"({"recordId":"1700000000123456","result":"Dropped"}]})",
                                    two_records());
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].error_code, "Lambda.DuplicatedRecordId");
  EXPECT_EQ(out[1].error_code, "Lambda.MissingRecordId");
}

TEST(TransformTest, WhatCannotBeReadFailsEveryRecord) {
  for (const char* const answer : {"", "null", "{}", "{\"records\":{}}", "nonsense"}) {
    const auto out = read_transformed(answer, two_records());
    ASSERT_EQ(out.size(), 2u);
    EXPECT_EQ(out[1].error_code, "Lambda.JsonProcessingException") << answer;
  }
  for (const char* const rest :
       {R"("result":"OK","data":"")", R"("result":"Ok")", R"("result":"Ok","data":"*")", R"("x":1)"}) {
    const auto out =
        read_transformed(R"({"records":[{"recordId":"1700000000123456",)" + std::string(rest) + "}]}", two_records());
    ASSERT_EQ(out.size(), 2u);
    EXPECT_EQ(out[0].error_code, "Lambda.JsonProcessingException") << rest;
  }
}

TEST(TransformTest, FailureIsALineOfJson) {
  FailedAttempt failure;
  failure.attempts = 4;
  failure.ended = Timestamp(std::chrono::milliseconds(1'700'000'001'000));
  failure.code = "Lambda.FunctionError";
  failure.message = "bad";
  EXPECT_EQ(failure_line(two_records()[0], "arn:f", failure),
            R"({"attemptsMade":4,"arrivalTimestamp":1700000000123,"errorCode":"Lambda.FunctionError",)"
            R"("errorMessage":"bad","attemptEndingTimestamp":1700000001000,"rawData":"b25l","lambdaArn":"arn:f"})"
            "\n");
}

}  // namespace
}  // namespace cumulet::firehose
