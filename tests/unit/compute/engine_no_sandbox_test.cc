#include <atomic>
#include <memory>

#include <gtest/gtest.h>

#include "tests/unit/compute/engine_fixture.h"

namespace cumulet::compute {
namespace {

/// Its first sandboxes cannot be started.
class BusySubstrate final : public Substrate {
 public:
  explicit BusySubstrate(int failures) : failures_(failures) {}

  Task<std::unique_ptr<Sandbox>> start(SandboxSpec spec) override {
    if (failures_-- > 0) co_return Error("Sandbox.Failure", 500, "the sandbox did not start");
    co_return co_await real_->start(std::move(spec));
  }

 private:
  std::unique_ptr<Substrate> real_ = make_test_substrate();
  std::atomic<int> failures_;
};

constexpr const char* kHello = "def handler(event, context):\n    return 'hello'\n";

TEST(EngineNoSandboxTest, ASandboxThatDoesNotStartIsTriedAgain) {
  EngineFixture engine(std::make_unique<BusySubstrate>(2));
  EXPECT_EQ(engine.invoke(engine.python(kHello)).payload, "\"hello\"");
}

TEST(EngineNoSandboxTest, WhenNoneStartsTheCallerHearsOfIt) {
  EngineFixture engine(std::make_unique<BusySubstrate>(1000));
  const Result<InvocationResult> result = engine.begin(engine.python(kHello)).get();
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), "ServiceException");
  EXPECT_NE(result.error().message().find("the sandbox did not start"), std::string::npos);
}

}  // namespace
}  // namespace cumulet::compute
