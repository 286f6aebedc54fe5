#include <gtest/gtest.h>

#include "base/metrics.h"
#include "net/server.h"
#include "support.h"

namespace cumulet::net {
namespace {

Task<Response> read_body(Request& request) {
  std::string body = co_await read_all(*request.body, 64u << 20, Error("TooLarge", 413, "too large"));
  co_return Response(200, "text/plain", std::move(body));
}

/// Answers with the code of the error that reading the body ended with.
Task<Response> body_error(Request& request) {
  for (;;) {
    Task<std::string> next = request.body->read();
    const Result<std::string> piece = co_await attempt(std::move(next));
    if (!piece.ok()) co_return Response(piece.error().http_status(), "text/plain", piece.error().code());
    if (piece->empty()) co_return Response(200, "text/plain", "complete");
  }
}

Limits quick() {
  Limits limits;
  limits.header_seconds = 1;
  limits.body_idle_seconds = 1;
  limits.keep_alive_seconds = 1;
  limits.write_idle_seconds = 1;
  return limits;
}

struct Refused {
  const char* name;
  std::string request;
  int status;
};

class RefusedRequestTest : public testing::TestWithParam<Refused> {};

/// What follows a refused request on its connection is never taken for another request.
TEST_P(RefusedRequestTest, IsAnsweredOnceAndTheConnectionEnds) {
  int served = 0;
  Limits limits;
  limits.body_bytes = 1000;
  TestServer server(
      [&served](Request& request) {
        ++served;
        return read_body(request);
      },
      limits, nullptr, 1);
  RawClient client(server.port());
  client.send(GetParam().request).send("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
  const RawResponse response = client.read();
  EXPECT_EQ(response.status, GetParam().status);
  EXPECT_EQ(response.field("Connection"), "close");
  EXPECT_EQ(response.field("Content-Type"), "text/plain; charset=utf-8");
  client.finish_sending();
  EXPECT_EQ(client.read_to_end(), "");
  EXPECT_EQ(served, 0);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, RefusedRequestTest,
    testing::Values(
        Refused{"LengthAndChunked",
                "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        Refused{"TwoLengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n", 400},
        Refused{"SpaceBeforeColon", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 44\r\n\r\n", 400},
        Refused{"FoldedCoding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n", 400},
        Refused{"BareLineFeed", "POST / HTTP/1.1\r\nHost: x\r\nX: y\nContent-Length: 44\r\n\r\n", 400},
        Refused{"NoHost", "GET / HTTP/1.1\r\n\r\n", 400},
        Refused{"OtherCoding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
        Refused{"Version", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
        Refused{"Expectation", "POST / HTTP/1.1\r\nHost: x\r\nExpect: more\r\n\r\n", 417},
        Refused{"BodyTooLarge", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", 413},
        Refused{"TargetTooLong", "GET /" + std::string(70'000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 414},
        Refused{"FieldTooLong", "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n", 431},
        Refused{"TlsOnAPlainPort", "\x16\x03\x01\x02\x03", 400}),
    [](const testing::TestParamInfo<Refused>& info) { return info.param.name; });

TEST(LimitsTest, MalformedChunksEndTheConnection) {
  TestServer server(body_error);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX\r\n0\r\n\r\n");
  const RawResponse response = client.read();
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, "BadRequest");
  EXPECT_EQ(response.field("Connection"), "close");
}

TEST(LimitsTest, ChunkedBodyPastTheLimitIsAnErrorOfItsReader) {
  Limits limits;
  limits.body_bytes = 10;
  TestServer server(body_error, limits);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n");
  const RawResponse response = client.read();
  EXPECT_EQ(response.status, 413);
  EXPECT_EQ(response.body, "EntityTooLarge");
}

TEST(LimitsTest, SlowHeadIsAnswered408) {
  TestServer server(read_body, quick());
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost");
  EXPECT_EQ(client.read().status, 408);
  EXPECT_TRUE(client.closed());
}

TEST(LimitsTest, SlowBodyIsAnErrorOfItsReader) {
  TestServer server(body_error, quick());
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello");
  const RawResponse response = client.read();
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, "RequestTimeout");
  EXPECT_EQ(response.field("Connection"), "close");
}

TEST(LimitsTest, BodyCutShortIsAnErrorOfItsReader) {
  TestServer server(body_error);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhello");
  client.finish_sending();
  EXPECT_EQ(client.read().body, "IncompleteBody");
}

TEST(LimitsTest, IdleConnectionIsClosedSilently) {
  TestServer server(read_body, quick());
  RawClient fresh(server.port());
  EXPECT_TRUE(fresh.closed());
  RawClient used(server.port());
  used.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(used.read().status, 200);
  EXPECT_TRUE(used.closed());
}

TEST(LimitsTest, ReaderThatTakesNothingLosesTheConnection) {
  const auto endless = [](Request&) -> Task<Response> {
    co_return Response(200, "text/plain", std::string(64u << 20, 'x'));
  };
  TestServer server(endless, quick(), nullptr, 1);
  Gauge& connections = Metrics::instance().gauge("cumulet_http_connections");
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&connections] { return connections.value() == 1; }));
  EXPECT_TRUE(eventually([&connections] { return connections.value() == 0; }));
}

TEST(LimitsTest, ConnectionsPastTheLimitAreClosedAtOnce) {
  Limits limits;
  limits.connections = 2;
  TestServer server(read_body, limits);
  RawClient first(server.port());
  RawClient second(server.port());
  for (RawClient* const client : {&first, &second}) {
    client->send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_EQ(client->read().status, 200);
  }
  RawClient third(server.port());
  EXPECT_EQ(third.read_to_end(), "");
  first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(first.read().status, 200);
}

TEST(LimitsTest, RefusalsAreCountedByTheirReason) {
  Counter& refused = Metrics::instance().counter("cumulet_http_refused_total", {{"reason", "host"}});
  const std::uint64_t before = refused.value();
  TestServer server(read_body);
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.read().status, 400);
  EXPECT_EQ(refused.value(), before + 1);
}

}  // namespace
}  // namespace cumulet::net
