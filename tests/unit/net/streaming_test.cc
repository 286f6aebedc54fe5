#include <atomic>
#include <filesystem>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/deferred.h"
#include "base/metrics.h"
#include "net/server.h"
#include "support.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kMiB = 1024 * 1024;

/// Gives `pieces` pieces of a pattern; tells their size beforehand when `sized`, and may fail before the last.
class Pieces final : public BodySource {
 public:
  Pieces(std::size_t pieces, std::size_t piece_size, bool sized, bool fails = false)
      : pieces_(pieces), piece_size_(piece_size), sized_(sized), fails_(fails) {}
  Task<std::string> read() override {
    if (given_ == pieces_) co_return std::string();
    if (fails_ && given_ + 1 == pieces_) co_return Error(errors::kInternalFailure, "broken");
    std::string piece = pattern(piece_size_, given_ * piece_size_);
    ++given_;
    co_return piece;
  }
  std::optional<std::uint64_t> size() const override {
    return sized_ ? std::optional<std::uint64_t>(pieces_ * piece_size_) : std::nullopt;
  }

 private:
  std::size_t pieces_;
  std::size_t piece_size_;
  bool sized_;
  bool fails_;
  std::size_t given_ = 0;
};

Response streamed(std::size_t pieces, std::size_t piece_size, bool sized, bool fails = false) {
  Response response(200);
  response.body = std::make_unique<Pieces>(pieces, piece_size, sized, fails);
  return response;
}

/// Reads the body without keeping it and answers with its size and whether it was the pattern.
Task<Response> check_pattern(Request& request) {
  std::size_t size = 0;
  bool same = true;
  for (;;) {
    const std::string piece = co_await request.body->read();
    if (piece.empty()) break;
    EXPECT_LE(piece.size(), 256 * 1024u);
    same = same && piece == pattern(piece.size(), size);
    size += piece.size();
  }
  co_return Response(200, "text/plain", std::to_string(size) + (same ? " same" : " different"));
}

TEST(StreamingTest, LargeBodyWithALengthArrivesWhole) {
  TestServer server(check_pattern);
  RawClient client(server.port());
  const std::string body = pattern(40 * kMiB);
  client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n").send(body);
  EXPECT_EQ(client.read().body, std::to_string(body.size()) + " same");
}

TEST(StreamingTest, LargeChunkedBodyArrivesWholeAndTheNextRequestFollows) {
  TestServer server(check_pattern);
  RawClient client(server.port());
  const std::string body = pattern(8 * kMiB);
  client.send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (std::size_t at = 0, size = 1; at < body.size(); at += size, size = size * 3 % 100'003 + 1) {
    size = std::min(size, body.size() - at);
    char line[32];
    std::snprintf(line, sizeof line, "%zx\r\n", size);
    client.send(line).send(std::string_view(body).substr(at, size)).send("\r\n");
  }
  client.send("0\r\nTrailer: dropped\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read().body, std::to_string(body.size()) + " same");
  EXPECT_EQ(client.read().body, "0 same");
}

/// A handler that does not read holds the sender back: what the server takes meanwhile is bounded.
TEST(StreamingTest, SlowReaderHoldsTheSenderBack) {
  Deferred<int> go;
  struct Waiting {
    static Task<Response> answer(Request& request, Deferred<int> signal) {
      (void)co_await signal.wait();
      co_return co_await check_pattern(request);
    }
  };
  TestServer server([go](Request& request) { return Waiting::answer(request, go); });
  Counter& received = Metrics::instance().counter("cumulet_http_received_bytes_total");
  const std::uint64_t before = received.value();
  RawClient client(server.port());
  const std::string body = pattern(64 * kMiB);
  client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n");
  // Fill the kernel's buffers until they take no more for a while.
  std::size_t sent = 0;
  for (int full = 0; full < 50;) {
    const std::size_t count = client.send_some(std::string_view(body).substr(sent));
    sent += count;
    full = count == 0 ? full + 1 : 0;
    if (count == 0) std::this_thread::sleep_for(milliseconds(2));
  }
  EXPECT_LT(sent, body.size());
  EXPECT_LT(received.value() - before, 64 * 1024u);
  go.resolve(1);
  client.send(std::string_view(body).substr(sent));
  EXPECT_EQ(client.read().body, std::to_string(body.size()) + " same");
}

TEST(StreamingTest, BodyOfUnknownLengthIsChunked) {
  TestServer server([](Request&) -> Task<Response> { co_return streamed(20, 100'000, false); });
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse response = client.read();
    EXPECT_EQ(response.field("Transfer-Encoding"), "chunked");
    EXPECT_EQ(response.field("Content-Length"), "");
    EXPECT_TRUE(response.body == pattern(2'000'000));
  }
}

TEST(StreamingTest, BodyOfUnknownLengthEndsAnHttp10Connection) {
  TestServer server([](Request&) -> Task<Response> { co_return streamed(3, 1000, false); });
  RawClient client(server.port());
  client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const RawResponse response = client.read();
  EXPECT_EQ(response.field("Transfer-Encoding"), "");
  EXPECT_EQ(response.field("Connection"), "close");
  EXPECT_TRUE(response.body == pattern(3000));
}

TEST(StreamingTest, BodyOfKnownLengthHasIt) {
  TestServer server([](Request&) -> Task<Response> { co_return streamed(30, 250'000, true); });
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const RawResponse response = client.read();
  EXPECT_EQ(response.field("Content-Length"), "7500000");
  EXPECT_TRUE(response.body == pattern(7'500'000));
}

TEST(StreamingTest, SourceThatFailsAtOnceBecomes500) {
  TestServer server([](Request&) -> Task<Response> { co_return streamed(1, 1000, true, true); });
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read().status, 500);
}

TEST(StreamingTest, SourceThatFailsMidwayIsNoticedByTheReader) {
  for (const bool sized : {true, false}) {
    TestServer server([sized](Request&) -> Task<Response> { co_return streamed(3, 1000, sized, true); });
    RawClient client(server.port());
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string all = client.read_to_end();
    EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_EQ(all.find("\r\n0\r\n\r\n"), std::string::npos);
  }
}

TEST(StreamingTest, HandlerErrorBecomes500AndTheConnectionStays) {
  TestServer server([](Request& request) -> Task<Response> {
    if (request.path == "/throw") throw std::runtime_error("thrown");
    co_return Error(errors::kInternalFailure, "secret detail");
  });
  RawClient client(server.port());
  for (const char* const path : {"/error", "/throw"}) {
    client.send("GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse response = client.read();
    EXPECT_EQ(response.status, 500);
    EXPECT_EQ(response.body, "Internal failure.\n");
  }
}

TEST(StreamingTest, HeadAndBodilessStatusesCarryNoBody) {
  TestServer server([](Request& request) -> Task<Response> {
    if (request.path == "/204") co_return Response(204);
    if (request.path == "/304") {
      Response response(304);
      response.content_length = 77;
      co_return response;
    }
    if (request.path == "/stream") co_return streamed(3, 1000, true);
    if (request.path == "/said") {
      Response response(200);
      response.content_length = 123'456'789'012;
      co_return response;
    }
    co_return Response(200, "text/plain", "hello");
  });
  RawClient client(server.port());
  const auto head = [&client](const std::string& method, const std::string& path) {
    client.send(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n");
    return client.read(true);
  };
  EXPECT_EQ(head("HEAD", "/").field("Content-Length"), "5");
  EXPECT_EQ(head("HEAD", "/stream").field("Content-Length"), "3000");
  EXPECT_EQ(head("HEAD", "/said").field("Content-Length"), "123456789012");
  const RawResponse nothing = head("GET", "/204");
  EXPECT_EQ(nothing.status, 204);
  EXPECT_EQ(nothing.field("Content-Length"), "");
  EXPECT_EQ(head("GET", "/304").field("Content-Length"), "77");
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read().body, "hello");
}

TEST(StreamingTest, FileIsSentFromItsOffset) {
  const std::string path = testing::TempDir() + "/file_body_" + std::to_string(::getpid());
  const std::string content = pattern(12 * kMiB);
  {
    const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    ASSERT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    ::close(fd);
  }
  TestServer server([path](Request& request) -> Task<Response> {
    Response response(206);
    const std::uint64_t past_end = request.path == "/short" ? 10 : 0;
    response.body = std::make_unique<FileBody>(::open(path.c_str(), O_RDONLY | O_CLOEXEC), 1000,
                                               12 * kMiB - 1500 + past_end * 1000);
    co_return response;
  });
  RawClient client(server.port());
  for (int i = 0; i < 2; ++i) {
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const RawResponse response = client.read();
    EXPECT_EQ(response.status, 206);
    EXPECT_TRUE(response.body == content.substr(1000, content.size() - 1500));
  }
  client.send("GET /short HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.read().status, 0) << "a file that is shorter than promised must not look complete";
  std::filesystem::remove(path);
}

TEST(StreamingTest, ResponsesCannotBeSplit) {
  TestServer server([](Request&) -> Task<Response> {
    Response response(200, "text/plain", "ok");
    response.headers.add("X-Value", "a\r\nX-Injected: b");
    response.headers.add("X-Na me", "dropped");
    response.headers.add("X\r\nX-Injected", "dropped");
    response.headers.add("Content-Length", "999");
    response.headers.add("Transfer-Encoding", "chunked");
    response.headers.add("Set-Cookie", "a=1");
    response.headers.add("Set-Cookie", "b=2");
    co_return response;
  });
  RawClient client(server.port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const RawResponse response = client.read();
  EXPECT_EQ(response.body, "ok");
  EXPECT_EQ(response.field("X-Value"), "a  X-Injected: b");
  EXPECT_EQ(response.field("X-Injected"), "");
  EXPECT_EQ(response.head.find("dropped"), std::string::npos);
  EXPECT_EQ(response.field("Content-Length"), "2");
  EXPECT_NE(response.head.find("Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"), std::string::npos);
}

/// The request's body may be answered piece by piece while it still arrives.
TEST(StreamingTest, ResponseMayStreamTheRequest) {
  struct Echo final : BodySource {
    explicit Echo(BodySource& b) : body(b) {}
    Task<std::string> read() override { return body.read(); }
    BodySource& body;
  };
  TestServer server([](Request& request) -> Task<Response> {
    Response response(200);
    response.body = std::make_unique<Echo>(*request.body);
    co_return response;
  });
  RawClient client(server.port());
  const std::string body = pattern(3 * kMiB);
  std::thread sender([&client, &body] {
    client.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n").send(body);
  });
  EXPECT_TRUE(client.read().body == body);
  sender.join();
}

}  // namespace
}  // namespace cumulet::net
