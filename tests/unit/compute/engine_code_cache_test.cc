#include <gmock/gmock.h>

#include "base/metrics.h"
#include "tests/unit/compute/engine_fake_substrate.h"
#include "tests/unit/compute/engine_fixture.h"

/// Functions with code caches behave as those without.
namespace cumulet::compute {
namespace {

using testing::HasSubstr;

/// What a module can see of itself and of how it was loaded.
constexpr const char* kLooksAround = R"(
const where = new Error('here').stack.split('\n')[1].trim();
const seen = {
  where, dirname: __dirname, filename: __filename, main: require.main === undefined, own: require.cache[__filename] === module,
  exports: this === module.exports && exports === module.exports, count: arguments.length, paths: module.paths[0], id: module.id,
  loaded: module.loaded, resolve: require.resolve('./data.json'), extensions: Object.keys(require.extensions),
  json: require('./data.json'), parent: typeof module.parent, children: module.children.length, none: typeof HEAD,
};
let runs = 0;
exports.handler = async (event) => {
  seen.imported = (await import('./other.mjs')).default;
  seen.variables = Object.keys(process.env).filter((name) => name.startsWith('_CUMULET'));
  if (event.wait) await new Promise((done) => setTimeout(done, event.wait));
  try { null.x } catch (error) { seen.thrown = error.stack.split('\n').slice(0, 2).map((line) => line.trim()) }
  return event.count ? ++runs : seen;
};
)";

class CodeCacheEngineTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!cloud_.engine().find_runtime("nodejs20.x").installed) GTEST_SKIP() << "Node.js is not installed";
  }
  std::shared_ptr<FunctionVersion> large(const std::string& text) {
    std::string padded = text;
    for (int i = 0; padded.size() < 100'000; ++i) {
      padded += "exports.unused" + std::to_string(i) + " = function (a) { return a.b + '한글' + " + std::to_string(i) +
                " };\n";
    }
    const auto version = cloud_.node(padded);
    version->timeout_seconds = 20;
    std::ofstream(version->code / "data.json") << R"({"from":"json"})";
    std::ofstream(version->code / "other.mjs") << "export default 'a module';";
    return version;
  }
  std::uint64_t count(const std::string& what) {
    return Metrics::instance().counter("cumulet_function_code_caches_" + what + "_total").value();
  }
  bool wait_for(const std::string& what, std::uint64_t value) {
    const SteadyTime limit = std::chrono::steady_clock::now() + seconds(20);
    while (count(what) < value && std::chrono::steady_clock::now() < limit)
      std::this_thread::sleep_for(milliseconds(5));
    return count(what) == value;
  }
  /// From another environment than the one that is idle: that one is kept busy.
  std::string from_another(const std::shared_ptr<FunctionVersion>& version) {
    auto busy = cloud_.begin(version, R"({"wait":3000})");
    std::string payload = cloud_.invoke(version).payload;
    busy.wait();
    return payload;
  }

  EngineFixture cloud_{make_test_substrate()};
};

TEST_F(CodeCacheEngineTest, NextEnvironmentUsesWhatTheFirstMadeAndSeesNoDifference) {
  const std::uint64_t made = count("made");
  const std::uint64_t used = count("used");
  const std::uint64_t refused = count("refused");
  const auto plain = large(kLooksAround);
  plain->environment["NODE_OPTIONS"] = "--max-old-space-size=100";
  std::string expected = cloud_.invoke(plain).payload;
  ASSERT_THAT(expected, HasSubstr("a module"));

  const auto version = large(kLooksAround);
  version->code = plain->code;
  EXPECT_EQ(cloud_.invoke(version).payload, expected);
  ASSERT_TRUE(wait_for("made", made + 1));
  EXPECT_EQ(from_another(version), expected);
  EXPECT_EQ(count("used"), used + 1);
  EXPECT_EQ(count("refused"), refused);

  const auto other = large(kLooksAround);
  other->code = plain->code;
  EXPECT_EQ(cloud_.invoke(other).payload, expected);
  EXPECT_EQ(count("used"), used + 1);
}

TEST_F(CodeCacheEngineTest, SecondInvocationStaysInTheEnvironmentThatMakesIt) {
  const auto version = large(kLooksAround);
  for (int i = 1; i <= 5; ++i) EXPECT_EQ(cloud_.invoke(version, R"({"count":true})").payload, std::to_string(i));
}

TEST_F(CodeCacheEngineTest, RetiredVersionHasNoneAnyMore) {
  const std::uint64_t made = count("made");
  const std::uint64_t used = count("used");
  const auto version = large(kLooksAround);
  cloud_.invoke(version);
  ASSERT_TRUE(wait_for("made", made + 1));
  cloud_.engine().retire(version->key);
  cloud_.invoke(version);
  EXPECT_EQ(count("used"), used);
}

TEST_F(CodeCacheEngineTest, ErrorsInLargeFilesAreThoseOfNode) {
  for (const std::string text : {"x = {", "}); (function () {", "throw new RangeError('no')", "import x from 'y'"}) {
    const auto plain = large(text + "\n");
    plain->environment["NODE_OPTIONS"] = "--max-old-space-size=100";
    const auto version = large(text + "\n");
    version->code = plain->code;
    const std::string expected = cloud_.invoke(plain).payload;
    const std::string payload = cloud_.invoke(version).payload;
    EXPECT_THAT(payload, HasSubstr("errorType")) << text;
    EXPECT_EQ(payload.substr(0, payload.find("Module._compile")), expected.substr(0, expected.find("Module._compile")));
  }
}

}  // namespace
}  // namespace cumulet::compute
