#include "services/apigateway/route_table.h"

#include <gtest/gtest.h>

namespace cumulet::apigateway {
namespace {

/// A table of these keys, and which of them answers.
class RouteTableTest : public ::testing::Test {
 protected:
  void routes(std::vector<std::string> keys) {
    keys_ = std::move(keys);
    for (std::size_t i = 0; i < keys_.size(); ++i) {
      const Result<RouteKey> key = RouteKey::parse(keys_[i]);
      ASSERT_TRUE(key.ok()) << keys_[i];
      table_.add(*key, i);
    }
  }
  std::string answers(std::string_view method, std::string_view path) {
    const std::optional<std::vector<std::string>> segments = path_segments(path);
    if (!segments) return "malformed";
    const std::optional<RouteTable::Match> match = table_.find(method, *segments);
    if (!match) return "none";
    parameters_ = match->parameters;
    return keys_[match->route];
  }

  std::vector<std::string> keys_;
  RouteTable table_;
  std::map<std::string, std::string> parameters_;
};

TEST_F(RouteTableTest, TheMostSpecificRouteWinsWhateverTheOrder) {
  routes({"$default", "ANY /{proxy+}", "GET /pets/{rest+}", "ANY /pets/{id}", "GET /pets/{id}", "GET /pets/dog",
          "GET /pets/{id}/toys", "POST /pets"});
  EXPECT_EQ(answers("GET", "/pets/dog"), "GET /pets/dog");
  EXPECT_EQ(answers("GET", "/pets/cat"), "GET /pets/{id}");
  EXPECT_EQ(answers("PUT", "/pets/dog"), "ANY /pets/{id}");
  EXPECT_EQ(answers("GET", "/pets/1/toys"), "GET /pets/{id}/toys");
  EXPECT_EQ(answers("GET", "/pets/1/food"), "GET /pets/{rest+}");
  EXPECT_EQ(answers("POST", "/pets"), "POST /pets");
  EXPECT_EQ(answers("GET", "/pets"), "ANY /{proxy+}");
  EXPECT_EQ(answers("GET", "/"), "$default");
}

TEST_F(RouteTableTest, ParametersAreDecodedPerSegment) {
  routes({"GET /a/{x}/b/{y}", "GET /files/{path+}"});
  EXPECT_EQ(answers("GET", "/a/1%202/b/%2F"), "GET /a/{x}/b/{y}");
  EXPECT_EQ(parameters_, (std::map<std::string, std::string>{{"x", "1 2"}, {"y", "/"}}));
  EXPECT_EQ(answers("GET", "/files/a/b%20c/d"), "GET /files/{path+}");
  EXPECT_EQ(parameters_.at("path"), "a/b c/d");
}

TEST_F(RouteTableTest, WithoutADefaultNothingMatches) {
  routes({"GET /a", "GET /b/{x}", "GET /c/{x+}"});
  for (const char* path : {"/", "/A", "/a/b", "/b", "/b//", "/c"}) EXPECT_EQ(answers("GET", path), "none") << path;
  EXPECT_EQ(answers("POST", "/a"), "none");
  EXPECT_EQ(answers("GET", "/a/"), "GET /a");
}

TEST_F(RouteTableTest, TheRootHasARouteOfItsOwn) {
  routes({"GET /", "ANY /{proxy+}"});
  EXPECT_EQ(answers("GET", "/"), "GET /");
  EXPECT_EQ(answers("GET", ""), "GET /");
  EXPECT_EQ(answers("GET", "/x"), "ANY /{proxy+}");
}

TEST(PathSegmentsTest, RefusesBrokenEscapes) {
  EXPECT_FALSE(path_segments("/a%2"));
  EXPECT_FALSE(path_segments("/%zz"));
  EXPECT_EQ(path_segments("/a//b/"), (std::vector<std::string>{"a", "", "b"}));
}

TEST(RouteKeyTest, RefusesWhatIsNoKey) {
  for (const char* text : {"", "GET", "GET ", "get /a", "FETCH /a", "GET a", "GET /a b", "GET /{a+}/b", "GET /{a}/{a}",
                           "GET /a{b}", "GET /{a", "GET /a}", "$other", " GET /a"}) {
    const Result<RouteKey> key = RouteKey::parse(text);
    ASSERT_FALSE(key.ok()) << text;
    EXPECT_EQ(key.error().code(), "BadRequestException");
  }
  std::string deep = "GET ";
  for (int i = 0; i < 100; ++i) deep += "/a";
  EXPECT_FALSE(RouteKey::parse(deep).ok());
}

}  // namespace
}  // namespace cumulet::apigateway
