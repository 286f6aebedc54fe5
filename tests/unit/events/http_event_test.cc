#include "events/http_event.h"

#include <variant>

#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/text.h"

namespace cumulet::events {
namespace {

class HttpEventTest : public ::testing::Test {
 protected:
  HttpEventTest() {
    request_.method = "POST";
    request_.path = "/things/1";
    request_.query = "a=1&a=2&b=%20";
    request_.target = "/things/1?a=1&a=2&b=%20";
    request_.remote_address = "192.0.2.1";
    request_.headers.add("Content-Type", "application/json");
    request_.headers.add("X-Two", "one");
    request_.headers.add("X-Two", "two");
    request_.headers.add("Cookie", "c=1; d=2");
    context_.account = "123456789012";
    context_.api_id = "abc";
    context_.request_id = "id-1";
    context_.route_key = "POST /things/{id}";
    context_.resource_path = "/things/{id}";
    context_.path = "/things/1";
    context_.path_parameters = {{"id", "1"}};
  }

  simdjson::dom::element v2(const std::string& body) { return parser_.parse(http_event_v2(request_, body, context_)); }
  simdjson::dom::element v1(const std::string& body) { return parser_.parse(http_event_v1(request_, body, context_)); }
  static std::string text(simdjson::dom::element element) { return std::string(std::string_view(element)); }

  net::Request request_;
  HttpEventContext context_;
  simdjson::dom::parser parser_;
};

TEST_F(HttpEventTest, Format2JoinsAndFormat1Lists) {
  const simdjson::dom::element second = v2("{}");
  EXPECT_EQ(text(second["version"]), "2.0");
  EXPECT_EQ(text(second["headers"]["x-two"]), "one,two");
  EXPECT_TRUE(second["headers"]["cookie"].error());
  EXPECT_EQ(text(second["cookies"].at(1)), "d=2");
  EXPECT_EQ(text(second["queryStringParameters"]["a"]), "1,2");
  EXPECT_EQ(text(second["rawQueryString"]), "a=1&a=2&b=%20");
  EXPECT_EQ(text(second["pathParameters"]["id"]), "1");
  EXPECT_EQ(text(second["requestContext"]["http"]["sourceIp"]), "192.0.2.1");

  const simdjson::dom::element first = v1("{}");
  EXPECT_EQ(text(first["version"]), "1.0");
  EXPECT_EQ(text(first["headers"]["X-Two"]), "two");
  EXPECT_EQ(text(first["multiValueHeaders"]["X-Two"].at(0)), "one");
  EXPECT_EQ(text(first["queryStringParameters"]["a"]), "2");
  EXPECT_EQ(text(first["multiValueQueryStringParameters"]["a"].at(0)), "1");
  EXPECT_EQ(text(first["resource"]), "/things/{id}");
  EXPECT_TRUE(first["stageVariables"].is_null());
}

TEST_F(HttpEventTest, OnlyTextStaysText) {
  EXPECT_EQ(text(v2("{\"a\":1}")["body"]), "{\"a\":1}");
  EXPECT_FALSE(bool(v2("{}")["isBase64Encoded"]));
  const std::string broken("\xff\xfe", 2);
  EXPECT_TRUE(bool(v2(broken)["isBase64Encoded"]));
  EXPECT_EQ(text(v2(broken)["body"]), base64_encode(broken));
  request_.headers.set("Content-Type", "image/png");
  EXPECT_EQ(text(v2("abc")["body"]), base64_encode("abc"));
  request_.headers.set("Content-Type", "text/plain");
  request_.headers.set("Content-Encoding", "gzip");
  EXPECT_TRUE(bool(v1("abc")["isBase64Encoded"]));
}

TEST_F(HttpEventTest, WithoutABody) {
  EXPECT_TRUE(v2("")["body"].error());
  EXPECT_TRUE(v1("")["body"].is_null());
}

std::string body_of(const Result<net::Response>& response) { return std::get<std::string>(response->body); }

TEST(HttpResponseTest, Format2TakesAnyResult) {
  EXPECT_EQ(body_of(http_response_v2("{\"hello\":1}")), "{\"hello\":1}");
  EXPECT_EQ(body_of(http_response_v2("\"text\"")), "text");
  EXPECT_EQ(http_response_v2("[1,2]")->headers.get("content-type"), "application/json");
  EXPECT_EQ(http_response_v2("null")->status, 200);
  EXPECT_FALSE(http_response_v2("no json").ok());
  EXPECT_FALSE(http_response_v1("{\"hello\":1}").ok());
}

TEST(HttpResponseTest, ReadsTheWholeResponse) {
  const auto response = http_response_v2(
      R"({"statusCode":"201","headers":{"X-A":"b","n":5,"Content-Length":"99"},"cookies":["c=1","d=2"],)"
      R"("body":"aGk=","isBase64Encoded":true})");
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 201);
  EXPECT_EQ(body_of(response), "hi");
  EXPECT_EQ(response->headers.get("x-a"), "b");
  EXPECT_EQ(response->headers.get("n"), "5");
  EXPECT_FALSE(response->headers.has("content-length"));
  int cookies = 0;
  for (const auto& [name, value] : response->headers) cookies += name == "set-cookie" ? 1 : 0;
  EXPECT_EQ(cookies, 2);
}

TEST(HttpResponseTest, HeadersCannotSplitTheResponse) {
  const auto response = http_response_v2(R"({"statusCode":200,"headers":{"x":"a\r\nset-cookie: evil","b ad":"1"}})");
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->headers.get("x").find('\n'), std::string::npos);
  EXPECT_FALSE(response->headers.has("b ad"));
}

TEST(HttpResponseTest, RefusesWhatIsNone) {
  for (const char* payload : {R"({"statusCode":"x"})", R"({"statusCode":99})", R"({"statusCode":600})",
                              R"({"statusCode":200,"body":"***","isBase64Encoded":true})", R"({"statusCode":null})"}) {
    EXPECT_FALSE(http_response_v2(payload).ok()) << payload;
    EXPECT_FALSE(http_response_v1(payload).ok()) << payload;
  }
}

TEST(HttpResponseTest, MultiValueHeadersWin) {
  const auto response =
      http_response_v1(R"({"statusCode":200,"headers":{"x-a":"1","x-b":"2"},"multiValueHeaders":{"X-A":["3","4"]}})");
  ASSERT_TRUE(response.ok());
  std::vector<std::string> values;
  for (const auto& [name, value] : response->headers) {
    if (name == "x-a") values.push_back(value);
  }
  EXPECT_EQ(values, (std::vector<std::string>{"3", "4"}));
  EXPECT_EQ(response->headers.get("x-b"), "2");
}

}  // namespace
}  // namespace cumulet::events
