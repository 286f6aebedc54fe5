#include <gmock/gmock.h>

#include "tests/unit/lambda/lambda_fixture.h"

namespace cumulet::lambda {
namespace {

using testing::HasSubstr;

class UrlTest : public LambdaTest {
 protected:
  std::string make_url(const std::string& auth = "NONE") {
    create("f");
    api::CreateFunctionUrlConfigRequest input;
    input.function_name = "f";
    input.auth_type = auth;
    api::Cors& cors = input.cors.emplace();
    cors.allow_origins = std::vector<std::string>{"https://site.example"};
    cors.allow_methods = std::vector<std::string>{"GET", "PUT"};
    const auto created = call<api::CreateFunctionUrlConfig>(input);
    EXPECT_TRUE(created.ok());
    const std::string url = created->function_url;
    EXPECT_THAT(url, testing::MatchesRegex("http://[a-z0-9]+[.]lambda-url[.]us-east-1[.]localhost:4566/"));
    return url.substr(7, url.find(":4566") - 7);
  }
  net::Response send(const std::string& host, const std::string& method = "POST", const std::string& body = "hello",
                     net::Headers headers = {}) {
    net::Request request;
    request.method = method;
    request.target = request.path = "/a/b";
    request.host = host;
    request.headers = std::move(headers);
    request.body = std::make_unique<StringBody>(body);
    EXPECT_TRUE(lambda->owns(request));
    auto response = cumulet::run(lambda->answer(request, "id-1"));
    EXPECT_TRUE(response.ok());
    return std::move(*response);
  }
  static std::string text(const net::Response& response) { return std::get<std::string>(response.body); }
};

TEST_F(UrlTest, RequestBecomesAnEventAndTheResultAResponse) {
  const std::string host = make_url();
  engine.answer = [](const compute::Invocation& invocation) {
    EXPECT_THAT(invocation.payload, HasSubstr(R"("rawPath":"/a/b")"));
    EXPECT_THAT(invocation.payload, HasSubstr(R"("body":"hello")"));
    compute::InvocationResult result;
    result.payload = R"({"statusCode":201,"headers":{"x-y":"z"},"body":"made"})";
    return result;
  };
  const net::Response response = send(host);
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.headers.get("x-y"), "z");
  EXPECT_EQ(text(response), "made");
}

TEST_F(UrlTest, FunctionErrorIsABadGateway) {
  const std::string host = make_url();
  engine.answer = [](const compute::Invocation&) {
    compute::InvocationResult result;
    result.payload = "{}";
    result.function_error = "Unhandled";
    return result;
  };
  EXPECT_EQ(send(host).status, 502);
  engine.answer = [](const compute::Invocation&) -> Result<compute::InvocationResult> {
    return Error("TooManyRequestsException", 429, "Rate Exceeded.");
  };
  EXPECT_EQ(send(host).status, 429);
}

TEST_F(UrlTest, CorsIsAnsweredByThePlatform) {
  const std::string host = make_url();
  const net::Response response =
      send(host, "OPTIONS", "", {{"Origin", "https://site.example"}, {"Access-Control-Request-Method", "PUT"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Origin"), "https://site.example");
  EXPECT_EQ(response.headers.get("Access-Control-Allow-Methods"), "GET,PUT");
  EXPECT_TRUE(engine.invocations.empty());
}

TEST_F(UrlTest, SignedUrlsAndUnknownUrlsAreForbidden) {
  EXPECT_EQ(send(make_url("AWS_IAM")).status, 403);
  EXPECT_EQ(send("nothing.lambda-url.us-east-1.localhost").status, 403);
}

TEST_F(UrlTest, PackageCanBeFetchedFromItsLocation) {
  create("f");
  api::GetFunctionRequest get;
  get.function_name = "f";
  const std::string location = *call<api::GetFunction>(get)->code->location;
  net::Request request;
  request.method = "GET";
  const std::size_t path = location.find("/_cumulet");
  const std::size_t query = location.find('?');
  request.path = location.substr(path, query - path);
  request.query = location.substr(query + 1);
  request.host = "localhost";
  request.body = std::make_unique<StringBody>("");
  ASSERT_TRUE(lambda->owns(request));
  EXPECT_EQ(cumulet::run(lambda->answer(request, "id"))->status, 200);
  clock.advance(seconds(601));
  EXPECT_EQ(cumulet::run(lambda->answer(request, "id"))->status, 403);
}

}  // namespace
}  // namespace cumulet::lambda
