#include "events/outbox.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "base/run.h"
#include "base/thread_pool.h"
#include "events/outbox_record.h"
#include "storage/key.h"
#include "storage/open.h"
#include "tests/unit/storage/temp_directory.h"

namespace cumulet::events {
namespace {

using std::chrono::minutes;

constexpr Timestamp kStart{std::chrono::seconds(1'800'000'000)};
const std::string kArn = "arn:aws:lambda:us-east-1:123456789012:function:";

Error late() { return Error(errors::kRequestTimeout, "nothing happened for too long"); }
SteadyTime soon() { return std::chrono::steady_clock::now() + seconds(20); }

/// Notes what it is given, answers as told, and lets the test wait for a number of deliveries.
class FakeTarget final : public Target {
 public:
  Task<Outcome> deliver(const Event& event) override {
    events.push_back(event);
    under_way[event.target_arn] += 1;
    most_under_way = std::max(most_under_way, under_way[event.target_arn]);
    if (events.size() == awaited) reached.resolve(true);
    if (event.target_arn == slow_arn) {
      held.emplace_back();
      const Deferred<bool> release = held.back();
      co_await release.wait_until(soon(), late());
    }
    under_way[event.target_arn] -= 1;
    if (next_answers.empty()) co_return Outcome::delivered();
    Result<Outcome> answer = next_answers.front();
    next_answers.erase(next_answers.begin());
    co_return co_await std::move(answer);
  }
  Task<bool> until(std::size_t count) {
    if (events.size() >= count) co_return true;
    awaited = count;
    reached = Deferred<bool>();
    co_return co_await reached.wait_until(soon(), late());
  }
  std::size_t count(const std::string& arn) const {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [&](const Event& event) { return event.target_arn == arn; }));
  }

  /// Result has no copies; an answer is made when it is asked for.
  struct Answer {
    explicit Answer(Outcome o) : outcome(std::move(o)) {}
    explicit Answer(Error e) : error(std::move(e)) {}
    std::optional<Outcome> outcome;
    std::optional<Error> error;
    operator Result<Outcome>() const {  // NOLINT(google-explicit-constructor)
      if (error) return *error;
      return *outcome;
    }
  };

  std::vector<Event> events;
  std::vector<Answer> next_answers;
  std::string slow_arn;
  std::vector<Deferred<bool>> held;
  std::map<std::string, int> under_way;
  int most_under_way = 0;
  std::size_t awaited = 0;
  Deferred<bool> reached;
};

class OutboxTest : public testing::Test {
 protected:
  OutboxTest() : clock_(kStart), pool_(2), database_(storage::open_memory()) { open(); }
  ~OutboxTest() override { drain(); }

  void open() {
    outbox_ = make_outbox(*database_, clock_);
    outbox_->register_target("lambda", target_);
  }
  /// As main does it: another thread waits while the loop runs on.
  void drain() {
    if (!outbox_) return;
    Deferred<bool> drained;
    std::thread waiter([&] {
      outbox_->drain(soon());
      drained.resolve(true);
    });
    EXPECT_TRUE(loop_.run(drained.wait_until(soon(), late())).ok());
    waiter.join();
  }
  void record(const std::string& function, const std::string& payload, int times = 1) {
    const std::unique_ptr<storage::Transaction> transaction = database_->begin();
    for (int i = 0; i < times; ++i) {
      Event event;
      event.account = "123456789012";
      event.region = "us-east-1";
      event.target_arn = kArn + function;
      event.source_arn = "arn:aws:s3:::bucket";
      event.payload = payload;
      event.attributes["n"] = std::to_string(i);
      outbox_->record(*transaction, std::move(event));
    }
    ASSERT_TRUE(loop_.run(transaction->commit()).ok());
  }
  void expect_delivered(std::size_t count) {
    ASSERT_TRUE(loop_.run(target_.until(count)).ok()) << target_.events.size();
  }

  std::size_t left_in_store() {
    const std::unique_ptr<storage::Transaction> transaction = database_->begin();
    const std::string prefix = outbox_prefix();
    storage::ScanOptions all;
    all.limit = 100'000;
    const Result<std::vector<storage::KeyValue>> rows =
        loop_.run(transaction->scan(storage::KeyRange(prefix, storage::after_prefix(prefix)), all));
    return rows.value().size();
  }
  Task<bool> until_store_holds(std::size_t count) {
    const SteadyTime deadline = soon();
    const std::string prefix = outbox_prefix();
    while (std::chrono::steady_clock::now() < deadline) {
      const std::unique_ptr<storage::Transaction> transaction = database_->begin();
      const std::vector<storage::KeyValue> rows =
          co_await transaction->scan(storage::KeyRange(prefix, storage::after_prefix(prefix)));
      if (rows.size() == count) co_return true;
      co_await sleep_for(milliseconds(1));
    }
    co_return false;
  }

  ManualClock clock_;
  SystemClock system_clock_;
  storage::TempDirectory directory_;
  ThreadPool pool_;
  LocalLoop loop_;
  FakeTarget target_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<Outbox> outbox_;
};

TEST_F(OutboxTest, RecordedEventArrivesWholeAndLeavesTheStore) {
  outbox_->start(loop_);
  record("resize", "{\"key\":1}");
  expect_delivered(1);
  const Event& event = target_.events.front();
  EXPECT_EQ(event.id.size(), 36u);
  EXPECT_EQ(event.account, "123456789012");
  EXPECT_EQ(event.region, "us-east-1");
  EXPECT_EQ(event.target_arn, kArn + "resize");
  EXPECT_EQ(event.source_arn, "arn:aws:s3:::bucket");
  EXPECT_EQ(event.payload, "{\"key\":1}");
  EXPECT_EQ(event.attributes.at("n"), "0");
  EXPECT_EQ(event.attempt, 0u);
  EXPECT_EQ(event.recorded, kStart);
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
}

TEST_F(OutboxTest, EventOfADroppedTransactionNeverHappened) {
  outbox_->start(loop_);
  {
    const std::unique_ptr<storage::Transaction> transaction = database_->begin();
    Event event;
    event.target_arn = kArn + "f";
    outbox_->record(*transaction, event);
  }
  record("g", "");
  expect_delivered(1);
  EXPECT_EQ(target_.events.front().target_arn, kArn + "g");
}

TEST_F(OutboxTest, EventsFromBeforeTheStartAreDelivered) {
  record("a", "1", 3);
  record("b", "2", 2);
  outbox_->start(loop_);
  expect_delivered(5);
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
}

TEST_F(OutboxTest, RetryWaitsForItsTimeAndKeepsTheIdAndTheTargetsNotes) {
  Outcome again = Outcome::retry(minutes(1), "throttled");
  again.notes["@Failures"] = "1";
  target_.next_answers.emplace_back(again);
  outbox_->start(loop_);
  record("f", "");
  expect_delivered(1);
  EXPECT_TRUE(loop_.run(until_store_holds(1)).value());
  clock_.advance(seconds(59));
  outbox_->clock_moved();
  record("other", "");
  expect_delivered(2);
  EXPECT_EQ(target_.count(kArn + "f"), 1u);
  clock_.advance(seconds(1));
  outbox_->clock_moved();
  expect_delivered(3);
  EXPECT_EQ(target_.events[2].id, target_.events[0].id);
  EXPECT_EQ(target_.events[2].attempt, 1u);
  EXPECT_EQ(target_.events[2].attributes["@Failures"], "1");
  EXPECT_EQ(target_.events[2].recorded, kStart);
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
}

TEST_F(OutboxTest, RetryFallsDueByItselfAsTimePasses) {
  outbox_ = make_outbox(*database_, system_clock_);
  outbox_->register_target("lambda", target_);
  target_.next_answers.emplace_back(Outcome::retry(milliseconds(30), "throttled"));
  outbox_->start(loop_);
  record("f", "");
  expect_delivered(2);
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
}

TEST_F(OutboxTest, FailingTargetIsTriedAgainUntilTheEventIsOld) {
  target_.next_answers.emplace_back(Error(errors::kInternalFailure, "bug"));
  target_.next_answers.emplace_back(Error(errors::kInternalFailure, "bug"));
  outbox_->start(loop_);
  record("f", "");
  expect_delivered(1);
  EXPECT_TRUE(loop_.run(until_store_holds(1)).value());
  clock_.advance(std::chrono::hours(7));
  outbox_->clock_moved();
  expect_delivered(2);
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
}

TEST_F(OutboxTest, DroppedAndUnknownTargetsLeaveTheStore) {
  target_.next_answers.emplace_back(Outcome::dropped("function deleted"));
  outbox_->start(loop_);
  record("f", "");
  expect_delivered(1);
  const std::unique_ptr<storage::Transaction> transaction = database_->begin();
  for (const std::string arn : {"arn:aws:sqs:us-east-1:123456789012:q", "not an arn", ""}) {
    Event event;
    event.target_arn = arn;
    outbox_->record(*transaction, event);
  }
  ASSERT_TRUE(loop_.run(transaction->commit()).ok());
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
  EXPECT_EQ(target_.events.size(), 1u);
}

TEST_F(OutboxTest, SlowTargetIsBoundedAndDoesNotHoldOthersUp) {
  target_.slow_arn = kArn + "slow";
  record("slow", "", 500);
  outbox_->start(loop_);
  expect_delivered(64);
  record("quick", "", 100);
  expect_delivered(164);
  EXPECT_EQ(target_.count(kArn + "slow"), 64u);
  EXPECT_EQ(target_.count(kArn + "quick"), 100u);
  target_.slow_arn.clear();
  for (const Deferred<bool>& release : target_.held) release.resolve(true);
  expect_delivered(600);
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
  EXPECT_LE(target_.most_under_way, 64);
}

TEST_F(OutboxTest, LateCommitOfAnEarlierEventIsDelivered) {
  outbox_->start(loop_);
  const std::unique_ptr<storage::Transaction> late = database_->begin();
  Event event;
  event.target_arn = kArn + "f";
  event.payload = "late";
  outbox_->record(*late, event);
  clock_.advance(seconds(1));
  target_.slow_arn = kArn + "f";
  record("f", "before");
  expect_delivered(1);
  ASSERT_TRUE(loop_.run(late->commit()).ok());
  expect_delivered(2);
  EXPECT_EQ(target_.events.back().payload, "late");
  for (const Deferred<bool>& release : target_.held) release.resolve(true);
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
}

TEST_F(OutboxTest, LargeEventsAreAllDelivered) {
  record("f", std::string(1u << 20, 'x'), 20);  // More than one look reads.
  outbox_->start(loop_);
  expect_delivered(20);
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
}

TEST_F(OutboxTest, DrainEndsWhatIsUnderWayAndKeepsTheRest) {
  record("f", "", 300);
  outbox_->start(loop_);
  expect_delivered(1);
  drain();
  EXPECT_EQ(target_.events.size() + left_in_store(), 300u);
}

TEST_F(OutboxTest, EventsOutliveARestart) {
  drain();
  outbox_.reset();
  Result<std::unique_ptr<storage::Database>> opened = storage::open_rocksdb(directory_.path() / "db", pool_);
  ASSERT_TRUE(opened.ok());
  database_ = std::move(opened).value();
  open();
  target_.next_answers.emplace_back(Outcome::retry(minutes(5), "busy"));
  outbox_->start(loop_);
  record("f", "kept");
  expect_delivered(1);
  EXPECT_TRUE(loop_.run(until_store_holds(1)).value());
  drain();
  record("g", "also kept");  // Recorded while nothing is delivered any more.

  outbox_.reset();
  database_.reset();
  opened = storage::open_rocksdb(directory_.path() / "db", pool_);
  ASSERT_TRUE(opened.ok());
  database_ = std::move(opened).value();
  open();
  outbox_->start(loop_);
  expect_delivered(2);
  EXPECT_EQ(target_.events[1].payload, "also kept");
  clock_.advance(minutes(5));
  outbox_->clock_moved();
  expect_delivered(3);
  EXPECT_EQ(target_.events[2].payload, "kept");
  EXPECT_EQ(target_.events[2].attempt, 1u);
  EXPECT_TRUE(loop_.run(until_store_holds(0)).value());
}

TEST(OutboxRecordTest, DamagedKeysAndRowsAreRecognised) {
  EXPECT_FALSE(parse_record_key("").has_value());
  EXPECT_FALSE(parse_record_key(outbox_prefix()).has_value());
  EXPECT_FALSE(parse_record_key(lane_prefix("a")).has_value());
  const std::optional<RecordKey> key = parse_record_key(record_key(Event(), kStart));
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->due, kStart);
  EXPECT_FALSE(parse_record(*key, "\xFF\xFF").has_value());
}

}  // namespace
}  // namespace cumulet::events
