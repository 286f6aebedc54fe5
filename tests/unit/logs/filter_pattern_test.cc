#include "services/logs/filter_pattern.h"

#include <gtest/gtest.h>

namespace cumulet::logs {
namespace {

bool matches(std::string_view pattern, std::string_view message) {
  const Result<FilterPattern> parsed = FilterPattern::parse(pattern);
  EXPECT_TRUE(parsed.ok()) << pattern << ": " << (parsed.ok() ? "" : parsed.error().message());
  return parsed.ok() && parsed->matches(message);
}

TEST(FilterPatternTest, Terms) {
  EXPECT_TRUE(matches("", "anything"));
  EXPECT_TRUE(matches("ERROR", "[ERROR] broken"));
  EXPECT_FALSE(matches("ERROR", "error"));
  EXPECT_TRUE(matches("ERROR disk", "ERROR on disk"));
  EXPECT_FALSE(matches("ERROR disk", "ERROR"));
  EXPECT_FALSE(matches("ERROR -disk", "ERROR on disk"));
  EXPECT_TRUE(matches("ERROR -disk", "ERROR in memory"));
  EXPECT_TRUE(matches("?a1 ?b1", "has b1"));
  EXPECT_FALSE(matches("?a1 ?b1", "has c1"));
  EXPECT_TRUE(matches("\"two words\"", "here are two words"));
  EXPECT_FALSE(matches("\"two words\"", "words two"));
}

TEST(FilterPatternTest, Json) {
  const char* message = R"({"level":"ERROR","ms":120,"user":{"name":"eve","roles":["a","b"]},"ok":true,"none":null})";
  for (const char* pattern :
       {"{ $.level = \"ERROR\" }", "{ $.level = ERROR }", "{ $.level = \"ERR*\" }", "{ $.ms > 100 }", "{ $.ms >= 120 }",
        "{ $.ms != 5 }", "{ $.user.name = \"eve\" }", "{ $.user.roles[1] = \"b\" }", "{ $.ok IS TRUE }",
        "{ $.none IS NULL }", "{ $.other NOT EXISTS }", "{ $.ms < 5 || $.level = \"ERROR\" }",
        "{ ($.ms > 5 && $.ok IS TRUE) || $.ms = 0 }"}) {
    EXPECT_TRUE(matches(pattern, message)) << pattern;
  }
  for (const char* pattern : {"{ $.level = \"INFO\" }", "{ $.ms > 120 }", "{ $.ms < 120 }", "{ $.other = 1 }",
                              "{ $.ok IS FALSE }", "{ $.level NOT EXISTS }", "{ $.ms > 5 && $.level = \"INFO\" }"}) {
    EXPECT_FALSE(matches(pattern, message)) << pattern;
  }
  EXPECT_FALSE(matches("{ $.ms > 1 }", "no json"));
}

TEST(FilterPatternTest, RefusesWhatIsMalformed) {
  for (const char* pattern : {"{ $.a = ", "{ $.a }", "{ a = 1 }", "{ $.a = 1 && }", "{ ($.a = 1 }", "\"open", "[a, b",
                              "[a = ]", "{ $.a = 1 } x"}) {
    const Result<FilterPattern> parsed = FilterPattern::parse(pattern);
    ASSERT_FALSE(parsed.ok()) << pattern;
    EXPECT_EQ(parsed.error().code(), "InvalidParameterException");
  }
  EXPECT_FALSE(FilterPattern::parse("{ " + std::string(100'000, '(') + "$.a = 1").ok());
}

}  // namespace
}  // namespace cumulet::logs
