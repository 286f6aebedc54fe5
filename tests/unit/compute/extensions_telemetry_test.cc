#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compute/extensions/extensions_api.h"
#include "compute/extensions/telemetry.h"

namespace cumulet::compute {
namespace {

using testing::HasSubstr;

SteadyTime at(int ms) { return SteadyTime(std::chrono::hours(1)) + milliseconds(ms); }

TelemetryEvent line(const std::string& text) {
  return TelemetryEvent(TelemetryKind::kFunction, Timestamp(std::chrono::seconds(1'700'000'000)), "function",
                        "\"" + text + "\"");
}

TelemetrySubscription wanting(bool platform, bool function) {
  TelemetrySubscription subscription;
  subscription.platform = platform;
  subscription.function = function;
  subscription.port = 8080;
  return subscription;
}

TEST(TelemetryQueueTest, BatchIsDueWhenItsFirstEventHasWaited) {
  TelemetryQueue queue(wanting(false, true));
  EXPECT_FALSE(queue.due());
  queue.push(line("a"), at(0));
  queue.push(line("b"), at(600));
  EXPECT_FALSE(queue.take(at(999), false));
  EXPECT_EQ(queue.take(at(1000), false), R"([{"time":"2023-11-14T22:13:20.000Z","type":"function","record":"a"},)"
                                         R"({"time":"2023-11-14T22:13:20.000Z","type":"function","record":"b"}])");
  EXPECT_FALSE(queue.due());
}

TEST(TelemetryQueueTest, FullBatchIsDueAtOnce) {
  TelemetryQueue queue(wanting(false, true));
  for (int i = 0; i < 999; ++i) queue.push(line("x"), at(0));
  EXPECT_FALSE(queue.take(at(0), false));
  queue.push(line("x"), at(0));
  EXPECT_TRUE(queue.take(at(0), false));
}

TEST(TelemetryQueueTest, BatchesStayBelowTheirBytes) {
  TelemetryQueue queue(wanting(false, true));
  const std::string big(100'000, 'x');
  for (int i = 0; i < 4; ++i) queue.push(line(big), at(0));
  const auto first = queue.take(at(0), false);
  ASSERT_TRUE(first);
  EXPECT_LE(first->size(), 256u * 1024);
  EXPECT_TRUE(queue.take(at(0), true));
  EXPECT_FALSE(queue.take(at(0), true));
}

TEST(TelemetryQueueTest, WhatDoesNotFitIsDroppedAndTold) {
  TelemetryQueue queue(wanting(true, true));
  const std::string big(100'000, 'x');
  for (int i = 0; i < 100; ++i) queue.push(line(big), at(0));
  std::size_t batches = 0;
  while (queue.take(at(0), true)) ++batches;
  EXPECT_EQ(batches, 3u);  // Six events of 100 KB, two a batch.
  queue.push(line("again"), at(1));
  EXPECT_THAT(*queue.take(at(1), true), HasSubstr(R"("type":"platform.logsDropped","record":{"droppedBytes":)"));
}

TEST(TelemetryQueueTest, TcpGetsLines) {
  TelemetrySubscription subscription = wanting(false, true);
  subscription.method = "TCP";
  TelemetryQueue queue(subscription);
  queue.push(line("a"), at(0));
  EXPECT_EQ(queue.take(at(0), true),
            "{\"time\":\"2023-11-14T22:13:20.000Z\",\"type\":\"function\",\"record\":\"a\"}\n");
}

TEST(TelemetryTest, LateSubscriberGetsWhatHappenedBefore) {
  Telemetry telemetry;
  telemetry.publish(TelemetryEvent(TelemetryKind::kPlatform, Timestamp{}, "platform.initStart", "{}"), at(0));
  telemetry.publish(line("early"), at(0));
  EXPECT_TRUE(telemetry.subscribe("one", wanting(true, false), at(5)));
  const auto batch = telemetry.take(at(5), true);
  ASSERT_TRUE(batch);
  EXPECT_THAT(batch->body, HasSubstr("platform.initStart"));
  EXPECT_EQ(batch->body.find("early"), std::string::npos);
  telemetry.close_subscriptions();
  EXPECT_FALSE(telemetry.open());
}

TEST(TelemetryTest, EachApiHasItsOwnNames) {
  Telemetry telemetry;
  TelemetrySubscription logs = wanting(true, false);
  logs.logs_api = true;
  telemetry.subscribe("logs", logs, at(0));
  telemetry.subscribe("telemetry", wanting(true, false), at(0));
  for (const char* type : {"platform.initStart", "platform.end", "platform.telemetrySubscription"}) {
    telemetry.publish(TelemetryEvent(TelemetryKind::kPlatform, Timestamp{}, type, "{}"), at(0));
  }
  const auto first = telemetry.take(at(0), true);
  const auto second = telemetry.take(at(0), true);
  ASSERT_TRUE(first && second);
  EXPECT_TRUE(first->subscription.logs_api);
  EXPECT_THAT(first->body, HasSubstr("platform.end"));
  EXPECT_THAT(first->body, HasSubstr("platform.logsSubscription"));
  EXPECT_EQ(first->body.find("initStart"), std::string::npos);
  EXPECT_THAT(second->body, HasSubstr("initStart"));
  EXPECT_EQ(second->body.find("platform.end"), std::string::npos);
}

TEST(TelemetrySubscriptionTest, IsReadWithItsDefaults) {
  const auto read =
      parse_subscription(R"({"schemaVersion":"2022-12-13","types":["platform","extension"],)"
                         R"("destination":{"protocol":"HTTP","URI":"http://sandbox.localdomain:8080/in?x=1"}})",
                         false);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_TRUE(read->platform && read->extension && !read->function);
  EXPECT_EQ(read->port, 8080);
  EXPECT_EQ(read->path, "/in?x=1");
  EXPECT_EQ(read->method, "POST");
  EXPECT_EQ(read->max_items, 1000u);
  EXPECT_EQ(read->timeout, milliseconds(1000));
}

TEST(TelemetrySubscriptionTest, AllComplaintsComeInOneMessage) {
  const auto read = parse_subscription(
      R"({"schemaVersion":"2022-12-13","types":[],"destination":{"protocol":"HTTP","URI":"http://sandbox"}})", false);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), "ValidationError");
  EXPECT_EQ(read.error().message(), "URI port is not provided; types should not be empty");
}

TEST(TelemetrySubscriptionTest, OtherHostsAndBadNumbersAreRefused) {
  const auto bad = [](const std::string& destination, const std::string& more) {
    return !parse_subscription(
                R"({"schemaVersion":"2022-07-01","types":["platform"],"destination":)" + destination + more + "}",
                false)
                .ok();
  };
  EXPECT_TRUE(bad(R"({"protocol":"HTTP","URI":"http://169.254.169.254:80"})", ""));
  EXPECT_TRUE(bad(R"({"protocol":"HTTP","URI":"http://sandbox:99999"})", ""));
  EXPECT_TRUE(bad(R"({"protocol":"HTTP","URI":"http://sandbox:80/a b"})", ""));
  EXPECT_TRUE(bad(R"({"protocol":"TCP","port":9001})", ""));
  EXPECT_TRUE(bad(R"({"protocol":"TCP","port":80})", R"(,"buffering":{"maxBytes":1})"));
  EXPECT_FALSE(bad(R"({"protocol":"TCP","port":80})", R"(,"buffering":{"timeoutMs":25})"));
}

TEST(ExtensionsApiTest, RegistrationsAreReadStrictly) {
  EXPECT_EQ(*parse_registration(R"({"events":["INVOKE","SHUTDOWN"]})"),
            (std::vector<std::string>{"INVOKE", "SHUTDOWN"}));
  EXPECT_TRUE(parse_registration("{}")->empty());
  EXPECT_FALSE(parse_registration("").ok());
  EXPECT_FALSE(parse_registration(R"({"events":"INVOKE"})").ok());
  EXPECT_FALSE(parse_registration(R"({"events":[1]})").ok());
}

TEST(ExtensionsApiTest, HostsReportsAreReadStrictly) {
  EXPECT_FALSE(parse_ended("runtime exit 0")->extension);
  EXPECT_EQ(parse_ended("3 signal 9")->extension, 3u);
  EXPECT_FALSE(parse_ended("10 exit 0"));
  EXPECT_FALSE(parse_ended("0 exit 256"));
  EXPECT_FALSE(parse_ended("0 vanish 1"));
  EXPECT_FALSE(parse_ended("0 exit"));
}

}  // namespace
}  // namespace cumulet::compute
