#include <deque>
#include <set>

#include <gmock/gmock.h>

#include "tests/unit/lambda/poller_fixture.h"
#include "wire/generated/sqs.h"

namespace cumulet::lambda {
namespace {

namespace sqs = wire::sqs;
using testing::HasSubstr;

constexpr const char* kQueue = "arn:aws:sqs:us-east-1:000000000000:jobs";

/// As much of SQS as the poller uses: a message that was received is not seen again.
class QueuePollerTest : public PollerTest {
 protected:
  QueuePollerTest() : service(sqs::model()) {
    service.on<sqs::ReceiveMessage>([this](wire::Call&, const auto& in) { return receive(in); });
    service.on<sqs::DeleteMessageBatch>([this](wire::Call&, const auto& in) { return erase(in); });
    service.on<sqs::ChangeMessageVisibilityBatch>([this](wire::Call&, const auto& in) { return give_back(in); });
    service.on<sqs::GetQueueAttributes>([this](wire::Call&, const auto&) { return attributes(); });
    services.add("sqs", service);
  }

  Task<sqs::ReceiveMessageResult> receive(sqs::ReceiveMessageRequest input) {
    if (visible.empty() && input.wait_time_seconds.value_or(0) > 0) {
      waits.emplace_back();
      const Deferred<bool> wait = waits.back();
      (void)co_await attempt(wait.wait_until(std::chrono::steady_clock::now() + seconds(*input.wait_time_seconds),
                                             Error("Late", 500, "late")));
    }
    sqs::ReceiveMessageResult output;
    std::vector<sqs::Message>& messages = output.messages.emplace();
    while (!visible.empty() && messages.size() < static_cast<std::size_t>(input.max_number_of_messages.value_or(1))) {
      sqs::Message& message = messages.emplace_back();
      message.message_id = visible.front();
      message.receipt_handle = "receipt-" + visible.front();
      message.body = bodies[visible.front()];
      visible.pop_front();
    }
    co_return output;
  }
  Task<sqs::DeleteMessageBatchResult> erase(sqs::DeleteMessageBatchRequest input) {
    for (const auto& entry : input.entries) deleted.insert(entry.receipt_handle.substr(8));
    co_return sqs::DeleteMessageBatchResult();
  }
  Task<sqs::ChangeMessageVisibilityBatchResult> give_back(sqs::ChangeMessageVisibilityBatchRequest input) {
    for (const auto& entry : input.entries) given_back.insert(entry.receipt_handle.substr(8));
    co_return sqs::ChangeMessageVisibilityBatchResult();
  }
  Task<sqs::GetQueueAttributesResult> attributes() {
    sqs::GetQueueAttributesResult output;
    output.attributes.emplace()["VisibilityTimeout"] = "30";
    co_return output;
  }
  void send(const std::string& id, const std::string& body = "{}") {
    bodies[id] = body;
    visible.push_back(id);
    for (const Deferred<bool>& wait : std::exchange(waits, {})) wait.resolve(true);
  }

  bool work(MappingRow made, std::function<bool()> condition) {
    fill_defaults(made.configuration);
    const std::shared_ptr<Poller> poller = make_queue_poller(tools, made);
    const Result<bool> well = loop.run(PollerTest::work(poller, std::move(condition)));
    return well.ok() && *well;
  }
  void end_waits() {
    for (const Deferred<bool>& wait : std::exchange(waits, {})) wait.resolve(true);
    (void)loop.run(a_moment());
  }
  ~QueuePollerTest() override { end_waits(); }

  wire::Service service;
  std::deque<std::string> visible;
  std::map<std::string, std::string> bodies;
  std::vector<Deferred<bool>> waits;
  std::set<std::string> deleted;
  std::set<std::string> given_back;
};

TEST_F(QueuePollerTest, WhatTheFunctionHasDoneIsDeleted) {
  for (int i = 0; i < 25; ++i) send("m" + std::to_string(i));
  ASSERT_TRUE(work(mapping(kQueue), [&] { return deleted.size() == 25; }));
  EXPECT_EQ(payloads.size(), 3u);
  EXPECT_THAT(payloads[0], HasSubstr(R"({"Records":[{"messageId":"m0","receiptHandle":"receipt-m0","body":"{}",)"));
  EXPECT_THAT(payloads[0], HasSubstr(R"("eventSource":"aws:sqs","eventSourceARN":")" + std::string(kQueue) +
                                     R"(","awsRegion":"us-east-1"})"));
}

TEST_F(QueuePollerTest, FailedBatchStaysInTheQueue) {
  send("bad");
  answer = [](const std::string&) -> Result<BatchReply> { return function_error(); };
  ASSERT_TRUE(work(mapping(kQueue), [&] { return !payloads.empty(); }));
  EXPECT_TRUE(deleted.empty());
}

TEST_F(QueuePollerTest, OnlyReportedItemsStay) {
  MappingRow made = mapping(kQueue);
  made.configuration.function_response_types.emplace().push_back("ReportBatchItemFailures");
  for (const char* id : {"a", "b", "c"}) send(id);
  answer = [](const std::string&) -> Result<BatchReply> {
    return answering(R"({"batchItemFailures":[{"itemIdentifier":"b"}]})");
  };
  ASSERT_TRUE(work(made, [&] { return deleted.size() == 2; }));
  EXPECT_EQ(deleted, (std::set<std::string>{"a", "c"}));
  deleted.clear();
  answer = [](const std::string&) -> Result<BatchReply> {
    return answering(R"({"batchItemFailures":[{"itemIdentifier":"unknown"}]})");
  };
  end_waits();
  visible.clear();
  send("e");
  const std::size_t before = payloads.size();
  ASSERT_TRUE(work(made, [&] { return payloads.size() > before; }));
  EXPECT_TRUE(deleted.empty());
}

TEST_F(QueuePollerTest, FilteredMessagesAreDeletedUnseen) {
  MappingRow made = mapping(kQueue);
  made.configuration.filter_criteria.emplace().filters.emplace().emplace_back().pattern = R"({"body":{"n":[1]}})";
  send("one", R"({"n":1})");
  send("two", R"({"n":2})");
  send("text", "n is 1");
  ASSERT_TRUE(work(made, [&] { return deleted.size() == 3; }));
  ASSERT_EQ(payloads.size(), 1u);
  EXPECT_THAT(payloads[0], HasSubstr(R"("messageId":"one")"));
  EXPECT_THAT(payloads[0], testing::Not(HasSubstr(R"("messageId":"two")")));
}

TEST_F(QueuePollerTest, ThrottledBatchIsTriedAgainWhileItIsOurs) {
  send("m");
  answer = [&](const std::string&) -> Result<BatchReply> {
    if (payloads.size() < 3) return Error("TooManyRequestsException", 429, "Rate Exceeded.");
    return BatchReply();
  };
  ASSERT_TRUE(work(mapping(kQueue), [&] { return deleted.size() == 1; }));
  EXPECT_EQ(payloads.size(), 3u);
}

TEST_F(QueuePollerTest, WindowGathersLargeBatches) {
  MappingRow made = mapping(kQueue);
  made.configuration.batch_size = 30;
  made.configuration.maximum_batching_window_in_seconds = 5;
  for (int i = 0; i < 30; ++i) send("m" + std::to_string(i));
  ASSERT_TRUE(work(made, [&] { return deleted.size() == 30; }));
  EXPECT_EQ(payloads.size(), 1u);
}

TEST_F(QueuePollerTest, StoppedPollerGivesBackWhatStillComes) {
  ASSERT_TRUE(work(mapping(kQueue), [&] { return !waits.empty(); }));
  send("late");
  (void)loop.run(until([&] { return !given_back.empty(); }));
  EXPECT_EQ(given_back, std::set<std::string>{"late"});
  EXPECT_TRUE(payloads.empty());
}

TEST_F(QueuePollerTest, LargeMessagesAreNoLargeEvents) {
  for (int i = 0; i < 10; ++i) send("m" + std::to_string(i), std::string(1'000'000, 'x'));
  ASSERT_TRUE(work(mapping(kQueue), [&] { return deleted.size() == 10; }));
  EXPECT_EQ(payloads.size(), 2u);
  for (const std::string& payload : payloads) EXPECT_LE(payload.size(), 6'291'456u);
}

}  // namespace
}  // namespace cumulet::lambda
