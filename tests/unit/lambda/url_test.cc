#include <gmock/gmock.h>

#include "services/lambda/http_prelude.h"
#include "tests/unit/lambda/lambda_fixture.h"

namespace cumulet::lambda {
namespace {

using testing::HasSubstr;

class UrlTest : public LambdaTest {
 protected:
  void permit(const std::string& action, const std::string& principal = "*") {
    api::AddPermissionRequest input;
    input.function_name = "f";
    input.statement_id = action.substr(7);
    input.action = action;
    input.principal = principal;
    EXPECT_TRUE(call<api::AddPermission>(input).ok());
  }
  std::string make_url(const std::string& auth = "NONE") {
    create("f");
    api::CreateFunctionUrlConfigRequest input;
    input.function_name = "f";
    input.auth_type = auth;
    api::Cors& cors = input.cors.emplace();
    cors.allow_origins = std::vector<std::string>{"https://site.example"};
    cors.allow_methods = std::vector<std::string>{"GET", "PUT"};
    permit("lambda:InvokeFunctionUrl");
    permit("lambda:InvokeFunction");
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

TEST_F(UrlTest, UrlThatThePolicyDoesNotOpenIsForbidden) {
  const std::string host = make_url();
  api::RemovePermissionRequest remove;
  remove.function_name = "f";
  for (const char* statement : {"InvokeFunctionUrl", "InvokeFunction"}) {
    remove.statement_id = statement;
    ASSERT_TRUE(call<api::RemovePermission>(remove).ok());
    const net::Response response = send(host);
    EXPECT_EQ(response.status, 403);
    EXPECT_EQ(response.headers.get("x-amzn-ErrorType"), "AccessDeniedException");
    EXPECT_THAT(text(response), HasSubstr(R"({"Message":"Forbidden. For troubleshooting)"));
    permit(std::string("lambda:") + statement);
    EXPECT_EQ(send(host).status, 200);
  }
}

TEST_F(UrlTest, UrlsAreListedInPages) {
  make_url();
  for (const char* alias : {"a", "b"}) {
    api::CreateAliasRequest make;
    make.function_name = "f";
    make.name = alias;
    make.function_version = "$LATEST";
    ASSERT_TRUE(call<api::CreateAlias>(make).ok());
    api::CreateFunctionUrlConfigRequest url;
    url.function_name = "f";
    url.qualifier = alias;
    url.auth_type = "NONE";
    ASSERT_TRUE(call<api::CreateFunctionUrlConfig>(url).ok());
  }
  api::ListFunctionUrlConfigsRequest list;
  list.function_name = "f";
  list.max_items = 2;
  const auto first = call<api::ListFunctionUrlConfigs>(list);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->function_url_configs.size(), 2u);
  list.marker = first->next_marker;
  const auto second = call<api::ListFunctionUrlConfigs>(list);
  ASSERT_TRUE(second.ok());
  ASSERT_EQ(second->function_url_configs.size(), 1u);
  EXPECT_THAT(second->function_url_configs[0].function_arn, testing::EndsWith(":b"));
  EXPECT_FALSE(second->next_marker);
  list.marker = "nonsense";
  EXPECT_CODE(call<api::ListFunctionUrlConfigs>(list), "InvalidParameterValueException");
}

TEST_F(UrlTest, StreamedResponseGoesOnAsTheFunctionGoesOn) {
  const std::string host = make_url();
  api::UpdateFunctionUrlConfigRequest update;
  update.function_name = "f";
  update.invoke_mode = "RESPONSE_STREAM";
  ASSERT_TRUE(call<api::UpdateFunctionUrlConfig>(update).ok());
  engine.answer = [](const compute::Invocation& invocation) {
    invocation.stream->begin(std::string(kHttpIntegrationType));
    for (const std::string& piece :
         {std::string("{\"statusCode\":202,\"headers\":{\"x-y\":1}}"), std::string(8, '\0') + "on", std::string("e")}) {
      EXPECT_TRUE(*cumulet::run(invocation.stream->write(piece)));
    }
    invocation.stream->end(compute::ResponseEnd());
    return compute::InvocationResult();
  };
  net::Response response = send(host);
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.headers.get("x-y"), "1");
  BodySource& body = *std::get<std::unique_ptr<BodySource>>(response.body);
  EXPECT_EQ(*cumulet::run(body.read()), "on");
  EXPECT_EQ(*cumulet::run(body.read()), "e");
  EXPECT_EQ(*cumulet::run(body.read()), "");
}

TEST_F(UrlTest, StreamThatBreaksOffBreaksTheAnswerOff) {
  const std::string host = make_url();
  api::UpdateFunctionUrlConfigRequest update;
  update.function_name = "f";
  update.invoke_mode = "RESPONSE_STREAM";
  ASSERT_TRUE(call<api::UpdateFunctionUrlConfig>(update).ok());
  engine.answer = [](const compute::Invocation& invocation) {
    invocation.stream->begin("text/plain");
    EXPECT_TRUE(*cumulet::run(invocation.stream->write("some")));
    invocation.stream->end(compute::ResponseEnd("Unhandled", "{}"));
    return compute::InvocationResult();
  };
  net::Response response = send(host);
  EXPECT_EQ(response.headers.get("Content-Type"), "text/plain");
  BodySource& body = *std::get<std::unique_ptr<BodySource>>(response.body);
  EXPECT_EQ(*cumulet::run(body.read()), "some");
  EXPECT_FALSE(cumulet::run(body.read()).ok());
}

TEST(HttpPreludeTest, TakesWhatItIsAndNothingElse) {
  const std::string end(8, '\0');
  HttpPrelude prelude;
  EXPECT_EQ(prelude.take("{\"cookies\":[\"a=b\"]}" + end.substr(0, 5)), HttpPrelude::Progress::kMore);
  EXPECT_EQ(prelude.take(end.substr(5) + "rest"), HttpPrelude::Progress::kWhole);
  EXPECT_EQ(prelude.response().status, 200);
  EXPECT_EQ(prelude.response().headers.get("Set-Cookie"), "a=b");
  EXPECT_EQ(prelude.rest(), "rest");
  EXPECT_EQ(HttpPrelude().take("[]" + end), HttpPrelude::Progress::kBad);
  EXPECT_EQ(HttpPrelude().take("{\"statusCode\":99}" + end), HttpPrelude::Progress::kBad);
  EXPECT_EQ(HttpPrelude().take(std::string(HttpPrelude::kLimit + 1, ' ')), HttpPrelude::Progress::kBad);
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
