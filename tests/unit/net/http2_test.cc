#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include "base/deferred.h"
#include "base/metrics.h"
#include "base/text.h"
#include "http2_client.h"
#include "net/yield.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;
constexpr std::uint32_t kNoError = 0;
constexpr std::uint32_t kProtocolError = 1;
constexpr std::uint32_t kInternalError = 2;
constexpr std::uint32_t kFrameSizeError = 6;
constexpr std::uint32_t kRefusedStream = 7;
constexpr std::uint32_t kCancel = 8;
constexpr std::uint32_t kCalm = 11;

Task<Response> echo(Request& request) {
  std::string body = co_await read_all(*request.body, 64u << 20, Error("TooLarge", 413, "too large"));
  Response response(200, "text/plain", std::move(body));
  response.headers.add("X-Request", request.method + " " + request.target + " " + request.host);
  response.headers.add("Connection", "keep-alive");
  response.headers.add("X-Cookie", std::string(request.headers.get("cookie")));
  response.headers.add("X-Host", std::string(request.headers.get("host")));
  co_return response;
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

/// Gives `pieces` pieces of a pattern, and an error instead of the end if it is told to.
class Pieces final : public BodySource {
 public:
  Pieces(std::size_t pieces, std::size_t size, bool fails, std::shared_ptr<std::atomic<std::size_t>> given)
      : pieces_(pieces), size_(size), fails_(fails), given_(std::move(given)) {}
  Task<std::string> read() override {
    co_await Yield();
    if (*given_ == pieces_ && fails_) co_return Error("Broken", 500, "broken");
    if (*given_ == pieces_) co_return std::string();
    co_return pattern(size_, size_ * (*given_)++);
  }

 private:
  std::size_t pieces_;
  std::size_t size_;
  bool fails_;
  std::shared_ptr<std::atomic<std::size_t>> given_;
};

Handler streaming(std::size_t pieces, std::size_t size, bool fails, std::shared_ptr<std::atomic<std::size_t>> given) {
  return [=](Request&) -> Task<Response> {
    Response response(200);
    response.body = std::make_unique<Pieces>(pieces, size, fails, given);
    co_return response;
  };
}

std::shared_ptr<std::atomic<std::size_t>> counter() { return std::make_shared<std::atomic<std::size_t>>(0); }

/// A handler that says when it has begun, and answers what asks for "/held" when it is told to.
struct Held {
  struct State {
    std::mutex mutex;
    bool open = false;
    std::vector<Deferred<int>> waiting;
  };

  static Task<Response> answer(Request& request, Held held) {
    ++*held.begun;
    if (request.path == "/held") {
      const Deferred<int> turn = held.take_turn();
      (void)co_await turn.wait();
    }
    std::string body = co_await read_all(*request.body, 64u << 20, Error("TooLarge", 413, "too large"));
    co_return Response(200, "text/plain", "done " + std::to_string(body.size()));
  }
  Deferred<int> take_turn() const {
    const std::lock_guard lock(state->mutex);
    Deferred<int> turn;
    state->waiting.push_back(turn);
    if (state->open) (void)turn.resolve(1);
    return turn;
  }
  Handler handler() const {
    return [held = *this](Request& request) { return answer(request, held); };
  }
  void release() const {
    const std::lock_guard lock(state->mutex);
    state->open = true;
    for (const Deferred<int>& turn : state->waiting) (void)turn.resolve(1);
  }

  std::shared_ptr<State> state = std::make_shared<State>();
  std::shared_ptr<std::atomic<std::size_t>> begun = counter();
};

Limits quick() {
  Limits limits;
  limits.header_seconds = 1;
  limits.body_idle_seconds = 1;
  limits.keep_alive_seconds = 1;
  limits.write_idle_seconds = 1;
  return limits;
}

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string bytes;
  for (const int shift : {16, 8, 0}) bytes.push_back(static_cast<char>(payload.size() >> shift));
  bytes.push_back(static_cast<char>(type));
  bytes.push_back(static_cast<char>(flags));
  for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(stream >> shift));
  return bytes.append(payload);
}

std::string repeated(const std::string& bytes, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += bytes;
  return all;
}

TEST(Http2Test, RequestAndResponseByThePreface) {
  TestServer server(echo);
  Http2Client client(server.port());
  for (int i = 0; i < 3; ++i) {
    const std::int32_t id = client.request("POST", "/a%20b?c=d", {{"cookie", "a=1"}, {"cookie", "b=2"}}, true);
    client.send(id, "hello", true);
    const Http2Client::Stream& answer = client.answer(id);
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, "hello");
    EXPECT_EQ(answer.fields.at("content-length"), "5");
    EXPECT_EQ(answer.fields.at("x-request"), "POST /a%20b?c=d x.example");
    EXPECT_EQ(answer.fields.at("x-host"), "x.example:80");
    EXPECT_EQ(answer.fields.at("x-cookie"), "a=1; b=2");
    EXPECT_TRUE(answer.fields.contains("date"));
    EXPECT_FALSE(answer.fields.contains("connection"));
  }
}

TEST(Http2Test, Http11IsServedOnTheSamePort) {
  TestServer server(echo);
  RawClient client(server.port());
  EXPECT_EQ(client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").read().status, 200);
  // The preface is one only where a connection begins.
  client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_EQ(client.read().status, 505);
}

TEST(Http2Test, ThePrefaceMayComeByteByByte) {
  TestServer server(echo);
  RawClient client(server.port());
  for (const char c : std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") + frame(4, 0, 0, ""))
    client.send(std::string_view(&c, 1));
  client.send(frame(6, 0, 0, "12345678"));
  client.finish_sending();
  const std::string bytes = client.read_to_end();
  EXPECT_NE(bytes.find(frame(6, 1, 0, "12345678")), std::string::npos);
}

TEST(Http2Test, RequestsDoNotWaitForEachOther) {
  const Held held;
  TestServer server(held.handler());
  Http2Client client(server.port());
  const std::int32_t slow = client.request("GET", "/held");
  const std::int32_t quick = client.request("GET", "/");
  EXPECT_EQ(client.answer(quick).body, "done 0");
  EXPECT_FALSE(client.stream(slow).ended);
  held.release();
  EXPECT_EQ(client.answer(slow).body, "done 0");
}

TEST(Http2Test, LargeBodiesBothWays) {
  TestServer server(echo);
  Http2Client client(server.port());
  std::vector<std::int32_t> ids;
  const std::string body = pattern(3 * kMiB);
  for (int i = 0; i < 4; ++i) {
    ids.push_back(client.request("PUT", "/", {}, true));
    client.send(ids.back(), body, true);
  }
  for (const std::int32_t id : ids) EXPECT_TRUE(client.answer(id).body == body);
}

TEST(Http2Test, BodyOfUnknownLengthArrivesWhole) {
  TestServer server(streaming(40, 100'000, false, counter()));
  Http2Client client(server.port());
  const Http2Client::Stream& answer = client.answer(client.request("GET", "/"));
  EXPECT_TRUE(answer.body == pattern(4'000'000));
  EXPECT_FALSE(answer.fields.contains("content-length"));
}

TEST(Http2Test, SourceThatFailsMidwayResetsTheStreamOnly) {
  TestServer server(streaming(3, 1000, true, counter()));
  Http2Client client(server.port());
  const std::int32_t id = client.request("GET", "/");
  ASSERT_TRUE(client.until([&] { return client.stream(id).closed; }));
  EXPECT_FALSE(client.stream(id).ended);
  EXPECT_EQ(client.stream(id).error, kInternalError);
  EXPECT_FALSE(client.gone_away());
}

TEST(Http2Test, HandlerThatDoesNotReadHoldsTheSenderBack) {
  const Held held;
  TestServer server(held.handler());
  Counter& received = Metrics::instance().counter("cumulet_http_received_bytes_total");
  const std::uint64_t before = received.value();
  Http2Client client(server.port());
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(client.request("PUT", "/held", {}, true));
    client.send(ids.back(), pattern(kMiB), true);
  }
  ASSERT_TRUE(client.until([&] { return *held.begun == 8; }));
  (void)client.until([tries = 0]() mutable { return ++tries > 20; });
  EXPECT_GT(received.value() - before, 256u * 1024);
  EXPECT_LT(received.value() - before, kMiB + 128 * 1024);
  held.release();
  for (const std::int32_t id : ids) EXPECT_EQ(client.answer(id).body, "done " + std::to_string(kMiB));
}

TEST(Http2Test, ClientThatDoesNotReadHoldsTheSourceBackAndIsResetInTheEnd) {
  const auto given = counter();
  TestServer server(streaming(1000, 100'000, false, given), quick());
  Http2Client client(server.port(), false);
  const std::int32_t id = client.request("GET", "/");
  ASSERT_TRUE(client.until([&] { return client.stream(id).closed; }));
  EXPECT_EQ(client.stream(id).error, kCancel);
  EXPECT_LE(*given, 2u);
}

TEST(Http2Test, BodyThatDoesNotArriveTimesOut) {
  TestServer server(body_error, quick());
  Http2Client client(server.port());
  const std::int32_t id = client.request("PUT", "/", {{"content-length", "10"}}, true);
  client.send(id, "abc", false);
  EXPECT_EQ(client.answer(id).body, "RequestTimeout");
}

TEST(Http2Test, BodyThatIsResetIsIncomplete) {
  std::promise<std::string> code;
  std::atomic<bool> begun = false;
  TestServer server([&code, &begun](Request& request) -> Task<Response> {
    begun = true;
    Task<Response> answer = body_error(request);
    Response response = co_await std::move(answer);
    code.set_value(std::get<std::string>(response.body));
    co_return response;
  });
  Http2Client client(server.port());
  const std::int32_t id = client.request("PUT", "/", {}, true);
  client.send(id, "abc", false);
  ASSERT_TRUE(client.until([&begun] { return begun.load(); }));
  client.reset(id);
  EXPECT_EQ(code.get_future().get(), "IncompleteBody");
}

TEST(Http2Test, BodyBeyondTheLimitIsRefused) {
  Limits limits;
  limits.body_bytes = 1000;
  TestServer server(body_error, limits);
  Http2Client client(server.port());
  EXPECT_EQ(client.answer(client.request("PUT", "/", {{"content-length", "1001"}}, true)).status, 413);
  const std::int32_t id = client.request("PUT", "/", {}, true);
  client.send(id, pattern(2000), true);
  EXPECT_EQ(client.answer(id).body, "EntityTooLarge");
}

TEST(Http2Test, ContinueIsSentWhenTheBodyIsWanted) {
  TestServer server(echo);
  Http2Client client(server.port());
  const std::int32_t id = client.request("PUT", "/", {{"expect", "100-continue"}, {"content-length", "2"}}, true);
  ASSERT_TRUE(client.until([&] { return !client.stream(id).interim.empty(); }));
  client.send(id, "ok", true);
  EXPECT_EQ(client.answer(id).body, "ok");
}

TEST(Http2Test, TrailersAreReadAndDropped) {
  TestServer server(echo);
  Http2Client client(server.port());
  const std::int32_t id = client.request("PUT", "/", {}, true);
  client.send(id, "body", false);
  client.end_with_trailers(id, {{"x-checksum", "1"}});
  EXPECT_EQ(client.answer(id).body, "body");
}

TEST(Http2Test, ResponsesWithoutBody) {
  TestServer server([](Request& request) -> Task<Response> {
    Response response(request.method == "HEAD" ? 200 : 204);
    if (request.method == "HEAD") response.content_length = 7;
    co_return response;
  });
  Http2Client client(server.port());
  EXPECT_EQ(client.answer(client.request("HEAD", "/")).fields.at("content-length"), "7");
  const Http2Client::Stream& empty = client.answer(client.request("DELETE", "/"));
  EXPECT_EQ(empty.status, 204);
  EXPECT_FALSE(empty.fields.contains("content-length"));
}

TEST(Http2Test, BodyNobodyReadIsCutOffAfterTheResponse) {
  TestServer server([](Request&) -> Task<Response> { co_return Response(403, "text/plain", "no"); });
  Http2Client client(server.port());
  const std::int32_t id = client.request("PUT", "/", {}, true);
  client.send(id, pattern(8 * kMiB), true);
  ASSERT_TRUE(client.until([&] { return client.stream(id).closed; }));
  EXPECT_EQ(client.stream(id).body, "no");
  EXPECT_EQ(client.stream(id).error, kNoError);
  EXPECT_GT(client.unsent(id), 4 * kMiB);
  EXPECT_EQ(client.answer(client.request("GET", "/")).body, "no");
}

TEST(Http2Test, RequestsThatCannotBeServedAreRefused) {
  std::atomic<int> served = 0;
  TestServer server([&served](Request& request) {
    ++served;
    return echo(request);
  });
  Http2Client client(server.port());
  const auto status = [&client](const Http2Client::Fields& fields) {
    return client.answer(client.request_of(fields)).status;
  };
  const std::string large(9000, 'a');
  Http2Client::Fields many{{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/"}};
  Http2Client::Fields big = many;
  for (int i = 0; i < 201; ++i) many.emplace_back("x-field", "y");
  for (int i = 0; i < 8; ++i) big.emplace_back("x-field", large);
  EXPECT_EQ(status(many), 431);
  EXPECT_EQ(status(big), 431);
  EXPECT_EQ(status({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {"host", "b"}}), 400);
  EXPECT_EQ(status({{":method", "CONNECT"}, {":authority", "a:443"}}), 400);
  EXPECT_EQ(status({{":method", "PUT"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}, {"expect", "x"}}),
            417);
  EXPECT_EQ(served, 0);
}

TEST(Http2Test, DrainSaysGoodbyeAndLetsRequestsEnd) {
  const Held held;
  TestServer server(held.handler());
  auto idle = std::make_unique<Http2Client>(server.port());
  EXPECT_EQ(idle->answer(idle->request("GET", "/")).status, 200);
  auto busy = std::make_unique<Http2Client>(server.port());
  const std::int32_t id = busy->request("GET", "/held");
  ASSERT_TRUE(busy->until([&] { return *held.begun == 2; }));
  auto drained = std::async(std::launch::async, [&server] {
    server.server().drain(std::chrono::steady_clock::now() + std::chrono::seconds(30));
  });
  EXPECT_TRUE(idle->closed());
  EXPECT_TRUE(idle->gone_away());
  idle.reset();
  ASSERT_TRUE(busy->until([&] { return busy->gone_away(); }));
  held.release();
  EXPECT_EQ(busy->answer(id).body, "done 0");
  EXPECT_TRUE(busy->closed());
  EXPECT_EQ(busy->goodbye(), kNoError);
  busy.reset();
}

TEST(Http2Test, IdleConnectionEndsWithAGoodbye) {
  TestServer server(echo, quick());
  Http2Client client(server.port());
  EXPECT_TRUE(client.closed());
  EXPECT_TRUE(client.gone_away());
  EXPECT_EQ(client.goodbye(), kNoError);
}

TEST(Http2Test, HeadThatDoesNotEndEndsTheConnection) {
  Limits limits = quick();
  limits.keep_alive_seconds = 60;
  TestServer server(echo, limits);
  Http2Client client(server.port());
  client.raw(frame(1, 0, 1, "\x82"));  // no END_HEADERS
  EXPECT_TRUE(client.closed());
}

TEST(Http2Test, ConnectionThatBreaksLeavesNothingBehind) {
  const Held held;
  Gauge& connections = Metrics::instance().gauge("cumulet_http_connections");
  const std::int64_t before = connections.value();
  TestServer server(held.handler());
  {
    Http2Client client(server.port());
    for (int i = 0; i < 20; ++i) (void)client.request("PUT", "/held", {}, true);
    ASSERT_TRUE(client.until([&] { return *held.begun == 20; }));
  }
  held.release();
  EXPECT_TRUE(eventually([&] { return connections.value() == before; }));
}

struct Flood {
  const char* name;
  std::string bytes;
  std::uint32_t goodbye;
};

class FloodTest : public testing::TestWithParam<Flood> {};

TEST_P(FloodTest, EndsTheConnection) {
  TestServer server(echo);
  Http2Client client(server.port());
  EXPECT_EQ(client.answer(client.request("GET", "/")).status, 200);
  const std::int32_t open = client.request("PUT", "/", {}, true);
  client.raw(GetParam().bytes);
  EXPECT_TRUE(client.closed());
  EXPECT_FALSE(client.stream(open).ended);
  EXPECT_EQ(client.goodbye(), GetParam().goodbye);
}

const std::string kBlock("\x82\x86\x84\x41\x01x", 6);  // GET http / :authority x

INSTANTIATE_TEST_SUITE_P(
    Frames, FloodTest,
    testing::Values(Flood{"Pings", repeated(frame(6, 0, 0, "12345678"), 30'000), kCalm},
                    Flood{"Settings", repeated(frame(4, 0, 0, ""), 30'000), kCalm},
                    Flood{"EmptyData", repeated(frame(0, 0, 3, ""), 30'000), kCalm},
                    Flood{"WindowUpdates", repeated(frame(8, 0, 0, std::string("\0\0\0\1", 4)), 30'000), kCalm},
                    Flood{"Continuation", frame(1, 0, 5, kBlock) + repeated(frame(9, 0, 5, ""), 1000), kProtocolError},
                    Flood{"NotHttp2", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", kFrameSizeError}),
    [](const auto& flood) { return flood.param.name; });

TEST(Http2Test, RequestsResetAtOnceDoNotPileUp) {
  const Held held;
  Limits limits;
  limits.http2_streams = 10;
  TestServer server(held.handler(), limits);
  Http2Client client(server.port());
  for (std::size_t i = 1; i <= 20; ++i) {
    const std::int32_t id = client.request("GET", "/held");
    ASSERT_TRUE(client.until([&] { return *held.begun == i; }));
    client.reset(id);
  }
  EXPECT_EQ(client.answer(client.request("GET", "/")).error, kRefusedStream);
  EXPECT_EQ(*held.begun, 20u);
  held.release();
}

TEST(Http2Test, MoreRequestsThanAllowedAtOnceAreRefused) {
  const Held held;
  Limits limits;
  limits.http2_streams = 4;
  TestServer server(held.handler(), limits);
  Http2Client client(server.port());
  std::string block = repeated("", 0);
  for (std::uint32_t id = 1; id <= 11; id += 2)
    block += frame(1, 5, id, std::string("\x82\x86\x41\x01x\x04\x05/held", 12));
  client.raw(block);
  ASSERT_TRUE(client.until([&] { return *held.begun == 4; }));
  (void)client.until([tries = 0]() mutable { return ++tries > 10; });
  EXPECT_EQ(*held.begun, 4u);
  held.release();
}

}  // namespace
}  // namespace cumulet::net
