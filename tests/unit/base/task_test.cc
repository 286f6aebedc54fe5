#include "base/task.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/metrics.h"
#include "base/run.h"

namespace cumulet {
namespace {

constexpr ErrorKind kBroken{"Broken", 418};

/// Writes down when it goes.
struct Trace {
  Trace(std::vector<std::string>& l, std::string n) : log(&l), name(std::move(n)) {}
  ~Trace() { log->push_back(name); }
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;
  std::vector<std::string>* log;
  std::string name;
};

Task<int> number(int value) { co_return value; }
Task<int> broken(std::string message) { co_return Error(kBroken, message); }
Task<std::unique_ptr<int>> owned(int value) { co_return std::make_unique<int>(value); }

Task<int> middle(std::vector<std::string>& log, bool fails) {
  const Trace outer(log, "middle");
  const int value = fails ? co_await broken("deep down") : co_await number(20);
  log.push_back("middle went on");
  co_return value + 1;
}

Task<int> top(std::vector<std::string>& log, bool fails) {
  const Trace outer(log, "top");
  const int value = co_await middle(log, fails);
  log.push_back("top went on");
  co_return value * 2;
}

TEST(TaskTest, ValuesComeBackThroughAwaitingTasks) {
  std::vector<std::string> log;
  const Result<int> result = run(top(log, false));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(*result, 42);
  EXPECT_EQ(log, (std::vector<std::string>{"middle went on", "middle", "top went on", "top"}));
}

TEST(TaskTest, AnErrorEndsEveryAwaitingTaskAndRunsTheirDestructors) {
  std::vector<std::string> log;
  const Result<int> result = run(top(log, true));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), "Broken");
  EXPECT_EQ(result.error().http_status(), 418);
  EXPECT_EQ(result.error().message(), "deep down");
  EXPECT_EQ(log, (std::vector<std::string>{"middle", "top"})) << "frames are destroyed from the inside out";
}

Task<std::string> looks(std::vector<std::string>& log) {
  const Result<int> result = co_await attempt(top(log, true));
  if (!result.ok()) co_return "seen: " + result.error().message();
  co_return "no error";
}

TEST(TaskTest, AttemptStopsAnErrorAndTheTaskGoesOn) {
  std::vector<std::string> log;
  EXPECT_EQ(*run(looks(log)), "seen: deep down");
  EXPECT_EQ(log.size(), 2u);
}

Task<void> fails_in_void(bool& reached) {
  co_await fail(kBroken, "nothing to return");
  reached = true;
}

TEST(TaskTest, FailEndsATaskWithoutAValue) {
  bool reached = false;
  const Result<void> result = run(fails_in_void(reached));
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message(), "nothing to return");
  EXPECT_FALSE(reached);
}

Result<int> plain(bool good) {
  if (good) return 5;
  return Error(kBroken, "plain code");
}

Task<int> unwraps(bool good) { co_return co_await plain(good) + 1; }

TEST(TaskTest, AwaitingAResultUnwrapsIt) {
  EXPECT_EQ(*run(unwraps(true)), 6);
  EXPECT_EQ(run(unwraps(false)).error().message(), "plain code");
}

Task<int> passes_on(Result<int> result) { co_return result; }

TEST(TaskTest, AResultCanBeReturnedAsItIs) {
  EXPECT_EQ(*run(passes_on(plain(true))), 5);
  EXPECT_EQ(run(passes_on(plain(false))).error().code(), "Broken");
}

Task<int> throws() {
  throw std::runtime_error("secret detail");
  co_return 1;
}

TEST(TaskTest, AnExceptionBecomesACountedInternalFailureWithoutItsText) {
  Counter& exceptions = Metrics::instance().counter("cumulet_exceptions_total");
  const std::uint64_t before = exceptions.value();
  const Result<int> result = run(throws());
  ASSERT_FALSE(result.ok());
  EXPECT_TRUE(result.error().is(errors::kInternalFailure));
  EXPECT_EQ(result.error().message().find("secret"), std::string::npos);
  EXPECT_EQ(exceptions.value(), before + 1);
}

TEST(TaskTest, ErrorsKeepTheirFieldsOnTheWayUp) {
  struct Body {
    static Task<int> inner() { co_return Error(kBroken, "m").with("BucketName", "b").with_json("Item", "{}"); }
    static Task<int> outer() { co_return co_await inner(); }
  };
  const Result<int> result = run(Body::outer());
  ASSERT_EQ(result.error().fields().size(), 2u);
  EXPECT_EQ(result.error().fields()[0].value, "b");
  EXPECT_TRUE(result.error().fields()[1].raw);
}

TEST(TaskTest, MoveOnlyValuesTravel) { EXPECT_EQ(**run(owned(9)), 9); }

TEST(TaskTest, ATaskThatIsNeverAwaitedNeverRuns) {
  std::vector<std::string> log;
  { const Task<int> task = top(log, false); }
  EXPECT_TRUE(log.empty());
}

Task<int> counts(int depth) {
  if (depth == 0) co_return 0;
  co_return 1 + co_await counts(depth - 1);
}

TEST(TaskTest, DeepChainsUnwind) { EXPECT_EQ(*run(counts(1000)), 1000); }

}  // namespace
}  // namespace cumulet
