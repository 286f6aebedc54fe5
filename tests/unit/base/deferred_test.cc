#include "base/deferred.h"

#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "base/run.h"
#include "base/thread_pool.h"

namespace cumulet {
namespace {

using std::chrono::steady_clock;

constexpr ErrorKind kLate{"Late", 504};

Task<std::string> wait_until(Deferred<std::string> answer, SteadyTime deadline) {
  std::string text = co_await answer.wait_until(deadline, Error(kLate, "too late"));
  co_return text;
}

TEST(DeferredTest, AnAnswerFromAnotherThreadResumesTheTaskOnItsLoop) {
  const Deferred<std::string> answer;
  std::thread other([answer] { answer.resolve(std::string("here")); });
  EXPECT_EQ(*run(answer.wait()), "here");
  other.join();
}

TEST(DeferredTest, AnAnswerBeforeTheWaitIsKept) {
  const Deferred<std::string> answer;
  EXPECT_TRUE(answer.resolve(std::string("early")));
  EXPECT_TRUE(answer.resolved());
  EXPECT_EQ(*run(wait_until(answer, steady_clock::now())), "early");
}

TEST(DeferredTest, TheFirstResolutionWins) {
  const Deferred<std::string> answer;
  EXPECT_TRUE(answer.resolve(std::string("first")));
  EXPECT_FALSE(answer.resolve(std::string("second")));
  EXPECT_EQ(*run(answer.wait()), "first");
}

TEST(DeferredTest, WithoutAnAnswerTheDeadlineGivesItsError) {
  const Deferred<std::string> answer;
  const Result<std::string> result = run(wait_until(answer, steady_clock::now() + milliseconds(5)));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), "Late");
  EXPECT_FALSE(answer.resolve(std::string("after that"))) << "the late answer is ignored";
}

TEST(DeferredTest, AnAnswerBeatsALaterDeadlineAndCancelsItsTimer) {
  const Deferred<std::string> answer;
  LocalLoop loop;
  std::thread other([answer] { answer.resolve(std::string("in time")); });
  EXPECT_EQ(*loop.run(wait_until(answer, steady_clock::now() + seconds(60))), "in time");
  other.join();
}

TEST(DeferredTest, RacesOfAnswerAndDeadlineEndOnce) {
  LocalLoop loop;
  for (int i = 0; i < 200; ++i) {
    const Deferred<std::string> answer;
    const SteadyTime deadline = steady_clock::now() + std::chrono::microseconds(100);
    std::thread other([answer, deadline] {
      std::this_thread::sleep_until(deadline);
      answer.resolve(std::string("photo finish"));
    });
    const Result<std::string> result = loop.run(wait_until(answer, deadline));
    EXPECT_TRUE(result.ok() ? *result == "photo finish" : result.error().code() == "Late");
    other.join();
  }
}

TEST(DeferredTest, TheWaitingTaskOutlivesTheDeferredItWasMadeFrom) {
  Task<std::string> wait = [] {
    const Deferred<std::string> answer;
    answer.resolve(std::string("kept"));
    return answer.wait();
  }();
  EXPECT_EQ(*run(std::move(wait)), "kept");
}

TEST(DeferredTest, AVoidAnswerCanBeAnError) {
  const Deferred<void> done;
  done.resolve(Error(kLate, "no"));
  EXPECT_EQ(run(done.wait()).error().message(), "no");
}

Task<std::thread::id> thread_of(ThreadPool& pool) {
  const std::thread::id there = co_await blocking(pool, [] { return std::this_thread::get_id(); });
  co_return there;
}

TEST(BlockingTest, WorkRunsOnThePoolAndTheTaskComesBack) {
  ThreadPool pool(2);
  EXPECT_NE(*run(thread_of(pool)), std::this_thread::get_id());
}

Task<int> blocking_error(ThreadPool& pool) {
  co_return co_await blocking(pool, []() -> Result<int> { return Error(kLate, "from the pool"); });
}
Task<void> blocking_throws(ThreadPool& pool) {
  co_await blocking(pool, [] { throw std::runtime_error("boom"); });
}

TEST(BlockingTest, ErrorsAndExceptionsComeBackAsErrors) {
  ThreadPool pool(1);
  EXPECT_EQ(run(blocking_error(pool)).error().message(), "from the pool");
  EXPECT_TRUE(run(blocking_throws(pool)).error().is(errors::kInternalFailure));
}

TEST(BlockingTest, ThePoolRunsWhatIsQueuedBeforeItEnds) {
  std::atomic<int> ran = 0;
  {
    ThreadPool pool(2);
    for (int i = 0; i < 100; ++i) pool.submit([&ran] { ++ran; });
  }
  EXPECT_EQ(ran, 100);
}

Task<int> sleeps(std::vector<int>& order, int me, milliseconds duration) {
  co_await sleep_for(duration);
  order.push_back(me);
  co_return me;
}

TEST(LoopTest, TimersFireInTheOrderOfTheirTimes) {
  LocalLoop loop;
  std::vector<int> order;
  int ended = 0;
  start(sleeps(order, 2, milliseconds(4)), [&](Result<int>) { ++ended; });
  start(sleeps(order, 1, milliseconds(1)), [&](Result<int>) { ++ended; });
  ASSERT_TRUE(loop.run(sleeps(order, 3, milliseconds(8))).ok());
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(ended, 2);
}

TEST(LoopTest, ACancelledTimerDoesNotFire) {
  LocalLoop loop;
  bool fired = false;
  loop.cancel(loop.at(steady_clock::now(), [&] { fired = true; }));
  std::vector<int> order;
  ASSERT_TRUE(loop.run(sleeps(order, 1, milliseconds(2))).ok());
  EXPECT_FALSE(fired);
}

TEST(LoopTest, NestedLoopsRestoreTheOuterOne) {
  EXPECT_EQ(Loop::current(), nullptr);
  LocalLoop outer;
  {
    LocalLoop inner;
    EXPECT_EQ(Loop::current(), &inner);
  }
  EXPECT_EQ(Loop::current(), &outer);
}

}  // namespace
}  // namespace cumulet
