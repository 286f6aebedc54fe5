#include <chrono>

#include <gtest/gtest.h>

#include "services/cloudformation/template.h"
#include "services/cloudformation/value.h"

namespace cumulet::cloudformation {
namespace {

std::string json_of(std::string_view text) {
  const Result<Value> value = parse_document(text);
  return value.ok() ? value->to_json() : "error: " + value.error().message();
}

TEST(DocumentTest, ShortTagsBecomeFunctions) {
  EXPECT_EQ(json_of("a: !Ref B"), R"({"a":{"Ref":"B"}})");
  EXPECT_EQ(json_of("a: !GetAtt B.C.D"), R"({"a":{"Fn::GetAtt":["B","C.D"]}})");
  EXPECT_EQ(json_of("a: !Join [',', [!Ref B, c]]"), R"({"a":{"Fn::Join":[",",[{"Ref":"B"},"c"]]}})");
  EXPECT_EQ(json_of("a: !Sub '${B}'"), R"({"a":{"Fn::Sub":"${B}"}})");
  EXPECT_EQ(json_of("a: !If [C, 1, !Ref 'AWS::NoValue']"), R"({"a":{"Fn::If":["C",1,{"Ref":"AWS::NoValue"}]}})");
  EXPECT_EQ(json_of("a: !Condition C"), R"({"a":{"Condition":"C"}})");
  EXPECT_EQ(json_of("a: !GetAZs ''"), R"({"a":{"Fn::GetAZs":""}})");
}

TEST(DocumentTest, Scalars) {
  EXPECT_EQ(json_of("[1, 1.5, -3, 007, +1, 1., true, no, null, ~, '1', 2010-09-09, 0x1f, 12345678901234567890]"),
            R"([1,1.5,-3,"007","+1","1.",true,false,null,null,"1","2010-09-09","0x1f","12345678901234567890"])");
}

TEST(DocumentTest, JsonAndYamlAreTheSame) {
  EXPECT_EQ(json_of(R"({"a": [1, "x", {"b": null}]})"), json_of("a:\n  - 1\n  - x\n  - b: ~\n"));
  EXPECT_EQ(json_of("{a: 1, b: !Ref C} # flow style"), R"({"a":1,"b":{"Ref":"C"}})");
}

TEST(DocumentTest, Anchors) {
  EXPECT_EQ(json_of("a: &x {b: 1}\nc: *x\n"), R"({"a":{"b":1},"c":{"b":1}})");
  EXPECT_NE(json_of("a: *none").find("alias"), std::string::npos);
}

TEST(DocumentTest, AliasesCannotExplode) {
  std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int n = 0; n < 9; ++n) bomb += "," + before;
    bomb += "]\n";
  }
  EXPECT_FALSE(parse_document(bomb).ok());
}

TEST(DocumentTest, Limits) {
  EXPECT_FALSE(parse_document(std::string(2'000'000, 'a')).ok());
  EXPECT_FALSE(parse_document(std::string(10'000, '[')).ok());
  EXPECT_FALSE(parse_document(std::string(1000, '[') + std::string(1000, ']')).ok());
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_FALSE(parse_document(deep).ok());
}

TEST(DocumentTest, ManyKeysTakeLinearTime) {
  std::string yaml;
  std::string json = "{";
  for (int i = 0; i < 60'000; ++i) {
    yaml += "k" + std::to_string(i) + ": 1\n";
    json += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
  }
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_document(yaml)->members().size(), 60'000u);
  EXPECT_EQ(parse_document(json + "}")->members().size(), 60'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(DocumentTest, Malformed) {
  for (const char* text : {"", " \n", "a: [", "a: b: c", "a: 1\na: 2", "? [x]\n: 1", "a: !Nope x", "--- a\n--- b",
                           "a: !GetAtt B", "a:\n\t- b", "a: 'open"}) {
    const Result<Value> value = parse_document(text);
    ASSERT_FALSE(value.ok()) << text;
    EXPECT_EQ(value.error().code(), "ValidationError");
  }
}

Result<std::map<std::string, std::string>> resolve(const std::string& parameter,
                                                   const std::map<std::string, std::string>& given) {
  const Result<Value> document =
      parse_document("Parameters: {P: " + parameter + "}\nResources: {B: {Type: AWS::S3::Bucket}}");
  if (!document.ok()) return document.error();
  const Result<Template> definition = Template::from(*document);
  if (!definition.ok()) return definition.error();
  return resolve_parameters(*definition, given);
}

TEST(ParameterTest, Constraints) {
  const auto accepts = [](const std::string& parameter, const std::string& value) {
    return resolve(parameter, {{"P", value}}).ok();
  };
  EXPECT_TRUE(accepts("{Type: String}", ""));
  EXPECT_TRUE(accepts("{Type: String, AllowedValues: [a, b]}", "b"));
  EXPECT_FALSE(accepts("{Type: String, AllowedValues: [a, b]}", "c"));
  EXPECT_TRUE(accepts("{Type: CommaDelimitedList, AllowedValues: [a, b]}", "a, b"));
  EXPECT_FALSE(accepts("{Type: CommaDelimitedList, AllowedValues: [a, b]}", "a,c"));
  EXPECT_TRUE(accepts("{Type: String, AllowedPattern: '[a-z]+'}", "abc"));
  EXPECT_FALSE(accepts("{Type: String, AllowedPattern: '[a-z]+'}", "abc1"));
  EXPECT_FALSE(accepts("{Type: String, MinLength: 2}", "a"));
  EXPECT_FALSE(accepts("{Type: String, MaxLength: 2}", "abc"));
  EXPECT_TRUE(accepts("{Type: Number, MinValue: 1, MaxValue: 3}", "2"));
  EXPECT_FALSE(accepts("{Type: Number, MinValue: 1, MaxValue: 3}", "0"));
  EXPECT_FALSE(accepts("{Type: Number, MinValue: 1, MaxValue: 3}", "4"));
  EXPECT_FALSE(accepts("{Type: Number}", "x"));
  EXPECT_FALSE(accepts("{Type: Nonsense}", "x"));
  EXPECT_FALSE(accepts("{Type: 'AWS::SSM::Parameter::Value<String>'}", "x"));
}

TEST(ParameterTest, DefaultsAndWhatIsMissing) {
  EXPECT_EQ(resolve("{Type: Number, Default: 5}", {})->at("P"), "5");
  EXPECT_EQ(resolve("{Type: String}", {}).error().message(), "Parameters: [P] must have values");
  EXPECT_EQ(resolve("{Type: String}", {{"P", "1"}, {"Q", "2"}}).error().message(),
            "Parameters: [Q] do not exist in the template");
  EXPECT_EQ(resolve("{Type: String, MinLength: 5, ConstraintDescription: longer}", {{"P", "1"}}).error().message(),
            "Parameter 'P' failed to satisfy constraint: longer");
}

}  // namespace
}  // namespace cumulet::cloudformation
