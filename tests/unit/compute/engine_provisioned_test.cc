#include <thread>

#include "tests/unit/compute/engine_fixture.h"

namespace cumulet::compute {
namespace {

class ProvisionedEngineTest : public testing::Test {
 protected:
  /// Waits until so many are ready, or the function has failed to initialise.
  ProvisionState settled(const std::string& key, std::uint32_t ready) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    ProvisionState state;
    do {
      state = engines_.engine().provisioned(key);
      if (state.ready == ready || state.failed) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    } while (std::chrono::steady_clock::now() < deadline);
    return state;
  }
  std::shared_ptr<FunctionVersion> telling(const std::string& text = "") {
    const auto version = engines_.python(
        "import os\n" + text + "def handler(e, c):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n");
    version->timeout_seconds = 20;
    return version;
  }

  EngineFixture engines_{make_test_substrate()};
};

TEST_F(ProvisionedEngineTest, AreInitialisedBeforeTheyAreCalled) {
  const auto version = telling();
  engines_.engine().provision(version, 2);
  EXPECT_EQ(settled(version->key, 2).ready, 2u);
  const InvocationResult result = engines_.invoke(version);
  EXPECT_EQ(result.payload, "\"provisioned-concurrency\"");
  EXPECT_EQ(result.init_ms, 0);
  engines_.engine().provision(version, 1);
  EXPECT_EQ(settled(version->key, 1).ready, 1u);
  engines_.engine().retire(version->key);
  EXPECT_EQ(settled(version->key, 0).ready, 0u);
}

TEST_F(ProvisionedEngineTest, FunctionThatFailsToInitialiseIsSaid) {
  const auto version = telling("raise ValueError('never')\n");
  engines_.engine().provision(version, 1);
  const ProvisionState state = settled(version->key, 1);
  EXPECT_TRUE(state.failed);
  EXPECT_EQ(state.ready, 0u);
  EXPECT_EQ(engines_.invoke(version).function_error, "Unhandled");
}

TEST_F(ProvisionedEngineTest, OneThatDiesIsReplaced) {
  const auto version = engines_.python("import os\ndef handler(e, c):\n    os._exit(1)\n");
  engines_.engine().provision(version, 1);
  ASSERT_EQ(settled(version->key, 1).ready, 1u);
  EXPECT_EQ(engines_.invoke(version).function_error, "Unhandled");
  EXPECT_EQ(settled(version->key, 1).ready, 1u);
}

}  // namespace
}  // namespace cumulet::compute
