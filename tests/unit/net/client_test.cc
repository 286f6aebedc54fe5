#include "net/client.h"

#include <atomic>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "base/deferred.h"
#include "base/run.h"
#include "support.h"

namespace cumulet::net {
namespace {

std::string url_of(const TestServer& server, const std::string& path) {
  return "http://127.0.0.1:" + std::to_string(server.port()) + path;
}

/// Answers with the head and the body of the request.
Task<Response> mirror(Request& request) {
  std::string text = request.method + " " + request.target + "\n";
  for (const auto& [name, value] : request.headers) text += name + ": " + value + "\n";
  text += "\n" + co_await read_all(*request.body, 64u << 20, Error("TooLarge", 413, "too large"));
  co_return Response(200, "text/plain", std::move(text));
}

TEST(ClientTest, SendsWhatItIsToldAndNothingElse) {
  TestServer server(mirror);
  Client client;
  Outbound request;
  request.method = "PUT";
  request.url = url_of(server, "/a?b=c");
  request.headers.add("X-One", "1");
  request.headers.add("X-Empty", "");
  request.headers.add("Content-Length", "99");
  request.headers.add("Transfer-Encoding", "chunked");
  request.body = "body";
  const Result<Inbound> answer = client.send_blocking(request);
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.get("content-type"), "text/plain");
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(answer->body, "PUT /a?b=c\nHost: " + host + "\nX-One: 1\nX-Empty: \nContent-Length: 4\n\nbody");
}

TEST(ClientTest, EveryMethodArrives) {
  TestServer server(mirror);
  Client client;
  for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "PURGE"}) {
    Outbound request;
    request.method = method;
    request.url = url_of(server, "/");
    const Result<Inbound> answer = client.send_blocking(request);
    ASSERT_TRUE(answer.ok()) << method << ": " << answer.error().message();
    EXPECT_TRUE(method == "HEAD" || answer->body.starts_with(method + " /\n")) << answer->body;
  }
}

TEST(ClientTest, ManyAtOnceKeepTheirConnections) {
  std::atomic<int> served{0};
  TestServer server([&served](Request& request) {
    ++served;
    return mirror(request);
  });
  Client client;
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&client, &server, &answered] {
      for (int i = 0; i < 25; ++i) {
        Outbound request;
        request.url = url_of(server, "/");
        const Result<Inbound> answer = client.send_blocking(request);
        if (answer.ok() && answer->status == 200) ++answered;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 200);
  EXPECT_EQ(served, 200);
}

TEST(ClientTest, TaskResumesOnItsOwnLoop) {
  TestServer server(mirror);
  Client client;
  struct Check {
    static Task<bool> run(Client& client, std::string url) {
      Loop* const before = Loop::current();
      Outbound request;
      request.url = std::move(url);
      const Inbound answer = co_await client.send(std::move(request));
      co_return answer.status == 200 && Loop::current() == before;
    }
  };
  const Result<bool> same = run(Check::run(client, url_of(server, "/")));
  ASSERT_TRUE(same.ok());
  EXPECT_TRUE(*same);
}

TEST(ClientTest, AnswerPastTheLimitFails) {
  TestServer server([](Request&) -> Task<Response> { co_return Response(200, "text/plain", std::string(2000, 'x')); });
  Client client;
  Outbound request;
  request.url = url_of(server, "/");
  request.response_limit = 2000;
  EXPECT_TRUE(client.send_blocking(request).ok());
  request.response_limit = 1999;
  const Result<Inbound> answer = client.send_blocking(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), "ConnectionError");
  EXPECT_EQ(answer.error().message(), "the answer is larger than allowed");
}

TEST(ClientTest, AnswerThatDoesNotComeTimesOut) {
  Deferred<int> go;
  struct Held {
    static Task<Response> answer(Request&, Deferred<int> signal) {
      (void)co_await signal.wait();
      co_return Response(200, "text/plain", "late");
    }
  };
  TestServer server([go](Request& request) { return Held::answer(request, go); });
  Client client;
  Outbound request;
  request.url = url_of(server, "/");
  request.timeout = milliseconds(100);
  const Result<Inbound> answer = client.send_blocking(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().code(), "RequestTimeout");
  EXPECT_EQ(answer.error().http_status(), 504);
  go.resolve(1);
}

TEST(ClientTest, RedirectsAreFollowedOnlyWhenAsked) {
  TestServer server([](Request& request) -> Task<Response> {
    if (request.path == "/there") co_return Response(200, "text/plain", "there");
    Response response(302, "text/plain", "go");
    response.headers.add("Location", request.path == "/file" ? "file:///etc/hostname" : "/there");
    co_return response;
  });
  Client client;
  Outbound request;
  request.url = url_of(server, "/");
  Result<Inbound> answer = client.send_blocking(request);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->status, 302);
  EXPECT_EQ(answer->body, "go");
  request.follow_redirects = true;
  answer = client.send_blocking(request);
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(answer->body, "there");
  EXPECT_FALSE(answer->headers.has("location"));
  request.url = url_of(server, "/file");
  EXPECT_FALSE(client.send_blocking(request).ok());
}

TEST(ClientTest, WhatMustNotBeSentIsRefused) {
  Client client;
  for (const std::string url : {"file:///etc/hostname", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "", "http://"}) {
    Outbound request;
    request.url = url;
    const Result<Inbound> answer = client.send_blocking(request);
    ASSERT_FALSE(answer.ok()) << url;
    EXPECT_EQ(answer.error().code(), "ConnectionError");
  }
  TestServer server(mirror);
  Outbound request;
  request.url = url_of(server, "/");
  request.headers.add("X", "a\r\nY: b");
  EXPECT_FALSE(client.send_blocking(request).ok());
  request.headers = Headers();
  request.method = "GET / HTTP/1.1\r\nX:";
  EXPECT_FALSE(client.send_blocking(request).ok());
}

TEST(ClientTest, NobodyListeningIsAConnectionError) {
  std::uint16_t port = 0;
  {
    TestServer server(mirror);
    port = server.port();
  }
  Client client;
  Outbound request;
  request.url = "http://127.0.0.1:" + std::to_string(port) + "/";
  const Result<Inbound> answer = client.send_blocking(request);
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.error().http_status(), 502);
}

}  // namespace
}  // namespace cumulet::net
