#include <gmock/gmock.h>

#include "base/digest.h"
#include "base/text.h"
#include "tests/unit/lambda/lambda_fixture.h"

namespace cumulet::lambda {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

TEST_F(LambdaTest, CreatedFunctionHasLambdasDefaults) {
  const auto c = create("f");
  EXPECT_EQ(c.function_arn, "arn:aws:lambda:us-east-1:000000000000:function:f");
  EXPECT_EQ(c.timeout, 3);
  EXPECT_EQ(c.memory_size, 128);
  EXPECT_EQ(c.version, "$LATEST");
  EXPECT_EQ(c.state, "Active");
  EXPECT_EQ(c.package_type, "Zip");
  EXPECT_EQ(c.code_sha256, base64_encode(sha256(*function("f").code.zip_file)));
  EXPECT_THAT(*c.last_modified, MatchesRegex("2026-11-[0-9T:]+[.]123[+]0000"));
  EXPECT_EQ(c.logging_config->log_group, "/aws/lambda/f");
}

TEST_F(LambdaTest, NamesAndArnsFindTheSameFunction) {
  create("f");
  for (const char* name :
       {"f", "f:$LATEST", "000000000000:function:f", "arn:aws:lambda:us-east-1:000000000000:function:f",
        "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"}) {
    api::GetFunctionConfigurationRequest input;
    input.function_name = name;
    EXPECT_TRUE(call<api::GetFunctionConfiguration>(input).ok()) << name;
  }
  api::GetFunctionConfigurationRequest input;
  input.function_name = "arn:aws:lambda:eu-west-1:000000000000:function:f";
  EXPECT_CODE(call<api::GetFunctionConfiguration>(input), "ResourceNotFoundException");
  input.function_name = "f:1";
  input.qualifier = "2";
  EXPECT_CODE(call<api::GetFunctionConfiguration>(input), "InvalidParameterValueException");
  input.function_name = "g";
  const auto missing = call<api::GetFunctionConfiguration>(input);
  EXPECT_CODE(missing, "ResourceNotFoundException");
  EXPECT_EQ(missing.error().message(), "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g:2");
}

TEST_F(LambdaTest, ExistingNameConflicts) {
  create("f");
  const auto again = call<api::CreateFunction>(function("f"));
  EXPECT_CODE(again, "ResourceConflictException");
  EXPECT_EQ(again.error().message(), "Function already exist: f");
}

TEST_F(LambdaTest, BadInputIsRefused) {
  auto input = function("f");
  input.memory_size = 64;
  EXPECT_CODE(call<api::CreateFunction>(input), "ValidationException");
  input = function("f");
  input.timeout = 901;
  EXPECT_CODE(call<api::CreateFunction>(input), "ValidationException");
  input = function("f");
  input.runtime = "java25";
  const auto missing = call<api::CreateFunction>(input);
  EXPECT_CODE(missing, "InvalidParameterValueException");
  EXPECT_THAT(missing.error().message(), HasSubstr("apt-get install"));
  input = function("f");
  input.role = "arn:aws:iam::000000000000:role/other";
  EXPECT_EQ(call<api::CreateFunction>(input).error().message(),
            "The role defined for the function cannot be assumed by Lambda.");
  input = function("f");
  input.environment.emplace().variables = std::map<std::string, std::string>{{"A", std::string(4096, 'x')}};
  EXPECT_THAT(call<api::CreateFunction>(input).error().message(), HasSubstr("exceeded the 4KB limit"));
  input.environment->variables = std::map<std::string, std::string>{{"AWS_REGION", "x"}};
  EXPECT_THAT(call<api::CreateFunction>(input).error().message(),
              HasSubstr("Reserved keys used in this request: AWS_REGION"));
  input = function("f");
  input.code.zip_file = "not a zip";
  EXPECT_THAT(call<api::CreateFunction>(input).error().message(), HasSubstr("Could not unzip uploaded file"));
  input.code.zip_file.reset();
  input.code.image_uri = "x";
  EXPECT_THAT(call<api::CreateFunction>(input).error().message(), HasSubstr("with packageType Zip"));
  input.package_type = "Image";
  EXPECT_THAT(call<api::CreateFunction>(input).error().message(), HasSubstr("Please don't provide Handler"));
  input.runtime.reset();
  input.handler.reset();
  EXPECT_THAT(call<api::CreateFunction>(input).error().message(), HasSubstr("not supported"));
}

TEST_F(LambdaTest, OtherRuntimeIsServedWithAWarning) {
  auto input = function("f");
  input.runtime = "python3.14";
  EXPECT_TRUE(call<api::CreateFunction>(input).ok());
  EXPECT_EQ(reply_headers.get("x-cumulet-warning"), "Python 3.11 serves python3.14");
}

TEST_F(LambdaTest, CodeComesFromS3) {
  objects["b/k"] = make_zip({{"app.py", "x"}});
  auto input = function("f");
  input.code.zip_file.reset();
  input.code.s3_bucket = "b";
  input.code.s3_key = "k";
  EXPECT_TRUE(call<api::CreateFunction>(input).ok());
  input.function_name = "g";
  input.code.s3_key = "none";
  EXPECT_EQ(
      call<api::CreateFunction>(input).error().message(),
      "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.");
}

TEST_F(LambdaTest, InvokeRunsTheUnpackedCode) {
  create("f");
  const auto result = invoke("f", R"({"a":1})");
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->payload, R"({"a":1})");
  EXPECT_EQ(result->status_code, 200);
  EXPECT_EQ(result->executed_version, "$LATEST");
  EXPECT_TRUE(std::filesystem::exists(engine.versions.back()->code / "app.py"));
  EXPECT_THAT(engine.invocations.back().trace_id,
              MatchesRegex("Root=1-[0-9a-f]+-[0-9a-f]+;Parent=[0-9a-f]+;Sampled=0;Lineage=[0-9a-f]{8}:1"));
}

TEST_F(LambdaTest, LostCacheIsUnpackedAgain) {
  create("f");
  std::filesystem::remove_all(folder / "code");
  restart();
  ASSERT_TRUE(invoke("f").ok());
  EXPECT_TRUE(std::filesystem::exists(engine.versions.back()->code / "app.py"));
}

TEST_F(LambdaTest, InvokeChecksItsInput) {
  create("f");
  EXPECT_CODE(invoke("nobody"), "ResourceNotFoundException");
  EXPECT_CODE(invoke("f", "{nonsense"), "InvalidRequestContentException");
  EXPECT_CODE(invoke("f", "\"" + std::string(6291456, 'a') + "\""), "RequestTooLargeException");
  EXPECT_CODE(invoke("f", "\"" + std::string(1048576, 'a') + "\"", "Event"), "RequestTooLargeException");
  EXPECT_TRUE(invoke("f", "\"" + std::string(6291454, 'a') + "\"").ok());
  EXPECT_EQ(invoke("f", "", "DryRun")->status_code, 204);
  EXPECT_EQ(invoke("f", "")->payload, "{}");
}

TEST_F(LambdaTest, TailIsBase64) {
  create("f");
  api::InvocationRequest input;
  input.function_name = "f";
  input.log_type = "Tail";
  EXPECT_EQ(call<api::Invoke>(input)->log_result, base64_encode("START\nEND\n"));
}

TEST_F(LambdaTest, ConfigurationUpdateReachesTheNextInvocation) {
  create("f");
  ASSERT_TRUE(invoke("f").ok());
  const std::string old_key = engine.versions.back()->key;
  api::UpdateFunctionConfigurationRequest update;
  update.function_name = "f";
  update.timeout = 30;
  update.environment.emplace().variables = std::map<std::string, std::string>{{"A", "b"}};
  ASSERT_TRUE(call<api::UpdateFunctionConfiguration>(update).ok());
  EXPECT_THAT(engine.retired, testing::Contains(old_key));
  ASSERT_TRUE(invoke("f").ok());
  EXPECT_NE(engine.versions.back()->key, old_key);
  EXPECT_EQ(engine.versions.back()->timeout_seconds, 30u);
  EXPECT_EQ(engine.versions.back()->environment.at("A"), "b");
  update.revision_id = "stale";
  EXPECT_CODE(call<api::UpdateFunctionConfiguration>(update), "PreconditionFailedException");
}

TEST_F(LambdaTest, CodeUpdateReachesTheNextInvocationAndDropsTheOldPackage) {
  create("f");
  const auto count_blobs = [this] {
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "blobs")) {
      files += entry.is_regular_file() ? 1 : 0;
    }
    return files;
  };
  const std::size_t before = count_blobs();
  api::UpdateFunctionCodeRequest update;
  update.function_name = "f";
  update.zip_file = make_zip({{"new.py", "x"}});
  ASSERT_TRUE(call<api::UpdateFunctionCode>(update).ok());
  ASSERT_TRUE(invoke("f").ok());
  EXPECT_TRUE(std::filesystem::exists(engine.versions.back()->code / "new.py"));
  EXPECT_EQ(count_blobs(), before);
}

TEST_F(LambdaTest, VersionsAreImmutableAndUnchangedOnesAreNotMadeAgain) {
  create("f");
  api::PublishVersionRequest publish;
  publish.function_name = "f";
  EXPECT_EQ(call<api::PublishVersion>(publish)->version, "1");
  EXPECT_EQ(call<api::PublishVersion>(publish)->version, "1");
  api::UpdateFunctionConfigurationRequest update;
  update.function_name = "f";
  update.timeout = 9;
  ASSERT_TRUE(call<api::UpdateFunctionConfiguration>(update).ok());
  const auto second = call<api::PublishVersion>(publish);
  EXPECT_EQ(second->version, "2");
  EXPECT_EQ(second->function_arn, "arn:aws:lambda:us-east-1:000000000000:function:f:2");
  ASSERT_TRUE(invoke("f:1").ok());
  EXPECT_EQ(engine.versions.back()->timeout_seconds, 3u);
  EXPECT_EQ(engine.versions.back()->version, "1");
  api::ListVersionsByFunctionRequest list;
  list.function_name = "f";
  list.max_items = 2;
  const auto page = call<api::ListVersionsByFunction>(list);
  ASSERT_EQ(page->versions->size(), 2u);
  list.marker = page->next_marker;
  EXPECT_EQ(call<api::ListVersionsByFunction>(list)->versions->front().version, "2");
}

TEST_F(LambdaTest, AliasLeadsToItsVersionsByWeight) {
  auto input = function("f");
  input.publish = true;
  EXPECT_EQ(call<api::CreateFunction>(input)->version, "1");
  api::UpdateFunctionConfigurationRequest update;
  update.function_name = "f";
  update.timeout = 9;
  ASSERT_TRUE(call<api::UpdateFunctionConfiguration>(update).ok());
  api::PublishVersionRequest publish;
  publish.function_name = "f";
  ASSERT_TRUE(call<api::PublishVersion>(publish).ok());
  api::CreateAliasRequest alias;
  alias.function_name = "f";
  alias.name = "live";
  alias.function_version = "1";
  alias.routing_config.emplace().additional_version_weights = std::map<std::string, double>{{"2", 0.5}};
  EXPECT_EQ(call<api::CreateAlias>(alias)->alias_arn, "arn:aws:lambda:us-east-1:000000000000:function:f:live");
  EXPECT_CODE(call<api::CreateAlias>(alias), "ResourceConflictException");
  std::map<std::string, int> seen;
  for (int i = 0; i < 200; ++i) ++seen[invoke("f:live")->executed_version.value()];
  EXPECT_GT(seen["1"], 40);
  EXPECT_GT(seen["2"], 40);
  api::DeleteFunctionRequest erase;
  erase.function_name = "f";
  erase.qualifier = "2";
  EXPECT_CODE(call<api::DeleteFunction>(erase), "ResourceConflictException");
  api::UpdateAliasRequest move;
  move.function_name = "f";
  move.name = "live";
  move.function_version = "2";
  move.routing_config.emplace();
  ASSERT_TRUE(call<api::UpdateAlias>(move).ok());
  EXPECT_EQ(invoke("f:live")->executed_version, "2");
  api::CreateAliasRequest numeric = alias;
  numeric.name = "12";
  EXPECT_CODE(call<api::CreateAlias>(numeric), "ValidationException");
}

TEST_F(LambdaTest, DeletedFunctionLeavesNothing) {
  create("f");
  api::DeleteFunctionRequest erase;
  erase.function_name = "f";
  EXPECT_EQ(call<api::DeleteFunction>(erase)->status_code, 204);
  EXPECT_CODE(call<api::DeleteFunction>(erase), "ResourceNotFoundException");
  EXPECT_CODE(invoke("f"), "ResourceNotFoundException");
  create("f");
}

TEST_F(LambdaTest, FunctionsAreListedInPages) {
  for (const char* name : {"a", "b", "c"}) create(name);
  api::ListFunctionsRequest list;
  list.max_items = 2;
  const auto first = call<api::ListFunctions>(list);
  ASSERT_EQ(first->functions->size(), 2u);
  EXPECT_EQ(first->next_marker, "b");
  list.marker = first->next_marker;
  const auto second = call<api::ListFunctions>(list);
  ASSERT_EQ(second->functions->size(), 1u);
  EXPECT_FALSE(second->next_marker.has_value());
}

TEST_F(LambdaTest, ReservedConcurrencyLeavesAHundred) {
  create("f");
  api::PutFunctionConcurrencyRequest put;
  put.function_name = "f";
  put.reserved_concurrent_executions = 901;
  EXPECT_CODE(call<api::PutFunctionConcurrency>(put), "InvalidParameterValueException");
  put.reserved_concurrent_executions = 0;
  ASSERT_TRUE(call<api::PutFunctionConcurrency>(put).ok());
  EXPECT_CODE(invoke("f"), "TooManyRequestsException");
  api::DeleteFunctionConcurrencyRequest erase;
  erase.function_name = "f";
  ASSERT_TRUE(call<api::DeleteFunctionConcurrency>(erase).ok());
  EXPECT_TRUE(invoke("f").ok());
}

TEST_F(LambdaTest, PolicyStatementsComeAndGo) {
  create("f");
  api::AddPermissionRequest add;
  add.function_name = "f";
  add.statement_id = "s";
  add.action = "lambda:InvokeFunction";
  add.principal = "s3.amazonaws.com";
  add.source_arn = "arn:aws:s3:::b";
  EXPECT_EQ(
      call<api::AddPermission>(add)->statement,
      R"({"Sid":"s","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction",)"
      R"("Resource":"arn:aws:lambda:us-east-1:000000000000:function:f","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}})");
  EXPECT_CODE(call<api::AddPermission>(add), "ResourceConflictException");
  api::GetPolicyRequest get;
  get.function_name = "f";
  EXPECT_THAT(*call<api::GetPolicy>(get)->policy, HasSubstr(R"("Statement":[{"Sid":"s")"));
  api::RemovePermissionRequest remove;
  remove.function_name = "f";
  remove.statement_id = "s";
  EXPECT_TRUE(call<api::RemovePermission>(remove).ok());
  EXPECT_CODE(call<api::GetPolicy>(get), "ResourceNotFoundException");
}

TEST_F(LambdaTest, LayersAreShownToTheFunction) {
  api::PublishLayerVersionRequest publish;
  publish.layer_name = "tools";
  publish.content.zip_file = make_zip({{"python/tools.py", "x = 1"}});
  const auto layer = call<api::PublishLayerVersion>(publish);
  ASSERT_TRUE(layer.ok()) << layer.error().message();
  EXPECT_EQ(layer->layer_version_arn, "arn:aws:lambda:us-east-1:000000000000:layer:tools:1");
  EXPECT_EQ(call<api::PublishLayerVersion>(publish)->version, 2);
  auto input = function("f");
  input.layers = std::vector<std::string>{*layer->layer_version_arn};
  ASSERT_TRUE(call<api::CreateFunction>(input).ok());
  api::DeleteLayerVersionRequest erase;
  erase.layer_name = "tools";
  erase.version_number = 1;
  ASSERT_TRUE(call<api::DeleteLayerVersion>(erase).ok());
  ASSERT_TRUE(invoke("f").ok());
  ASSERT_EQ(engine.versions.back()->layers.size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(engine.versions.back()->layers[0] / "python/tools.py"));
  EXPECT_EQ(call<api::ListLayers>({})->layers->front().latest_matching_version->version, 2);
  input.function_name = "g";
  EXPECT_THAT(call<api::CreateFunction>(input).error().message(), HasSubstr("does not exist"));
}

}  // namespace
}  // namespace cumulet::lambda
