#include <gmock/gmock.h>

#include "compute/environment_variables.h"
#include "tests/unit/compute/engine_fake_substrate.h"
#include "tests/unit/compute/engine_fixture.h"

namespace cumulet::compute {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;

class NodeTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!cloud.engine().find_runtime("nodejs20.x").installed) GTEST_SKIP() << "Node.js is not installed";
  }
  InvocationResult run(const std::string& text, const std::string& payload = "{}", const std::string& file = "app.js") {
    const auto f = cloud.node(text, file);
    f->timeout_seconds = 20;
    return cloud.invoke(f, payload);
  }
  EngineFixture cloud{make_test_substrate()};
};

TEST(ReadAtStart, AreVariablesOfInterpretersAndLoaders) {
  for (const char* name : {"NODE_OPTIONS", "NODE_PATH", "PYTHONPATH", "LD_PRELOAD", "TZ"})
    EXPECT_TRUE(read_at_start(name));
  for (const char* name : {"NODE_ENV", "TABLE", "AWS_NODEJS_CONNECTION_REUSE_ENABLED"})
    EXPECT_FALSE(read_at_start(name));
}

TEST_F(NodeTest, AsyncHandlerAnswers) {
  EXPECT_EQ(run("exports.handler = async (event) => ({ got: event })", R"({"a":"한글"})").payload,
            R"({"got":{"a":"한글"}})");
}

TEST_F(NodeTest, ModulesAreLoaded) {
  EXPECT_EQ(run("export const handler = async (event, context) => context.functionVersion", "{}", "app.mjs").payload,
            "\"$LATEST\"");
}

TEST_F(NodeTest, CallbackWaitsForTheEventLoopUnlessTold) {
  EXPECT_EQ(run("let done = 0; exports.handler = (e, c, cb) => { setTimeout(() => { done = 1 }, 50); cb(null, 'x') }")
                .payload,
            "\"x\"");
  EXPECT_EQ(run("exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, "
                "1000); cb(null, 'now') }")
                .payload,
            "\"now\"");
  EXPECT_EQ(run("exports.handler = (e, c, cb) => { cb(new TypeError('no')) }").function_error, "Unhandled");
  EXPECT_EQ(run("exports.handler = () => {}").payload, "null");
}

TEST_F(NodeTest, WarmInvocationsKeepTheProcess) {
  const auto f = cloud.node("let n = 0; exports.handler = async () => ++n");
  f->timeout_seconds = 20;
  for (int i = 1; i <= 10; ++i) EXPECT_EQ(cloud.invoke(f, "{}", i % 2).payload, std::to_string(i));
}

TEST_F(NodeTest, ErrorsHaveTypeMessageAndTrace) {
  EXPECT_THAT(run("exports.handler = async () => { throw new RangeError('too far') }").payload,
              MatchesRegex(
                  R"(\{"errorType":"RangeError","errorMessage":"too far","trace":\["RangeError: too far","    at .*)"));
  EXPECT_THAT(cloud.wait_for_log("END"),
              HasSubstr("\tERROR\tInvoke Error  \t{\"errorType\":\"RangeError\",\"errorMessage\":\"too far\""));
}

TEST_F(NodeTest, InitialisationErrorsHaveTheirNames) {
  EXPECT_THAT(
      run("require('nothing-like-it')").payload,
      HasSubstr(
          R"({"errorType":"Runtime.ImportModuleError","errorMessage":"Error: Cannot find module 'nothing-like-it')"));
  EXPECT_THAT(run("x = {").payload, HasSubstr("Runtime.UserCodeSyntaxError"));
  EXPECT_THAT(run("exports.other = 1").payload, HasSubstr("app.handler is undefined or not exported"));
  EXPECT_THAT(run("", "{}", "elsewhere.js").payload, HasSubstr("Runtime.ImportModuleError"));
}

TEST_F(NodeTest, UnhandledRejectionEndsTheInvocation) {
  EXPECT_THAT(run("exports.handler = async () => { Promise.reject(new Error('lost')); await new Promise(r => "
                  "setTimeout(r, 5000)) }")
                  .payload,
              HasSubstr(R"({"errorType":"Runtime.UnhandledPromiseRejection","errorMessage":"Error: lost")"));
  EXPECT_THAT(run("exports.handler = async () => { setTimeout(() => { throw new Error('late') }, 5); await new "
                  "Promise(r => setTimeout(r, 5000)) }")
                  .payload,
              HasSubstr(R"({"errorType":"Error","errorMessage":"late")"));
}

TEST_F(NodeTest, PromiseThatNeverSettlesIsAnExit) {
  EXPECT_THAT(run("exports.handler = () => new Promise(() => {})").payload, HasSubstr("Runtime.NodeJsExit"));
  EXPECT_THAT(run("exports.handler = async () => process.exit(0)").payload,
              HasSubstr("Runtime exited without providing a reason"));
}

TEST_F(NodeTest, ConsoleLinesCarryTimeIdAndLevel) {
  run("exports.handler = async () => { console.log('a\\nb', {x: 1}); console.warn('careful') }");
  const std::string log = cloud.wait_for_log("REPORT");
  EXPECT_THAT(log, HasSubstr("\tINFO\ta\rb { x: 1 }\n"));
  EXPECT_THAT(log, HasSubstr("\tWARN\tcareful\n"));
}

TEST_F(NodeTest, ParkedInterpreterBecomesTheFunction) {
  run("exports.handler = async () => 1");
  std::this_thread::sleep_for(milliseconds(900));  // Until one is parked; there is no event to wait for.
  EXPECT_EQ(run("export const handler = async (e, c) => [e, process.env._HANDLER, process.env._CUMULET_PARKED ?? null]",
                "5", "app.mjs")
                .payload,
            "[5,\"app.handler\",null]");
}

TEST_F(NodeTest, StreamedResponseIsGathered) {
  EXPECT_EQ(run("exports.handler = awslambda.streamifyResponse(async (e, out) => { out.write('one '); "
                "out.write('two'); out.end() })")
                .payload,
            "one two");
}

}  // namespace
}  // namespace cumulet::compute
