#include <gmock/gmock.h>

#include "compute/response_stream.h"
#include "tests/unit/compute/engine_fixture.h"

namespace cumulet::compute {
namespace {

using testing::HasSubstr;

class StreamingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!engines_.engine().find_runtime("nodejs20.x").installed) GTEST_SKIP() << "Node.js is not installed";
  }
  struct Streamed {
    bool began = false;
    std::string text;
    ResponseEnd end;
    Result<InvocationResult> result = InvocationResult();
  };

  /// Runs it and takes all of the response; `piece` is called with each one.
  Streamed stream(const std::shared_ptr<FunctionVersion>& version, std::function<void(std::string)> piece = {},
                  bool paced = false) {
    const auto response = std::make_shared<ResponseStream>();
    if (paced) response->pace();
    auto running = engines_.begin(version, "{}", -1, 0, false, response);
    auto promise = std::make_shared<std::promise<Streamed>>();
    engines_.loop(1).post([response, promise, piece] {
      start(take(response, piece), [promise](Result<Streamed> taken) { promise->set_value(std::move(*taken)); });
    });
    Streamed streamed = promise->get_future().get();
    streamed.result = running.get();
    return streamed;
  }
  static Task<Streamed> take(std::shared_ptr<ResponseStream> response, std::function<void(std::string)> seen) {
    Streamed streamed;
    streamed.began = co_await response->begun();
    while (true) {
      const std::string piece = co_await response->read();
      if (piece.empty()) break;
      if (seen) seen(piece);
      streamed.text += piece;
    }
    streamed.end = response->how_ended();
    co_return streamed;
  }
  std::shared_ptr<FunctionVersion> streaming(const std::string& body) {
    const auto version =
        engines_.node("exports.handler = awslambda.streamifyResponse(async (event, out, context) => {" + body + "})");
    version->timeout_seconds = 20;
    return version;
  }

  EngineFixture engines_{make_test_substrate()};
};

TEST_F(StreamingTest, PiecesComeWhileTheFunctionRuns) {
  const auto version =
      streaming("out.write('one'); await new Promise((r) => setTimeout(r, 50)); out.write('two'); out.end()");
  std::vector<std::string> pieces;
  const Streamed streamed = stream(version, [&](std::string piece) { pieces.push_back(std::move(piece)); });
  EXPECT_TRUE(streamed.began);
  EXPECT_EQ(pieces, (std::vector<std::string>{"one", "two"}));
  EXPECT_FALSE(streamed.end.failed());
  ASSERT_TRUE(streamed.result.ok());
  EXPECT_EQ(streamed.result->function_error, "");
}

TEST_F(StreamingTest, LargeResponseArrivesWhole) {
  const auto version = streaming(
      "const b = Buffer.alloc(1 << 20, 'x'); for (let i = 0; i < 20; i++) "
      "if (!out.write(b)) await new Promise((r) => out.once('drain', r)); out.end()");
  EXPECT_EQ(stream(version).text.size(), 20u << 20);
}

TEST_F(StreamingTest, ResponseOfAHandlerThatDoesNotStreamIsAResult) {
  const Streamed streamed = stream(engines_.node("exports.handler = async () => 5"));
  EXPECT_FALSE(streamed.began);
  ASSERT_TRUE(streamed.result.ok());
  EXPECT_EQ(streamed.result->payload, "5");
}

TEST_F(StreamingTest, ErrorBeforeTheFirstByteIsAPlainError) {
  const Streamed streamed = stream(streaming("throw new TypeError('early')"));
  EXPECT_FALSE(streamed.began);
  ASSERT_TRUE(streamed.result.ok());
  EXPECT_EQ(streamed.result->function_error, "Unhandled");
  EXPECT_THAT(streamed.result->payload, HasSubstr("early"));
}

TEST_F(StreamingTest, ErrorInMidStreamComesInTheTrailers) {
  const Streamed streamed = stream(streaming("out.write('some'); throw new TypeError('late')"));
  EXPECT_EQ(streamed.text, "some");
  EXPECT_TRUE(streamed.end.failed());
  EXPECT_THAT(streamed.end.document, HasSubstr("late"));
  EXPECT_EQ(streamed.result->function_error, "Unhandled");
}

TEST_F(StreamingTest, TimeOutInMidStreamEndsIt) {
  const auto version = streaming("out.write('some'); await new Promise((r) => setTimeout(r, 60000))");
  version->timeout_seconds = 1;
  const Streamed streamed = stream(version);
  EXPECT_EQ(streamed.text, "some");
  EXPECT_THAT(streamed.end.document, HasSubstr("Sandbox.Timedout"));
}

TEST_F(StreamingTest, ExitInMidStreamIsTheReason) {
  const Streamed streamed = stream(streaming("out.write('some', () => process.exit(7)); await new Promise(() => {})"));
  EXPECT_TRUE(streamed.end.failed());
  EXPECT_THAT(streamed.end.document, HasSubstr("exit status 7"));
}

TEST_F(StreamingTest, PacedResponseTakesItsTimeAfterSixMegabytes) {
  const auto version = streaming(
      "const b = Buffer.alloc(1 << 20, 'x'); for (let i = 0; i < 7; i++) "
      "if (!out.write(b)) await new Promise((r) => out.once('drain', r)); out.end()");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(stream(version, {}, true).text.size(), 7u << 20);
  // Half a second for the seventh; the last of its pieces need not wait for its own.
  EXPECT_GT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(400));
}

TEST_F(StreamingTest, ErrorThatIsPostedBesideTheStreamEndsIt) {
  const Streamed streamed = stream(streaming(
      "out.write('some'); const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');"
      "await new Promise((done) => require('http').request({ host, port, method: 'POST', path: "
      "'/2018-06-01/runtime/invocation/' + context.awsRequestId + '/error' }, (r) => { r.resume(); r.on('end', done) })"
      ".end('{\"errorMessage\":\"beside\"}')); process.exit(1)"));
  EXPECT_EQ(streamed.text, "some");
  EXPECT_THAT(streamed.end.document, HasSubstr("beside"));
}

TEST_F(StreamingTest, ReaderThatGoesAwayDoesNotStopTheFunction) {
  const auto version = streaming(
      "const b = Buffer.alloc(1 << 20, 'x'); for (let i = 0; i < 8; i++) "
      "if (!out.write(b)) await new Promise((r) => out.once('drain', r)); "
      "console.log('all written'); out.end()");
  const auto response = std::make_shared<ResponseStream>();
  auto running = engines_.begin(version, "{}", -1, 0, false, response);
  response->abandon();
  const Result<InvocationResult> result = running.get();
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->function_error, "");
  engines_.wait_for_log("all written");
}

TEST_F(StreamingTest, ForgottenEndAndEmptyStreamsEnd) {
  EXPECT_EQ(stream(streaming("out.write('left open')")).text, "left open");
  const Streamed empty = stream(streaming("out.end()"));
  EXPECT_TRUE(empty.began);
  EXPECT_EQ(empty.text, "");
  EXPECT_FALSE(empty.end.failed());
}

TEST_F(StreamingTest, HandlerThatIsNotAsynchronousIsRefused) {
  const Streamed streamed =
      stream(engines_.node("exports.handler = awslambda.streamifyResponse((event, out) => { out.end('x') })"));
  EXPECT_THAT(streamed.end.document + streamed.result->payload, HasSubstr("non-async"));
}

TEST_F(StreamingTest, PreludeGoesBeforeTheFirstByte) {
  const Streamed streamed = stream(
      streaming("out = awslambda.HttpResponseStream.from(out, { statusCode: 201 }); out.write('body'); out.end()"));
  EXPECT_EQ(streamed.text, std::string("{\"statusCode\":201}") + std::string(8, '\0') + "body");
}

}  // namespace
}  // namespace cumulet::compute
