#include "wire/client.h"

#include "tests/unit/wire/messages.h"
#include "wire/cbor.h"
#include "wire/generated/cloudformation.h"
#include "wire/generated/cloudwatch.h"
#include "wire/generated/dynamodb.h"
#include "wire/generated/lambda.h"
#include "wire/generated/s3.h"

namespace cumulet::wire {
namespace {

TEST(ClientTest, QueryRequestsAreForms) {
  cloudformation::CreateStackInput input;
  input.stack_name = "s";
  input.capabilities = {"CAPABILITY_IAM"};
  input.tags.emplace();
  auto& parameter = input.parameters.emplace().emplace_back();
  parameter.parameter_key = "a b";
  const ClientRequest request = request_for<cloudformation::CreateStack>(cloudformation::model(), input);
  EXPECT_EQ(request.body,
            "Action=CreateStack&Version=2010-05-15&StackName=s&Parameters.member.1.ParameterKey=a%20b"
            "&Capabilities.member.1=CAPABILITY_IAM&Tags=");
}

TEST(ClientTest, LabelsKeepOnlyTheSlashesOfKeys) {
  s3::GetObjectRequest object;
  object.bucket = "b";
  object.key = "x/y z";
  object.version_id = "v&1";
  EXPECT_EQ(request_for<s3::GetObject>(s3::model(), object).target, "/b/x/y%20z?versionId=v%261");
  lambda::GetFunctionRequest function;
  function.function_name = "a/b";
  EXPECT_EQ(request_for<lambda::GetFunction>(lambda::model(), function).target, "/2015-03-31/functions/a%2Fb");
}

TEST(ClientTest, ErrorsOfEveryProtocolAreRead) {
  const ErrorContext context("id-1");
  const auto read = [&context]<typename Operation>(Operation, const ServiceModel& service, Error error) {
    const net::Response response = render(service, error, context);
    return message_of(response_of<Operation>(service, response.status, response.headers, body_of(response)).error());
  };
  EXPECT_EQ(read(dynamodb::GetItem(), dynamodb::model(), Error("ResourceNotFoundException", 400, "gone")),
            "ResourceNotFoundException: gone");
  EXPECT_EQ(read(lambda::Invoke(), lambda::model(), Error("ResourceNotFoundException", 404, "gone")),
            "ResourceNotFoundException: gone");
  EXPECT_EQ(read(cloudformation::CreateStack(), cloudformation::model(), Error("ValidationError", 400, "bad")),
            "ValidationError: bad");
  EXPECT_EQ(read(s3::GetObject(), s3::model(), Error("NoSuchKey", 404, "gone")), "NoSuchKey: gone");
  const std::string words(300, 'w');
  for (const std::string& message : {std::string(), std::string("bad"), words.substr(0, 40), words}) {
    EXPECT_EQ(read(cloudwatch::GetMetricStatistics(), cloudwatch::model(), Error("ResourceNotFound", 404, message)),
              "ResourceNotFound: " + message);
  }
}

TEST(ClientTest, ResponsesInCborAreRead) {
  const std::string body = CborWriter().map(1).text("Label").text("Errors").take();
  const auto output = response_of<cloudwatch::GetMetricStatistics>(cloudwatch::model(), 200, {}, body);
  ASSERT_TRUE(output.ok());
  EXPECT_EQ(output->label, "Errors");
  EXPECT_FALSE(response_of<cloudwatch::GetMetricStatistics>(cloudwatch::model(), 200, {}, "\xff").ok());
  // Errors that are cut short, or none at all.
  const std::string error = CborWriter().map(1).text("__type").text("InternalFailure").take();
  for (std::size_t length = 0; length < error.size(); ++length) {
    const auto failed =
        response_of<cloudwatch::GetMetricStatistics>(cloudwatch::model(), 500, {}, error.substr(0, length));
    EXPECT_EQ(failed.error().code(), "Http500");
  }
}

TEST(ClientTest, AnythingElseIsNotUnderstood) {
  const auto output = response_of<cloudformation::CreateStack>(cloudformation::model(), 200, {}, "<html>");
  ASSERT_FALSE(output.ok());
  EXPECT_EQ(output.error().code(), "InvalidResponse");
  const auto failed = response_of<dynamodb::GetItem>(dynamodb::model(), 503, {}, "busy");
  EXPECT_EQ(failed.error().code(), "Http503");
}

}  // namespace
}  // namespace cumulet::wire
