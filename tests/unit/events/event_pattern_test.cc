#include "events/event_pattern.h"

#include <string>

#include <gtest/gtest.h>

namespace cumulet::events {
namespace {

bool match(std::string_view pattern, std::string_view event) {
  const Result<EventPattern> parsed = EventPattern::parse(pattern);
  EXPECT_TRUE(parsed.ok()) << pattern << ": " << (parsed.ok() ? "" : parsed.error().message());
  if (!parsed.ok()) return false;
  EXPECT_TRUE(EventDocument::parse(event)) << event;
  const EventPatternIndex index({*parsed});
  const bool matched = parsed->matches(event);
  EXPECT_EQ(index.matches(*EventDocument::parse(event)).size(), matched ? 1u : 0u);
  return matched;
}

std::string reason(std::string_view pattern) {
  const Result<EventPattern> parsed = EventPattern::parse(pattern);
  if (parsed.ok()) return "";
  EXPECT_EQ(parsed.error().code(), "InvalidEventPatternException");
  constexpr std::string_view kStart = "Event pattern is not valid. Reason: ";
  EXPECT_TRUE(parsed.error().message().starts_with(kStart));
  return parsed.error().message().substr(kStart.size());
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

constexpr std::string_view kInstanceEvent = R"({
  "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "EC2 Instance State-change Notification",
  "source": "aws.ec2", "account": "111122223333", "time": "2017-12-22T18:43:48Z", "region": "us-west-1",
  "resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"],
  "detail": {"instance-id": "i-1234567890abcdef0", "state": "terminated", "c-count": 5, "source-ip": "10.0.0.17",
             "responseElements": null, "empty": "", "FileName": "picture.PNG", "ok": true, "price": 300.0}
})";

TEST(EventPatternTest, ExactValues) {
  EXPECT_TRUE(match(R"({"source": ["aws.ec2"], "detail": {"state": ["terminated"]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"state": ["running", "terminated"]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"source": ["aws.ec2"], "detail": {"state": ["running"]}})", kInstanceEvent));
  EXPECT_TRUE(
      match(R"({"resources": ["arn:aws:ec2:us-west-1:123456789012:instance/i-1234567890abcdef0"]})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"responseElements": [null]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"responseElements": ["null"]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"empty": [""]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"state": [""]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"ok": [true]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"ok": ["true"]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"price": [300]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"price": [3.0e2]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"price": ["300"]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"missing": ["x"]}})", kInstanceEvent));
}

TEST(EventPatternTest, DotsJoinSteps) {
  EXPECT_TRUE(match(R"({"detail.state": ["terminated"]})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"a.b": [1]}})", R"({"detail": {"a": {"b": 1}}})"));
  EXPECT_TRUE(match(R"({"detail": {"a": {"b": [1]}}})", R"({"detail": {"a.b": 1}})"));
}

TEST(EventPatternTest, PrefixAndSuffix) {
  EXPECT_TRUE(match(R"({"time": [{"prefix": "2017-12-22"}]})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"time": [{"prefix": "2017-10-02"}]})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail-type": [{"prefix": {"equals-ignore-case": "ec2 INSTANCE"}}]})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"FileName": [{"suffix": ".png"}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"FileName": [{"suffix": {"equals-ignore-case": ".png"}}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"c-count": [{"prefix": "5"}]}})", kInstanceEvent));
}

TEST(EventPatternTest, IgnoreCaseKnowsOtherAlphabets) {
  EXPECT_TRUE(match(R"({"x": [{"equals-ignore-case": "STRASSE ÄÖ"}]})", R"({"x": "strasse äö"})"));
  EXPECT_FALSE(match(R"({"x": [{"equals-ignore-case": "a"}]})", R"({"x": "b"})"));
}

TEST(EventPatternTest, AnythingBut) {
  EXPECT_TRUE(match(R"({"detail": {"state": [{"anything-but": "initializing"}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"state": [{"anything-but": "terminated"}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"state": [{"anything-but": ["stopped", "terminated"]}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"c-count": [{"anything-but": 5}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"c-count": [{"anything-but": [100, 200, 300]}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"c-count": [{"anything-but": ["x"]}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"state": [{"anything-but": {"prefix": "term"}}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"FileName": [{"anything-but": {"suffix": ".PNG"}}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"FileName": [{"anything-but": {"suffix": [".txt", ".rtf"]}}]}})", kInstanceEvent));
  EXPECT_FALSE(
      match(R"({"detail": {"state": [{"anything-but": {"equals-ignore-case": ["TERMINATED"]}}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"FileName": [{"anything-but": {"wildcard": "*.P*G"}}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"missing": [{"anything-but": "x"}]}})", kInstanceEvent));
}

TEST(EventPatternTest, Numeric) {
  EXPECT_TRUE(match(R"({"detail": {"c-count": [{"numeric": [">", 0, "<=", 5]}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"c-count": [{"numeric": ["<", 5]}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"c-count": [{"numeric": [">", 5]}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"c-count": [{"numeric": [">=", 5]}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"price": [{"numeric": ["=", 3.0E2]}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"x": [{"numeric": ["<", -1.000001]}]})", R"({"x": -1.000002})"));
  EXPECT_FALSE(match(R"({"x": [{"numeric": [">", 0]}]})", R"({"x": "1"})"));
  EXPECT_FALSE(match(R"({"x": [{"numeric": [">", 0]}]})", R"({"x": 6e9})"));
}

TEST(EventPatternTest, Addresses) {
  EXPECT_TRUE(match(R"({"detail": {"source-ip": [{"cidr": "10.0.0.0/24"}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"source-ip": [{"cidr": "10.0.1.0/24"}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"state": [{"cidr": "10.0.1.0/24"}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"ip": [{"cidr": "2001:db8::/32"}]})", R"({"ip": "2001:0DB8:1::1"})"));
  EXPECT_TRUE(match(R"({"ip": ["2001:db8::1"]})", R"({"ip": "2001:0db8:0::1"})"));
}

TEST(EventPatternTest, ExistsLooksAtLeavesOnly) {
  EXPECT_TRUE(match(R"({"detail": {"state": [{"exists": true}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"c-sea-blue": [{"exists": true}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"c-sea-blue": [{"exists": false}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": {"state": [{"exists": false}]}})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": {"responseElements": [{"exists": true}]}})", kInstanceEvent));
  EXPECT_FALSE(match(R"({"detail": [{"exists": true}]})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"detail": [{"exists": false}]})", kInstanceEvent));
  EXPECT_TRUE(match(R"({"tags": [{"exists": false}]})", R"({"tags": []})"));
  EXPECT_TRUE(match(R"({"x": ["a", {"exists": false}], "y": ["b"]})", R"({"y": "b"})"));
  EXPECT_FALSE(match(R"({"x": ["a", {"exists": false}], "y": ["b"]})", R"({"x": "c", "y": "b"})"));
}

TEST(EventPatternTest, Wildcards) {
  EXPECT_TRUE(match(R"({"EventBusArn": [{"wildcard": "arn:aws:events:us-east-1:*:event-bus/*"}]})",
                    R"({"EventBusArn": "arn:aws:events:us-east-1:123456789012:event-bus/default"})"));
  EXPECT_TRUE(match(R"({"f": [{"wildcard": "*dir*/*.png"}]})", R"({"f": "my-dir-1/a.png"})"));
  EXPECT_FALSE(match(R"({"f": [{"wildcard": "*dir*/*.png"}]})", R"({"f": "my-dir-1/a.jpg"})"));
  EXPECT_TRUE(match(R"({"f": [{"wildcard": "a\\*b*"}]})", R"({"f": "a*bcd"})"));
  EXPECT_FALSE(match(R"({"f": [{"wildcard": "a\\*b*"}]})", R"({"f": "axbcd"})"));
}

TEST(EventPatternTest, Or) {
  constexpr std::string_view kPattern = R"({"detail": {"$or": [
      {"c-count": [{"numeric": [">", 0, "<=", 5]}]}, {"d-count": [{"numeric": ["<", 10]}]},
      {"x-limit": [{"numeric": ["=", 3.018e2]}]}]}})";
  EXPECT_TRUE(match(kPattern, R"({"detail": {"c-count": 3}})"));
  EXPECT_TRUE(match(kPattern, R"({"detail": {"c-count": 9, "d-count": 1}})"));
  EXPECT_TRUE(match(kPattern, R"({"detail": {"x-limit": 301.8}})"));
  EXPECT_FALSE(match(kPattern, R"({"detail": {"c-count": 6, "d-count": 11}})"));
  EXPECT_TRUE(
      match(R"({"source": ["a"], "$or": [{"x": [1]}, {"y": [2]}], "z": [3]})", R"({"source": "a", "y": 2, "z": 3})"));
  EXPECT_FALSE(
      match(R"({"source": ["a"], "$or": [{"x": [1]}, {"y": [2]}], "z": [3]})", R"({"source": "b", "y": 2, "z": 3})"));
}

TEST(EventPatternTest, FieldsOfOneArrayComeFromOneElement) {
  constexpr std::string_view kEmployees = R"({"employees": [
      {"firstName": "Anna", "lastName": "Ivanova", "ids": [{"n": 1, "k": "a"}, {"n": 2, "k": "b"}]},
      {"firstName": "Boris", "lastName": "Petrov", "tags": ["x", "y"]}]})";
  EXPECT_TRUE(match(R"({"employees": {"firstName": ["Anna"], "lastName": ["Ivanova"]}})", kEmployees));
  EXPECT_FALSE(match(R"({"employees": {"firstName": ["Anna"], "lastName": ["Petrov"]}})", kEmployees));
  EXPECT_TRUE(match(R"({"employees": {"firstName": ["Anna"], "ids": {"n": [2], "k": ["b"]}}})", kEmployees));
  EXPECT_FALSE(match(R"({"employees": {"firstName": ["Anna"], "ids": {"n": [2], "k": ["a"]}}})", kEmployees));
  EXPECT_FALSE(match(R"({"employees": {"firstName": ["Boris"], "ids": {"n": [2]}}})", kEmployees));
  EXPECT_TRUE(match(R"({"employees": {"firstName": ["Boris"], "tags": ["y"]}})", kEmployees));
  EXPECT_TRUE(match(R"({"employees": {"firstName": ["Boris"], "ids": {"n": [{"exists": false}]}}})", kEmployees));
}

TEST(EventPatternTest, UnrelatedArraysAreNotTriedAgainstEachOther) {
  std::string pattern = "{";
  std::string event = "{";
  for (char name = 'a'; name <= 'p'; ++name) {
    const std::string quoted = std::string("\"") + name + "\":";
    pattern += quoted + R"({"k":["v"],"l":["v"]},)";
    event += quoted + "[";
    for (int i = 0; i < 60; ++i) event += R"({"k":"v","l":"v"},)";
    event += "{}],";
  }
  pattern += R"("z":{"k":["1"],"l":["2"]}})";
  event += R"("z":[{"k":"1","l":"1"},{"k":"2","l":"2"}]})";
  EXPECT_FALSE(match(pattern, event));
}

TEST(EventPatternTest, ReasonsAreThoseOfEventBridge) {
  EXPECT_EQ(reason(R"({"detail":"x"})"),
            "\"detail\" must be an object or an array\n at [Source: (String)\"{\"detail\":\"x\"}\"; line: 1, column: "
            "12]");
  EXPECT_EQ(reason(R"("source":["aws.s3"])"),
            "Filter is not an object\n at [Source: (String)\"\"source\":[\"aws.s3\"]\"; line: 1, column: 2]");
  EXPECT_EQ(first_line(reason("{}")), "Empty objects are not allowed");
  EXPECT_EQ(first_line(reason(R"({"a":[]})")), "Empty arrays are not allowed");
  EXPECT_EQ(first_line(reason(R"({"a":[["x"]]})")), "Match value must be String, number, true, false, or null");
  EXPECT_EQ(first_line(reason(R"({"a":[{"foo":"x"}]})")), "Unrecognized match type foo");
  EXPECT_EQ(first_line(reason(R"({"a":[{"prefix":1}]})")), "prefix match pattern must be a string");
  EXPECT_EQ(first_line(reason(R"({"a":[{"prefix":"a","suffix":"b"}]})")), "Only one key allowed in match expression");
  EXPECT_EQ(first_line(reason(R"({"a":[{"exists":"true"}]})")), "exists match pattern must be either true or false.");
  EXPECT_EQ(first_line(reason(R"({"a":[{"numeric":["<","x"]}]})")), "Value of < must be numeric");
  EXPECT_EQ(first_line(reason(R"({"a":[{"numeric":["<",5000000001]}]})")),
            "Value must be between -5.0E9 and 5.0E9, inclusive");
  EXPECT_EQ(first_line(reason(R"({"a":[{"numeric":[">",5,"<",1]}]})")), "Bottom must be less than top");
  EXPECT_EQ(first_line(reason(R"({"a":[{"anything-but":[1,"x"]}]})")),
            "Inside anything but list, either all values are number or string, mixed type is not supported");
  EXPECT_EQ(first_line(reason(R"({"a":[{"anything-but":{"prefix":""}}]})")), "Null prefix/suffix not allowed");
  EXPECT_EQ(first_line(reason(R"({"a":[{"wildcard":"a**"}]})")), "Consecutive wildcard characters at pos 2");
  EXPECT_EQ(first_line(reason(R"({"a":[{"cidr":"10.0.0.0"}]})")), "Malformed CIDR, one '/' required");
  EXPECT_EQ(first_line(reason(R"({"$or":[{"a":[1]}]})")), "There must have at least 2 Objects in $or relationship.");
  EXPECT_NE(reason(R"({"a":["x")"), "");
  EXPECT_NE(reason(R"({"a":["x"]} x)"), "");
  EXPECT_NE(reason("\xff"), "");
}

TEST(EventPatternIndexTest, FindsEveryPatternThatMatches) {
  std::vector<EventPattern> patterns;
  for (int i = 0; i < 1000; ++i) {
    const std::string pattern = i % 10 == 0 ? R"({"detail":{"n":[{"numeric":["<",)" + std::to_string(i) + "]}]}}"
                                            : R"({"source":["app"],"detail-type":["t)" + std::to_string(i) + "\"]}";
    patterns.push_back(*EventPattern::parse(pattern));
  }
  const EventPatternIndex index(patterns);
  const std::string json = R"({"source":"app","detail-type":"t7","detail":{"n":985}})";
  EXPECT_EQ(index.matches(*EventDocument::parse(json)), (std::vector<std::size_t>{7, 990}));
}

}  // namespace
}  // namespace cumulet::events
