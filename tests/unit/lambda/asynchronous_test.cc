#include <gmock/gmock.h>

#include "tests/unit/lambda/lambda_fixture.h"

namespace cumulet::lambda {
namespace {

using testing::HasSubstr;
using Kind = events::Outcome::Kind;

class AsynchronousTest : public LambdaTest {
 protected:
  events::Event recorded_event() {
    EXPECT_EQ(invoke("f", R"({"x":1})", "Event")->status_code, 202);
    events::Event event = outbox.recorded.back();
    event.recorded = clock.now();
    return event;
  }
  events::Outcome deliver(events::Event& event) {
    const auto outcome = cumulet::run(lambda->deliver(event));
    EXPECT_TRUE(outcome.ok());
    ++event.attempt;
    if (outcome.ok()) {
      for (const auto& [name, value] : outcome->notes) event.attributes[name] = value;
    }
    return outcome.ok() ? *outcome : events::Outcome();
  }
  void fail_always() {
    engine.answer = [](const compute::Invocation&) {
      compute::InvocationResult result;
      result.payload = R"({"errorType":"E"})";
      result.function_error = "Unhandled";
      return result;
    };
  }
  void set_failure_destination(std::optional<std::int32_t> retries, std::optional<std::int32_t> age) {
    api::PutFunctionEventInvokeConfigRequest put;
    put.function_name = "f";
    put.maximum_retry_attempts = retries;
    put.maximum_event_age_in_seconds = age;
    put.destination_config.emplace().on_failure.emplace().destination =
        "arn:aws:lambda:us-east-1:000000000000:function:rescue";
    put.destination_config->on_success.emplace().destination = "arn:aws:sqs:us-east-1:000000000000:done";
    ASSERT_TRUE(call<api::PutFunctionEventInvokeConfig>(put).ok());
  }
};

TEST_F(AsynchronousTest, EventIsRecordedAndDeliveredWithTheSameRequestId) {
  create("f");
  events::Event event = recorded_event();
  EXPECT_TRUE(engine.invocations.empty());
  EXPECT_EQ(event.target_arn, "arn:aws:lambda:us-east-1:000000000000:function:f");
  EXPECT_EQ(deliver(event).kind, Kind::kDelivered);
  EXPECT_EQ(engine.invocations.back().request_id, event.id);
  EXPECT_EQ(engine.invocations.back().payload, R"({"x":1})");
}

TEST_F(AsynchronousTest, FunctionErrorsAreTriedAgainAfterOneAndTwoMinutes) {
  create("f");
  set_failure_destination(std::nullopt, std::nullopt);
  fail_always();
  events::Event event = recorded_event();
  events::Outcome outcome = deliver(event);
  EXPECT_EQ(outcome.kind, Kind::kRetry);
  EXPECT_EQ(outcome.retry_in, std::chrono::minutes(1));
  outcome = deliver(event);
  EXPECT_EQ(outcome.retry_in, std::chrono::minutes(2));
  EXPECT_EQ(deliver(event).kind, Kind::kDropped);
  EXPECT_EQ(outbox.recorded.back().target_arn, "arn:aws:lambda:us-east-1:000000000000:function:rescue");
  EXPECT_THAT(outbox.recorded.back().payload,
              HasSubstr(R"("condition":"RetriesExhausted","approximateInvokeCount":3)"));
  EXPECT_THAT(outbox.recorded.back().payload, HasSubstr(R"("requestPayload":{"x":1})"));
  EXPECT_THAT(outbox.recorded.back().payload, HasSubstr(R"("responsePayload":{"errorType":"E"})"));
}

TEST_F(AsynchronousTest, ThrottlesAreTriedAgainUntilTheEventIsTooOld) {
  create("f");
  set_failure_destination(0, 60);
  engine.answer = [](const compute::Invocation&) -> Result<compute::InvocationResult> {
    return Error("TooManyRequestsException", 429, "Rate Exceeded.");
  };
  events::Event event = recorded_event();
  EXPECT_EQ(deliver(event).retry_in, seconds(1));
  EXPECT_EQ(deliver(event).retry_in, seconds(2));
  clock.advance(seconds(61));
  EXPECT_EQ(deliver(event).kind, Kind::kDropped);
  EXPECT_THAT(outbox.recorded.back().payload, HasSubstr("EventAgeExceeded"));
}

TEST_F(AsynchronousTest, ThrottlesCountAsNoAttempt) {
  create("f");
  set_failure_destination(1, std::nullopt);
  events::Event event = recorded_event();
  engine.answer = [](const compute::Invocation&) -> Result<compute::InvocationResult> {
    return Error("TooManyRequestsException", 429, "Rate Exceeded.");
  };
  for (int i = 0; i < 5; ++i) EXPECT_EQ(deliver(event).kind, Kind::kRetry);
  fail_always();
  EXPECT_EQ(deliver(event).retry_in, std::chrono::minutes(1));
  EXPECT_EQ(deliver(event).kind, Kind::kDropped);
  EXPECT_THAT(outbox.recorded.back().payload, HasSubstr(R"("approximateInvokeCount":2)"));
}

TEST_F(AsynchronousTest, DeadLetterHasThePayloadAndTheDocumentedAttributes) {
  api::CreateFunctionRequest input = function("f");
  input.dead_letter_config.emplace().target_arn = "arn:aws:sqs:us-east-1:000000000000:letters";
  ASSERT_TRUE(call<api::CreateFunction>(input).ok());
  api::PutFunctionEventInvokeConfigRequest put;
  put.function_name = "f";
  put.maximum_retry_attempts = 0;
  ASSERT_TRUE(call<api::PutFunctionEventInvokeConfig>(put).ok());
  engine.answer = [](const compute::Invocation&) {
    compute::InvocationResult result;
    result.payload = R"({"errorType":"E","errorMessage":"it broke"})";
    result.function_error = "Unhandled";
    return result;
  };
  events::Event event = recorded_event();
  EXPECT_EQ(deliver(event).kind, Kind::kDropped);
  const events::Event& letter = outbox.recorded.back();
  EXPECT_EQ(letter.target_arn, "arn:aws:sqs:us-east-1:000000000000:letters");
  EXPECT_EQ(letter.payload, R"({"x":1})");
  EXPECT_EQ(letter.attributes.at("RequestID"), event.id);
  EXPECT_EQ(letter.attributes.at("ErrorCode#Number"), "200");
  EXPECT_EQ(letter.attributes.at("ErrorMessage"), "it broke");
}

TEST_F(AsynchronousTest, ServicesNeedAPermission) {
  create("f");
  events::Event event = recorded_event();
  event.source_arn = "arn:aws:s3:::photos";
  EXPECT_EQ(deliver(event).kind, Kind::kDropped);
  EXPECT_TRUE(engine.invocations.empty());
  api::AddPermissionRequest permission;
  permission.function_name = "f";
  permission.statement_id = "s3";
  permission.action = "lambda:InvokeFunction";
  permission.principal = "s3.amazonaws.com";
  permission.source_arn = "arn:aws:s3:::photos";
  permission.source_account = "000000000000";
  ASSERT_TRUE(call<api::AddPermission>(permission).ok());
  EXPECT_EQ(deliver(event).kind, Kind::kDelivered);
  event.source_arn = "arn:aws:s3:::others";
  EXPECT_EQ(deliver(event).kind, Kind::kDropped);
  const auto refused = cumulet::run(lambda->invoke("arn:aws:lambda:us-east-1:000000000000:function:f", "{}",
                                                   "arn:aws:execute-api:us-east-1:000000000000:api/prod/GET/x"));
  EXPECT_CODE(refused, "AccessDeniedException");
}

TEST_F(AsynchronousTest, ASeventeenthHopIsStopped) {
  create("f");
  events::Event event = recorded_event();
  std::string trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
  for (int hop = 1; hop <= 16; ++hop) {
    event.attributes["@TraceHeader"] = trace;
    ASSERT_EQ(deliver(event).kind, Kind::kDelivered) << hop;
    trace = engine.invocations.back().trace_id;
  }
  event.attributes["@TraceHeader"] = trace;
  EXPECT_EQ(deliver(event).kind, Kind::kDropped);
  api::PutFunctionRecursionConfigRequest allow;
  allow.function_name = "f";
  allow.recursive_loop = "Allow";
  ASSERT_TRUE(call<api::PutFunctionRecursionConfig>(allow).ok());
  EXPECT_EQ(deliver(event).kind, Kind::kDelivered);
}

TEST_F(AsynchronousTest, RecordsFitTheirDestinations) {
  create("f");
  api::PutFunctionEventInvokeConfigRequest put;
  put.function_name = "f";
  put.maximum_retry_attempts = 0;
  put.destination_config.emplace().on_failure.emplace().destination = "arn:aws:s3:::failures";
  put.destination_config->on_success.emplace().destination = "arn:aws:events:us-east-1:000000000000:event-bus/main";
  ASSERT_TRUE(call<api::PutFunctionEventInvokeConfig>(put).ok());
  events::Event event = recorded_event();
  EXPECT_EQ(deliver(event).kind, Kind::kDelivered);
  EXPECT_EQ(outbox.recorded.back().attributes.at("@DetailType"), "Lambda Function Invocation Result - Success");
  EXPECT_EQ(outbox.recorded.back().attributes.at("@Source"), "lambda");
  fail_always();
  EXPECT_EQ(deliver(event).kind, Kind::kDropped);
  EXPECT_EQ(outbox.recorded.back().target_arn, "arn:aws:s3:::failures");
  EXPECT_THAT(outbox.recorded.back().attributes.at("@Key"), testing::StartsWith("aws/lambda/async/f/2026/"));
  put.destination_config->on_success->destination = "arn:aws:lambda:us-east-1:000000000000:function:f";
  EXPECT_CODE(call<api::PutFunctionEventInvokeConfig>(put), "InvalidParameterValueException");
}

TEST_F(AsynchronousTest, SuccessGoesToItsDestination) {
  create("f");
  set_failure_destination(0, 60);
  events::Event event = recorded_event();
  EXPECT_EQ(deliver(event).kind, Kind::kDelivered);
  EXPECT_EQ(outbox.recorded.back().target_arn, "arn:aws:sqs:us-east-1:000000000000:done");
  EXPECT_THAT(outbox.recorded.back().payload, HasSubstr(R"("condition":"Success")"));
}

TEST_F(AsynchronousTest, EventOfADeletedFunctionIsDropped) {
  create("f");
  events::Event event = recorded_event();
  api::DeleteFunctionRequest erase;
  erase.function_name = "f";
  ASSERT_TRUE(call<api::DeleteFunction>(erase).ok());
  EXPECT_EQ(deliver(event).kind, Kind::kDropped);
}

}  // namespace
}  // namespace cumulet::lambda
