#include "events/json_text.h"

#include <gtest/gtest.h>

namespace cumulet::events {
namespace {

std::optional<std::string> select(std::string_view path, std::string_view json) {
  const std::optional<JsonPath> parsed = JsonPath::parse(path);
  return parsed ? parsed->select(json) : std::optional<std::string>("bad path");
}

TEST(CompactJsonTest, KeepsNumbersAndNames) {
  EXPECT_EQ(compact_json(" { \"a\" : [ 1.50 , 1e3, null ] , \"b\" : \"x \\u0041\" } "),
            R"({"a":[1.50,1e3,null],"b":"x A"})");
  EXPECT_FALSE(compact_json("{\"a\":}"));
  EXPECT_FALSE(compact_json("{} {}"));
  EXPECT_FALSE(compact_json(""));
  EXPECT_FALSE(compact_json("[01]"));
}

TEST(JsonPathTest, Selects) {
  constexpr std::string_view kJson = R"({"detail-type":"T","detail":{"a":[{"b":"x,]}"},{"b":2}],"c.d":true}})";
  EXPECT_EQ(select("$.detail-type", kJson), "\"T\"");
  EXPECT_EQ(select("$['detail-type']", kJson), "\"T\"");
  EXPECT_EQ(select("$.detail.a[0].b", kJson), "\"x,]}\"");
  EXPECT_EQ(select("$.detail.a[1].b", kJson), "2");
  EXPECT_EQ(select("$.detail.a[*].b", kJson), "[\"x,]}\",2]");
  EXPECT_EQ(select("$.detail['c.d']", kJson), "true");
  EXPECT_EQ(select("$", "[]"), "[]");
  EXPECT_EQ(select("$.detail.a[2]", kJson), std::nullopt);
  EXPECT_EQ(select("$.none", kJson), std::nullopt);
  EXPECT_EQ(select("detail", kJson), "bad path");
  EXPECT_EQ(select("$.a[", kJson), "bad path");
  EXPECT_EQ(select("$..a", kJson), "bad path");
}

}  // namespace
}  // namespace cumulet::events
