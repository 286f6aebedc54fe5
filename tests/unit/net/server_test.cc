#include "net/server.h"

#include <gtest/gtest.h>

#include "base/deferred.h"
#include "support.h"

namespace cumulet::net {
namespace {

/// Answers with what the handler saw.
Task<Response> echo(Request& request) {
  std::string body = co_await read_all(*request.body, 64u << 20, Error("TooLarge", 413, "too large"));
  Response response(200, "text/plain", std::move(body));
  response.headers.add("X-Method", request.method);
  response.headers.add("X-Path", request.path);
  response.headers.add("X-Query", request.query);
  response.headers.add("X-Host", request.host);
  co_return response;
}

Task<Response> ignore_body(Request&) { co_return Response(200, "text/plain", "ok"); }

TEST(ServerTest, GetIsAnsweredAndTheConnectionKept) {
  TestServer server(echo);
  RawClient client(server.port());
  for (int i = 0; i < 3; ++i) {
    client.send("GET /a/b?c=d HTTP/1.1\r\nHost: Example.com:80\r\n\r\n");
    const RawResponse response = client.read();
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.field("X-Method"), "GET");
    EXPECT_EQ(response.field("X-Path"), "/a/b");
    EXPECT_EQ(response.field("X-Query"), "c=d");
    EXPECT_EQ(response.field("X-Host"), "example.com");
    EXPECT_EQ(response.field("Content-Length"), "0");
    EXPECT_TRUE(response.field("Date").ends_with(" GMT"));
    EXPECT_EQ(response.field("Connection"), "");
  }
}

TEST(ServerTest, PipelinedRequestsAreAnsweredInOrder) {
  TestServer server(echo);
  RawClient client(server.port());
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    const std::string body = "number " + std::to_string(i);
    requests += "POST /" + std::to_string(i) +
                " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  client.send(requests);
  for (int i = 0; i < 100; ++i) {
    const RawResponse response = client.read();
    ASSERT_EQ(response.field("X-Path"), "/" + std::to_string(i));
    ASSERT_EQ(response.body, "number " + std::to_string(i));
  }
}

TEST(ServerTest, RequestArrivingByteByByteIsUnderstood) {
  TestServer server(echo);
  RawClient client(server.port());
  const std::string request =
      "POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\nT: "
      "v\r\n\r\n";
  for (const char byte : request) client.send(std::string_view(&byte, 1));
  EXPECT_EQ(client.read().body, "hello world");
}

TEST(ServerTest, ConnectionCloseIsHonouredWhateverItsCase) {
  TestServer server(echo);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: foo, CLOSE\r\n\r\n");
  const RawResponse response = client.read();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.field("Connection"), "close");
  EXPECT_TRUE(client.closed());
}

TEST(ServerTest, Http10ClosesUnlessAskedToKeep) {
  TestServer server(echo);
  RawClient closing(server.port());
  closing.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_EQ(closing.read().status, 200);
  EXPECT_TRUE(closing.closed());

  RawClient keeping(server.port());
  for (int i = 0; i < 2; ++i) {
    keeping.send("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n");
    EXPECT_EQ(keeping.read().field("Connection"), "keep-alive");
  }
}

TEST(ServerTest, ContinueIsSentOnlyWhenTheBodyIsRead) {
  TestServer reading(echo);
  RawClient client(reading.port());
  client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read().status, 100);
  client.send("hello");
  EXPECT_EQ(client.read().body, "hello");

  TestServer refusing(ignore_body);
  RawClient other(refusing.port());
  other.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  const RawResponse response = other.read();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.field("Connection"), "close");
}

TEST(ServerTest, SmallUnreadBodyIsDroppedAndTheConnectionKept) {
  TestServer server(ignore_body);
  RawClient client(server.port());
  const std::string body(200'000, 'x');
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n").send(body);
  EXPECT_EQ(client.read().status, 200);
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read().status, 200);
}

TEST(ServerTest, LargeUnreadBodyEndsTheConnectionAfterTheAnswer) {
  TestServer server(ignore_body);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n");
  const RawResponse response = client.read();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.field("Connection"), "close");
  EXPECT_TRUE(client.closed());
}

}  // namespace
}  // namespace cumulet::net
