#include "services/sqs/live_queue.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "base/run.h"
#include "services/sqs/sqs.h"
#include "services/sqs/store.h"
#include "storage/open.h"

namespace cumulet::sqs {
namespace {

constexpr auto kStart = std::chrono::seconds(1'800'000'000);

class LiveQueueTest : public testing::Test {
 protected:
  LiveQueueTest() { restart(); }

  /// What a start after a crash sees: the store, and nothing else.
  void restart() {
    sqs_.reset();
    sqs_ = std::make_unique<Sqs>(*database_, clock_);
  }

  QueueName make(const std::string& name, QueueSettings settings = {}) {
    QueueName queue("000000000000", "eu-west-1", name);
    QueueRow row;
    row.name = name;
    row.id = ++last_id_;
    row.settings = std::move(settings);
    const auto write = [&](storage::Transaction& txn) -> Task<void> {
      txn.put(store::queue_key(queue), store::encode(row));
      co_return;
    };
    EXPECT_TRUE(run(storage::transact(*database_, write)).ok());
    sqs_->queues().changed(queue, &row);
    return queue;
  }

  std::shared_ptr<LiveQueue> live(const QueueName& name) { return *run(sqs_->queues().find(name)); }

  void send(const QueueName& name, const std::string& body, std::uint32_t delay = 0) {
    std::vector<Outgoing> messages(1);
    messages[0].content.id = body;
    messages[0].content.body = body;
    messages[0].delay_seconds = delay;
    EXPECT_TRUE(run(live(name)->send(std::move(messages))).ok());
  }

  std::vector<Received> receive(const QueueName& name, std::size_t count = 10) {
    ReceiveOptions options;
    options.count = count;
    Result<std::vector<Received>> received = run(live(name)->receive(options));
    EXPECT_TRUE(received.ok());
    return received.ok() ? *received : std::vector<Received>();
  }

  std::vector<std::string> bodies(const QueueName& name, std::size_t count = 10) {
    std::vector<std::string> found;
    for (const Received& one : receive(name, count)) found.push_back(one.content.body);
    return found;
  }

  using Bodies = std::vector<std::string>;
  std::unique_ptr<storage::Database> database_ = storage::open_memory();
  ManualClock clock_{Timestamp(kStart)};
  std::unique_ptr<Sqs> sqs_;
  std::uint64_t last_id_ = 0;
};

TEST_F(LiveQueueTest, AVisibilityTimeoutOutlivesAStart) {
  const QueueName queue = make("jobs");
  send(queue, "a");
  send(queue, "b");
  const std::vector<Received> first = receive(queue, 1);
  ASSERT_EQ(first.size(), 1u);
  restart();
  EXPECT_EQ(bodies(queue), Bodies{"b"});
  clock_.advance(std::chrono::seconds(29));
  EXPECT_TRUE(bodies(queue).empty());
  clock_.advance(std::chrono::seconds(2));
  const std::vector<Received> again = receive(queue);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].state.receives, 2u);
}

TEST_F(LiveQueueTest, WhatWasDeletedIsGoneAfterAStart) {
  const QueueName queue = make("jobs");
  send(queue, "a");
  const std::vector<Received> received = receive(queue);
  ASSERT_EQ(received.size(), 1u);
  std::vector<std::string> handles(1, received[0].handle);
  EXPECT_TRUE((*run(live(queue)->remove(handles)))[0].code.empty());
  restart();
  clock_.advance(std::chrono::hours(1));
  EXPECT_TRUE(bodies(queue).empty());
  // Once more is no error.
  EXPECT_TRUE((*run(live(queue)->remove(handles)))[0].code.empty());
}

TEST_F(LiveQueueTest, ADelayedMessageComesInItsTimeAlsoAfterAStart) {
  const QueueName queue = make("jobs");
  send(queue, "later", 60);
  restart();
  send(queue, "now");
  EXPECT_EQ(bodies(queue), Bodies{"now"});
  EXPECT_EQ(run(live(queue)->counts())->delayed, 1u);
  clock_.advance(std::chrono::seconds(59));
  send(queue, "then");
  EXPECT_EQ(bodies(queue, 1).size(), 1u);
  clock_.advance(std::chrono::seconds(2));
  const Bodies rest = bodies(queue);
  EXPECT_NE(std::find(rest.begin(), rest.end(), "later"), rest.end());
}

TEST_F(LiveQueueTest, ALongBacklogIsCountedAndComesWholeAfterAStart) {
  const QueueName queue = make("jobs");
  for (int i = 0; i < 2'500; ++i) send(queue, std::to_string(i));
  restart();
  EXPECT_EQ(run(live(queue)->counts())->visible, 2'500u);
  std::set<std::string> seen;
  for (int i = 0; i < 250; ++i) {
    for (const std::string& body : bodies(queue)) EXPECT_TRUE(seen.insert(body).second) << body;
  }
  EXPECT_EQ(seen.size(), 2'500u);
  const QueueIndex::Counts counts = *run(live(queue)->counts());
  EXPECT_EQ(counts.visible, 0u);
  EXPECT_EQ(counts.not_visible, 2'500u);
}

TEST_F(LiveQueueTest, ADeadLetterIsMovedInOnePiece) {
  const QueueName dead = make("dead");
  QueueSettings settings;
  settings.redrive = RedrivePolicy{dead.arn(), 1};
  const QueueName queue = make("jobs", settings);
  send(queue, "poison");
  EXPECT_EQ(bodies(queue), Bodies{"poison"});
  clock_.advance(std::chrono::seconds(31));
  EXPECT_TRUE(bodies(queue).empty());
  restart();
  const std::vector<Received> letters = receive(dead);
  ASSERT_EQ(letters.size(), 1u);
  EXPECT_EQ(letters[0].content.id, "poison");
  EXPECT_EQ(letters[0].content.dead_letter_source, queue.arn());
  EXPECT_TRUE(bodies(queue).empty());
}

TEST_F(LiveQueueTest, AnEventBecomesAMessage) {
  const QueueName queue = make("jobs");
  events::Event event;
  event.account = "000000000000";
  event.target_arn = queue.arn();
  event.source_arn = "arn:aws:sns:eu-west-1:000000000000:news";
  event.payload = "hello";
  event.attributes["RequestID"] = "r";
  event.attributes["ErrorCode#Number"] = "200";
  event.attributes["@AWSTraceHeader"] = "Root=1";
  EXPECT_EQ(run(sqs_->deliver(event))->kind, events::Outcome::Kind::kDelivered);
  const std::vector<Received> received = receive(queue);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_EQ(received[0].content.body, "hello");
  EXPECT_EQ(received[0].content.attributes.at("RequestID").data_type, "String");
  EXPECT_EQ(received[0].content.attributes.at("ErrorCode").data_type, "Number");
  EXPECT_EQ(received[0].content.trace_header, "Root=1");
  EXPECT_EQ(received[0].content.sender_id, "sns.amazonaws.com");
  // Another account's needs the policy.
  event.account = "111111111111";
  EXPECT_EQ(run(sqs_->deliver(event))->kind, events::Outcome::Kind::kDropped);
  event.target_arn += "-gone";
  EXPECT_EQ(run(sqs_->deliver(event))->kind, events::Outcome::Kind::kDropped);
}

TEST_F(LiveQueueTest, RetentionErasesWhatNobodyReceived) {
  QueueSettings settings;
  settings.retention_seconds = 60;
  const QueueName queue = make("jobs", settings);
  send(queue, "a");
  clock_.advance(std::chrono::seconds(61));
  EXPECT_TRUE(run(live(queue)->expire()).ok());
  EXPECT_EQ(run(live(queue)->counts())->visible, 0u);
  restart();
  EXPECT_EQ(run(live(queue)->counts())->visible, 0u);
}

TEST_F(LiveQueueTest, APurgeOutlivesAStart) {
  const QueueName queue = make("jobs");
  send(queue, "a");
  send(queue, "b", 60);
  EXPECT_TRUE(run(live(queue)->purge()).ok());
  send(queue, "c");
  restart();
  clock_.advance(std::chrono::seconds(61));
  EXPECT_EQ(bodies(queue), Bodies{"c"});
}

}  // namespace
}  // namespace cumulet::sqs
