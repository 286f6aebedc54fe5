#include "tests/unit/wire/messages.h"
#include "wire/generated/apigatewayv2.h"
#include "wire/generated/lambda.h"

namespace cumulet::wire {
namespace {

TEST(RestJsonTest, PathsOfLambda) {
  const auto operation = [](std::string method, std::string target) {
    return routed(lambda::model(), request_of(std::move(method), std::move(target)));
  };
  EXPECT_EQ(operation("POST", "/2015-03-31/functions"), "CreateFunction");
  EXPECT_EQ(operation("GET", "/2015-03-31/functions/"), "ListFunctions");
  EXPECT_EQ(operation("GET", "/2015-03-31/functions"), "ListFunctions");
  EXPECT_EQ(operation("GET", "/2015-03-31/functions/f"), "GetFunction");
  EXPECT_EQ(operation("POST", "/2015-03-31/functions/f/invocations"), "Invoke");
  EXPECT_EQ(operation("POST", "/2021-11-15/functions/f/response-streaming-invocations"), "InvokeWithResponseStream");
  EXPECT_EQ(operation("POST", "/2015-03-31/event-source-mappings/"), "CreateEventSourceMapping");
  EXPECT_EQ(operation("POST", "/2015-03-31/nothing"), "UnknownOperationException");
}

TEST(RestJsonTest, LabelsQueryHeadersAndPayload) {
  const auto input = decoded<lambda::Invoke>(
      lambda::model(),
      request_of("POST",
                 "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af/invocations"
                 "?Qualifier=live",
                 "{\"a\":1}", {{"X-Amz-Invocation-Type", "Event"}}));
  ASSERT_TRUE(input.ok()) << message_of(input.error());
  EXPECT_EQ(input->function_name, "arn:aws:lambda:eu-west-1:123456789012:function:f");
  EXPECT_EQ(input->qualifier, "live");
  EXPECT_EQ(input->invocation_type, lambda::invocation_type::kEvent);
  EXPECT_EQ(input->payload, "{\"a\":1}");
}

TEST(RestJsonTest, BodyMembersAndBlobs) {
  const auto input = decoded<lambda::CreateFunction>(
      lambda::model(),
      request_of("POST", "/2015-03-31/functions",
                 R"({"FunctionName":"f","Role":"arn:aws:iam::123456789012:role/r","Runtime":"python3.12",
                     "Handler":"a.b","Code":{"ZipFile":"UEs="},"Environment":{"Variables":{"AB":"1"}},"Timeout":3})"));
  ASSERT_TRUE(input.ok()) << message_of(input.error());
  EXPECT_EQ(input->code.zip_file, "PK");
  EXPECT_EQ(input->environment->variables->at("AB"), "1");
  EXPECT_EQ(input->timeout, 3);
}

TEST(RestJsonTest, ListsInTheQueryRepeat) {
  const auto input = decoded<lambda::UntagResource>(
      lambda::model(), request_of("DELETE",
                                  "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af"
                                  "?tagKeys=a&tagKeys=b"));
  ASSERT_TRUE(input.ok()) << message_of(input.error());
  EXPECT_EQ(input->tag_keys, (std::vector<std::string>{"a", "b"}));
}

TEST(RestJsonTest, BadBodies) {
  const auto code = [](std::string body) {
    const auto input =
        decoded<lambda::CreateFunction>(lambda::model(), request_of("POST", "/2015-03-31/functions", std::move(body)));
    return input.ok() ? "ok" : input.error().code();
  };
  EXPECT_EQ(code("{"), "InvalidRequestContentException");
  EXPECT_EQ(code(R"({"FunctionName":5})"), "SerializationException");
  EXPECT_EQ(code("{}"), "ValidationException");
  const auto api = decoded<apigatewayv2::CreateApi>(apigatewayv2::model(), request_of("POST", "/v2/apis", "{}"));
  EXPECT_EQ(api.error().code(), "BadRequestException");
}

TEST(RestJsonTest, StatusAndHeadersOfTheOutput) {
  lambda::InvocationResponse output;
  output.status_code = 202;
  output.function_error = "Unhandled";
  output.payload = "null";
  const net::Response response = encoded<lambda::Invoke>(lambda::model(), output);
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.headers.get("x-amz-function-error"), "Unhandled");
  EXPECT_EQ(body_of(response), "null");
}

TEST(RestJsonTest, NamesOfTheWireAndTimes) {
  apigatewayv2::CreateApiResponse output;
  output.api_id = "abc";
  output.created_date = Timestamp(std::chrono::seconds(1'700'000'000));
  const net::Response response = encoded<apigatewayv2::CreateApi>(apigatewayv2::model(), output);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(body_of(response), R"({"apiId":"abc","createdDate":"2023-11-14T22:13:20Z"})");
  EXPECT_EQ(response.headers.get("content-type"), "application/json");
}

TEST(RestJsonTest, NoContentHasNoBody) {
  const net::Response response = encoded<apigatewayv2::DeleteApi>(apigatewayv2::model(), {});
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(body_of(response), "");
}

}  // namespace
}  // namespace cumulet::wire
