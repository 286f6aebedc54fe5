#include "tests/unit/lambda/lambda_fixture.h"

namespace cumulet::lambda {
namespace {

class TenancyTest : public LambdaTest {
 protected:
  void create_isolated(const std::string& name) {
    auto input = function(name);
    input.tenancy_config.emplace().tenant_isolation_mode = "PER_TENANT";
    const auto created = call<api::CreateFunction>(input);
    ASSERT_TRUE(created.ok()) << created.error().message();
    EXPECT_TRUE(created->tenancy_config.has_value());
  }
  Result<api::InvocationResponse> invoke_for(const std::string& name, const std::string& tenant,
                                             const std::string& type = "RequestResponse") {
    api::InvocationRequest input;
    input.function_name = name;
    input.payload = "{}";
    input.invocation_type = type;
    input.tenant_id = tenant;
    return call<api::Invoke>(input);
  }
};

TEST_F(TenancyTest, TenantsAreGivenIfAndOnlyIfTheyAreWanted) {
  create_isolated("isolated");
  create("shared");
  ASSERT_TRUE(invoke_for("isolated", "blue").ok());
  EXPECT_EQ(engine.invocations.back().tenant_id, "blue");
  EXPECT_TRUE(engine.versions.back()->tenant_isolated);
  EXPECT_CODE(invoke("isolated"), "InvalidParameterValueException");
  EXPECT_CODE(invoke("isolated", "{}", "Event"), "InvalidParameterValueException");
  EXPECT_CODE(invoke_for("shared", "blue"), "InvalidParameterValueException");
  EXPECT_EQ(invoke_for("isolated", "blue", "Event")->status_code, 202);
  ASSERT_EQ(outbox.recorded.size(), 1u);
  EXPECT_TRUE(cumulet::run(lambda->deliver(outbox.recorded.front())).ok());
  EXPECT_EQ(engine.invocations.back().tenant_id, "blue");
}

TEST_F(TenancyTest, WhatExcludesTenantsIsRefused) {
  create_isolated("f");
  api::CreateFunctionUrlConfigRequest url;
  url.function_name = "f";
  url.auth_type = "NONE";
  EXPECT_CODE(call<api::CreateFunctionUrlConfig>(url), "InvalidParameterValueException");
  api::UpdateFunctionConfigurationRequest update;
  update.function_name = "f";
  update.runtime = "python3.12";
  update.snap_start.emplace().apply_on = "PublishedVersions";
  EXPECT_CODE(call<api::UpdateFunctionConfiguration>(update), "InvalidParameterValueException");
  api::PublishVersionRequest publish;
  publish.function_name = "f";
  ASSERT_TRUE(call<api::PublishVersion>(publish).ok());
  api::PutProvisionedConcurrencyConfigRequest provisioned;
  provisioned.function_name = "f";
  provisioned.qualifier = "1";
  provisioned.provisioned_concurrent_executions = 1;
  EXPECT_CODE(call<api::PutProvisionedConcurrencyConfig>(provisioned), "InvalidParameterValueException");
}

TEST_F(LambdaTest, EgressFollowsTheTag) {
  const std::string arn = *create("f").function_arn;
  const auto has_egress = [&] {
    EXPECT_TRUE(invoke("f").ok());
    return engine.versions.back()->egress;
  };
  EXPECT_FALSE(has_egress());
  const std::string closed = engine.versions.back()->key;
  api::TagResourceRequest tag;
  tag.resource = arn;
  tag.tags["cumulet:egress"] = "internet";
  ASSERT_TRUE(call<api::TagResource>(tag).ok());
  EXPECT_TRUE(has_egress());
  EXPECT_NE(engine.versions.back()->key, closed);
  tag.tags["cumulet:egress"] = "everywhere";
  EXPECT_CODE(call<api::TagResource>(tag), "InvalidParameterValueException");
  tag.tags["cumulet:egress"] = "none";
  ASSERT_TRUE(call<api::TagResource>(tag).ok());
  EXPECT_FALSE(has_egress());
  EXPECT_FALSE(cumulet::lambda::has_egress(EgressRule::kNever, {{kEgressTag, "internet"}}));
  EXPECT_TRUE(cumulet::lambda::has_egress(EgressRule::kInternet, {}));
  EXPECT_FALSE(cumulet::lambda::has_egress(EgressRule::kInternet, {{kEgressTag, "none"}}));
}

TEST_F(LambdaTest, TheEngineIsToldWhatOthersHaveReserved) {
  create("f");
  create("g");
  ASSERT_TRUE(invoke("f").ok());
  EXPECT_EQ(engine.allowances.back().taken, 0);
  api::PutFunctionConcurrencyRequest put;
  put.function_name = "g";
  put.reserved_concurrent_executions = 40;
  ASSERT_TRUE(call<api::PutFunctionConcurrency>(put).ok());
  ASSERT_TRUE(invoke("f").ok());
  EXPECT_EQ(engine.allowances.back().taken, 40);
  ASSERT_TRUE(invoke("g").ok());
  EXPECT_EQ(engine.allowances.back().reserved, 40);
  api::DeleteFunctionRequest erase;
  erase.function_name = "g";
  ASSERT_TRUE(call<api::DeleteFunction>(erase).ok());
  ASSERT_TRUE(invoke("f").ok());
  EXPECT_EQ(engine.allowances.back().taken, 0);
}

}  // namespace
}  // namespace cumulet::lambda
