#include <thread>

#include "tests/unit/compute/engine_fixture.h"

namespace cumulet::compute {
namespace {

constexpr std::chrono::seconds kPatience{60};

EngineOptions short_lived() {
  EngineOptions options;
  options.idle_time = std::chrono::seconds(1);
  options.snapshot_time = std::chrono::seconds(1);
  return options;
}

/// A version with SnapStart that says how often its module has been loaded and restored.
std::shared_ptr<FunctionVersion> snapshotted(EngineFixture& engines, const std::string& hook = "pass") {
  const auto version = engines.python(
      "from snapshot_restore_py import register_after_restore\nrestores = 0\n"
      "@register_after_restore\ndef restored():\n    global restores\n    restores += 1\n    " +
      hook + "\ndef handler(e, c):\n    return restores\n");
  version->runtime = "python3.12";
  version->version = "1";
  version->initialization_type = "snap-start";
  version->timeout_seconds = 20;
  return version;
}

Result<SnapshotResult> make(EngineFixture& engines, std::shared_ptr<FunctionVersion> version) {
  auto promise = std::make_shared<std::promise<Result<SnapshotResult>>>();
  engines.loop(0).post([&engines, version, promise] {
    start(engines.engine().make_snapshot(version),
          [promise](Result<SnapshotResult> result) { promise->set_value(std::move(result)); });
  });
  return promise->get_future().get();
}

bool comes_to(EngineFixture& engines, const std::string& key, std::uint32_t ready) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (engines.engine().provisioned(key).ready != ready && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return engines.engine().provisioned(key).ready == ready;
}

TEST(SnapshotEngineTest, IsRestoredOnceAndFollowedByAnother) {
  EngineFixture engines(make_test_substrate());
  const auto version = snapshotted(engines);
  const Result<SnapshotResult> made = make(engines, version);
  ASSERT_TRUE(made.ok());
  EXPECT_TRUE(made->made) << made->document;
  const InvocationResult first = engines.invoke(version);
  EXPECT_EQ(first.payload, "1");
  EXPECT_EQ(first.init_ms, 0);
  EXPECT_GT(first.restore_ms, 0);
  const InvocationResult warm = engines.invoke(version, "{}", 1);
  EXPECT_EQ(warm.payload, "1");
  EXPECT_EQ(warm.restore_ms, 0);
  EXPECT_TRUE(comes_to(engines, version->key, 1));
}

TEST(SnapshotEngineTest, OneThatIsNotThereIsMadeForTheCall) {
  EngineFixture engines(make_test_substrate());
  const auto version = snapshotted(engines);
  const InvocationResult result = engines.invoke(version);
  EXPECT_EQ(result.payload, "1");
  EXPECT_GT(result.restore_ms, 0);
  EXPECT_TRUE(comes_to(engines, version->key, 1));
}

TEST(SnapshotEngineTest, GoesWhenNobodyCallsAndComesAgain) {
  EngineFixture engines(make_test_substrate(), short_lived());
  const auto version = snapshotted(engines);
  ASSERT_TRUE(make(engines, version).ok());
  EXPECT_TRUE(comes_to(engines, version->key, 0));
  EXPECT_EQ(engines.invoke(version).payload, "1");
}

TEST(SnapshotEngineTest, SeveralAreKeptForVersionsThatAreCalledAtOnce) {
  EngineFixture engines(make_test_substrate());
  const auto version = engines.python("import time\ndef handler(e, c):\n    time.sleep(1)\n");
  version->initialization_type = "snap-start";
  version->timeout_seconds = 20;
  ASSERT_TRUE(make(engines, version).ok());
  std::vector<std::future<Result<InvocationResult>>> calls;
  for (int i = 0; i < 3; ++i) calls.push_back(engines.begin(version));
  for (auto& call : calls) EXPECT_TRUE(call.get().ok());
  EXPECT_TRUE(comes_to(engines, version->key, 3));
}

TEST(SnapshotEngineTest, FunctionThatDoesNotInitialiseIsSaid) {
  EngineFixture engines(make_test_substrate());
  const auto version = engines.python("import no_such_module\n");
  version->initialization_type = "snap-start";
  const Result<SnapshotResult> made = make(engines, version);
  ASSERT_TRUE(made.ok());
  EXPECT_FALSE(made->made);
  EXPECT_EQ(made->error_type, "Runtime.ImportModuleError");
  EXPECT_EQ(engines.engine().provisioned(version->key).ready, 0u);
}

TEST(SnapshotEngineTest, HookThatExitsIsTheCallersError) {
  EngineFixture engines(make_test_substrate());
  const auto version = snapshotted(engines, "import os; os._exit(3)");
  ASSERT_TRUE(make(engines, version).ok());
  const Result<InvocationResult> result = engines.begin(version).get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), "SnapStartException");
  EXPECT_NE(engines.wait_for_log("RESTORE_REPORT").find("Runtime.ExitError"), std::string::npos);
}

}  // namespace
}  // namespace cumulet::compute
