#include <gmock/gmock.h>

#include "tests/unit/lambda/lambda_fixture.h"

namespace cumulet::lambda {
namespace {

class ProvisionedTest : public LambdaTest {
 protected:
  void SetUp() override {
    create("f");
    publish();
    alias("live", "1");
  }
  void publish() {
    api::PublishVersionRequest input;
    input.function_name = "f";
    EXPECT_TRUE(call<api::PublishVersion>(input).ok());
  }
  void alias(const std::string& name, const std::string& version) {
    api::CreateAliasRequest input;
    input.function_name = "f";
    input.name = name;
    input.function_version = version;
    EXPECT_TRUE(call<api::CreateAlias>(input).ok());
  }
  Result<api::PutProvisionedConcurrencyConfigResponse> put(const std::string& qualifier, std::int32_t count) {
    api::PutProvisionedConcurrencyConfigRequest input;
    input.function_name = "f";
    input.qualifier = qualifier;
    input.provisioned_concurrent_executions = count;
    return call<api::PutProvisionedConcurrencyConfig>(input);
  }
  Result<api::GetProvisionedConcurrencyConfigResponse> get(const std::string& qualifier) {
    api::GetProvisionedConcurrencyConfigRequest input;
    input.function_name = "f";
    input.qualifier = qualifier;
    return call<api::GetProvisionedConcurrencyConfig>(input);
  }
};

TEST_F(ProvisionedTest, StatusFollowsTheEngine) {
  engine.most_ready = 1;
  const auto made = put("live", 3);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->status, "IN_PROGRESS");
  EXPECT_EQ(made->allocated_provisioned_concurrent_executions, 1);
  engine.most_ready = 3;
  EXPECT_EQ(get("live")->status, "READY");
  EXPECT_EQ(get("live")->available_provisioned_concurrent_executions, 3);
  EXPECT_THAT(engine.provisions, testing::SizeIs(1));
}

TEST_F(ProvisionedTest, CallsThroughTheAliasUseWhatIsHeldForIt) {
  ASSERT_TRUE(put("live", 1).ok());
  ASSERT_TRUE(invoke("f:live").ok());
  EXPECT_TRUE(engine.provisions.contains(engine.versions.back()->key));
  ASSERT_TRUE(invoke("f:1").ok());
  EXPECT_FALSE(engine.provisions.contains(engine.versions.back()->key));
}

TEST_F(ProvisionedTest, IsRestoredByARestartAndMovesWithTheAlias) {
  ASSERT_TRUE(put("live", 2).ok());
  const std::string before = engine.provisions.begin()->first;
  engine.provisions.clear();
  restart();
  EXPECT_EQ(get("live")->status, "IN_PROGRESS");
  api::UpdateFunctionConfigurationRequest change;
  change.function_name = "f";
  change.timeout = 9;
  ASSERT_TRUE(call<api::UpdateFunctionConfiguration>(change).ok());
  publish();
  api::UpdateAliasRequest move;
  move.function_name = "f";
  move.name = "live";
  move.function_version = "2";
  ASSERT_TRUE(call<api::UpdateAlias>(move).ok());
  ASSERT_THAT(engine.provisions, testing::SizeIs(1));
  EXPECT_NE(engine.provisions.begin()->first, before);
  EXPECT_EQ(get("live")->status, "READY");
}

TEST_F(ProvisionedTest, GoesWithItsAliasAndItsFunction) {
  ASSERT_TRUE(put("live", 2).ok());
  api::DeleteAliasRequest erase;
  erase.function_name = "f";
  erase.name = "live";
  ASSERT_TRUE(call<api::DeleteAlias>(erase).ok());
  EXPECT_THAT(engine.provisions, testing::IsEmpty());
  ASSERT_TRUE(put("1", 2).ok());
  api::DeleteFunctionRequest all;
  all.function_name = "f";
  ASSERT_TRUE(call<api::DeleteFunction>(all).ok());
  EXPECT_THAT(engine.provisions, testing::IsEmpty());
}

TEST_F(ProvisionedTest, LatestAndOverlapsAreRefused) {
  EXPECT_CODE(put("$LATEST", 1), "InvalidParameterValueException");
  EXPECT_CODE(put("nobody", 1), "ResourceNotFoundException");
  EXPECT_CODE(get("live"), "ProvisionedConcurrencyConfigNotFoundException");
  ASSERT_TRUE(put("live", 1).ok());
  EXPECT_CODE(put("1", 1), "ResourceConflictException");
}

TEST_F(ProvisionedTest, ComesOutOfTheAccountsConcurrency) {
  EXPECT_CODE(put("live", 1001), "InvalidParameterValueException");
  EXPECT_CODE(put("live", 901), "InvalidParameterValueException");
  ASSERT_TRUE(put("live", 900).ok());
  ASSERT_TRUE(put("live", 890).ok());
  api::PutFunctionConcurrencyRequest reserve;
  reserve.function_name = "f";
  reserve.reserved_concurrent_executions = 889;
  EXPECT_CODE(call<api::PutFunctionConcurrency>(reserve), "InvalidParameterValueException");
  reserve.reserved_concurrent_executions = 900;
  ASSERT_TRUE(call<api::PutFunctionConcurrency>(reserve).ok());
  EXPECT_CODE(put("live", 901), "InvalidParameterValueException");
  const auto settings = call<api::GetAccountSettings>(api::GetAccountSettingsRequest());
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->account_limit->unreserved_concurrent_executions, 100);
}

}  // namespace
}  // namespace cumulet::lambda
