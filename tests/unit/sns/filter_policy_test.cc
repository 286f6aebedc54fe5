#include "services/sns/filter_policy.h"

#include <gtest/gtest.h>

namespace cumulet::sns {
namespace {

using Scope = FilterPolicy::Scope;

bool body_matches(const std::string& policy, const std::string& body) {
  const Result<FilterPolicy> parsed = FilterPolicy::parse(policy, Scope::kBody);
  EXPECT_TRUE(parsed.ok()) << policy << ": " << (parsed.ok() ? "" : parsed.error().message());
  return parsed.ok() && parsed->matches(body);
}

std::string refusal(const std::string& policy, Scope scope = Scope::kAttributes) {
  const Result<FilterPolicy> parsed = FilterPolicy::parse(policy, scope);
  return parsed.ok() ? "accepted" : parsed.error().message();
}

bool attributes_match(const std::string& policy, const std::map<std::string, MessageAttribute>& attributes) {
  const Result<FilterPolicy> parsed = FilterPolicy::parse(policy, Scope::kAttributes);
  EXPECT_TRUE(parsed.ok()) << policy;
  return parsed.ok() && parsed->matches(filter_document(attributes));
}

TEST(FilterPolicyTest, ValuesMatchExactlyAndByType) {
  EXPECT_TRUE(body_matches(R"({"a":["x","y"]})", R"({"a":"y"})"));
  EXPECT_FALSE(body_matches(R"({"a":["x"]})", R"({"a":"X"})"));
  EXPECT_FALSE(body_matches(R"({"a":["1"]})", R"({"a":1})"));
  EXPECT_TRUE(body_matches(R"({"a":[1]})", R"({"a":1.0})"));
  EXPECT_TRUE(body_matches(R"({"a":[true]})", R"({"a":true})"));
  EXPECT_TRUE(body_matches(R"({"a":[null]})", R"({"a":null})"));
  EXPECT_FALSE(body_matches(R"({"a":[null]})", R"({})"));
}

TEST(FilterPolicyTest, EveryKeyMustMatchAndOneValueOfEach) {
  const std::string policy = R"({"a":["x"],"b":["y"]})";
  EXPECT_TRUE(body_matches(policy, R"({"a":"x","b":"y","c":1})"));
  EXPECT_FALSE(body_matches(policy, R"({"a":"x"})"));
  EXPECT_TRUE(body_matches(R"({"a":["x"]})", R"({"a":["w","x"]})"));
}

TEST(FilterPolicyTest, TextOperators) {
  EXPECT_TRUE(body_matches(R"({"a":[{"prefix":"ab"}]})", R"({"a":"abc"})"));
  EXPECT_TRUE(body_matches(R"({"a":[{"suffix":".png"}]})", R"({"a":"x.png"})"));
  EXPECT_TRUE(body_matches(R"({"a":[{"equals-ignore-case":"TeNNis"}]})", R"({"a":"tennis"})"));
  EXPECT_TRUE(body_matches(R"({"a":[{"wildcard":"*ba*l"}]})", R"({"a":"baseball"})"));
  EXPECT_FALSE(body_matches(R"({"a":[{"wildcard":"ba*x"}]})", R"({"a":"baseball"})"));
  EXPECT_TRUE(body_matches(R"({"a":[{"wildcard":"a\\*b"}]})", R"({"a":"a*b"})"));
  EXPECT_FALSE(body_matches(R"({"a":[{"wildcard":"a\\*b"}]})", R"({"a":"axb"})"));
}

TEST(FilterPolicyTest, AnythingButNeedsTheKey) {
  EXPECT_TRUE(body_matches(R"({"a":[{"anything-but":["x","y"]}]})", R"({"a":"z"})"));
  EXPECT_FALSE(body_matches(R"({"a":[{"anything-but":["x","y"]}]})", R"({"a":"y"})"));
  EXPECT_FALSE(body_matches(R"({"a":[{"anything-but":"x"}]})", R"({})"));
  EXPECT_FALSE(body_matches(R"({"a":[{"anything-but":{"prefix":"in"}}]})", R"({"a":"inside"})"));
  EXPECT_TRUE(body_matches(R"({"a":[{"anything-but":{"suffix":"x"}}]})", R"({"a":"inside"})"));
  EXPECT_FALSE(body_matches(R"({"a":[{"anything-but":{"wildcard":"*side"}}]})", R"({"a":"inside"})"));
  EXPECT_TRUE(body_matches(R"({"a":[{"anything-but":[100,500]}]})", R"({"a":101})"));
}

TEST(FilterPolicyTest, NumericRanges) {
  EXPECT_TRUE(body_matches(R"({"p":[{"numeric":[">",0,"<=",150]}]})", R"({"p":150})"));
  EXPECT_FALSE(body_matches(R"({"p":[{"numeric":[">",0,"<=",150]}]})", R"({"p":0})"));
  EXPECT_TRUE(body_matches(R"({"p":[{"numeric":["=",301.5]}]})", R"({"p":3.015e2})"));
  EXPECT_FALSE(body_matches(R"({"p":[{"numeric":["<",10]}]})", R"({"p":"5"})"));
}

TEST(FilterPolicyTest, ExistsAndCidr) {
  EXPECT_TRUE(body_matches(R"({"a":[{"exists":true}]})", R"({"a":null})"));
  EXPECT_TRUE(body_matches(R"({"a":[{"exists":false}]})", R"({"b":1})"));
  EXPECT_TRUE(body_matches(R"({"ip":[{"cidr":"10.0.0.0/24"}]})", R"({"ip":"10.0.0.255"})"));
  EXPECT_FALSE(body_matches(R"({"ip":[{"cidr":"10.0.0.0/24"}]})", R"({"ip":"10.0.1.1"})"));
  EXPECT_TRUE(body_matches(R"({"ip":[{"cidr":"2001:db8::/32"}]})", R"({"ip":"2001:db8::1"})"));
}

TEST(FilterPolicyTest, AlternativesAreAnOrOfKeys) {
  const std::string policy = R"({"source":["web"],"$or":[{"m":["cpu"]},{"n":[{"numeric":["<",10]}]}]})";
  EXPECT_TRUE(body_matches(policy, R"({"source":"web","m":"cpu"})"));
  EXPECT_TRUE(body_matches(policy, R"({"source":"web","n":1})"));
  EXPECT_FALSE(body_matches(policy, R"({"source":"web","n":11})"));
  EXPECT_FALSE(body_matches(policy, R"({"n":1})"));
}

TEST(FilterPolicyTest, NestedBodiesAndArraysOfObjects) {
  const std::string policy = R"({"Records":{"s3":{"name":["b"],"kind":["x"]}}})";
  EXPECT_TRUE(body_matches(policy, R"({"Records":[{"s3":{"name":"a"}},{"s3":{"name":"b","kind":"x"}}]})"));
  // Both keys must hold in the same element.
  EXPECT_FALSE(body_matches(policy, R"({"Records":[{"s3":{"name":"b"}},{"s3":{"kind":"x"}}]})"));
  EXPECT_FALSE(body_matches(policy, "no json"));
}

TEST(FilterPolicyTest, AttributesByTheirTypes) {
  const std::map<std::string, MessageAttribute> attributes{
      {"sport", {"String", "rugby"}},
      {"price", {"Number", "100.50"}},
      {"interests", {"String.Array", R"(["tennis", 7, true, null])"}},
      {"blob", {"Binary", "rugby"}},
  };
  EXPECT_TRUE(attributes_match(R"({"sport":["rugby"]})", attributes));
  EXPECT_TRUE(attributes_match(R"({"price":[{"numeric":[">=",100.5]}]})", attributes));
  EXPECT_FALSE(attributes_match(R"({"price":["100.50"]})", attributes));
  EXPECT_TRUE(attributes_match(R"({"interests":["tennis"]})", attributes));
  EXPECT_TRUE(attributes_match(R"({"interests":[7]})", attributes));
  EXPECT_TRUE(attributes_match(R"({"interests":[null]})", attributes));
  EXPECT_FALSE(attributes_match(R"({"blob":["rugby"]})", attributes));
}

TEST(FilterPolicyTest, LimitsAndMalformedPolicies) {
  const std::string stem = "Invalid parameter: FilterPolicy: ";
  EXPECT_EQ(refusal("["), stem + "failed to parse JSON.");
  EXPECT_EQ(refusal(R"({"a":"x"})"), stem + R"("a" must be an object or an array)");
  EXPECT_EQ(refusal(R"({"a":{"b":["x"]}})"),
            stem + "Filter policy scope MessageAttributes does not support nested filter policy");
  EXPECT_EQ(refusal(R"({"a":[{"near":1}]})"), stem + "Unrecognized match type near");
  EXPECT_EQ(refusal(R"({"a":[["x"]]})"), stem + "Match value must be String, number, true, false, or null");
  EXPECT_EQ(refusal(R"({"a":[{"numeric":["<","x"]}]})"), stem + "Value of < must be numeric");
  EXPECT_EQ(refusal(R"({"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]})"),
            stem + "Filter policy can not have more than 5 keys");
  EXPECT_EQ(refusal(R"({"a":[1,2,3,4,5,6],"b":[1,2,3,4,5,6],"c":[1,2,3,4,5]})"), stem + "Filter policy is too complex");
  // Four values three deep and three values two deep: 12 times 6 of 150.
  EXPECT_EQ(refusal(R"({"a":{"b":{"c":["1","2","3","4"]}},"d":{"e":["1","2","3"]}})", Scope::kBody), "accepted");
  EXPECT_EQ(refusal(R"({"a":{"b":{"c":["1","2","3","4"]}},"d":{"e":["1","2","3","4","5","6","7"]}})", Scope::kBody),
            stem + "Filter policy is too complex");
}

}  // namespace
}  // namespace cumulet::sns
