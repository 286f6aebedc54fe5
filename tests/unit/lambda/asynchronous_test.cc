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
