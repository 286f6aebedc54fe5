#include "services/cloudformation/intrinsics.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "services/cloudformation/sam.h"

namespace cumulet::cloudformation {
namespace {

constexpr const char* kTemplate = R"(
Parameters:
  Name: {Type: String}
  List: {Type: CommaDelimitedList}
Mappings: {M: {a: {x: 1, y: [p, q]}}}
Conditions:
  Same: !Equals [!Ref Name, bob]
  Other: !Not [!Condition Same]
  Both: !And [!Condition Same, !Condition Other]
  Either: !Or [!Condition Same, !Condition Other]
  Loop: !Not [!Condition Loop]
Resources:
  R: {Type: AWS::S3::Bucket}
)";

class IntrinsicsTest : public ::testing::Test {
 protected:
  IntrinsicsTest() {
    definition_ = *Template::from(*parse_document(kTemplate));
    scope_.definition = &definition_;
    scope_.parameters = {{"Name", "bob"}, {"List", "a, b,c"}};
    scope_.pseudo = {{"AWS::Region", "eu-west-1"}, {"AWS::StackName", "stack"}, {"AWS::NoValue", ""}};
    scope_.ref = [](const std::string& id) {
      return id == "R" ? std::optional<std::string>("bucket-1") : std::nullopt;
    };
    scope_.get_att = [](const std::string& id, const std::string& name) {
      return id == "R" && name == "Arn" ? std::optional<Value>(Value::string("arn:r")) : std::nullopt;
    };
    scope_.import_value = [](const std::string& name) {
      return name == "shared" ? std::optional<std::string>("from afar") : std::nullopt;
    };
  }

  /// The value as JSON, or what is wrong with it.
  std::string value_of(const std::string& yaml) {
    const Result<Value> document = parse_document("v: " + yaml);
    if (!document.ok()) return document.error().message();
    const Result<Value> value = evaluate(*document, scope_);
    if (!value.ok()) return value.error().message();
    return value->find("v") == nullptr ? "nothing" : value->find("v")->to_json();
  }

  Template definition_;
  Scope scope_;
};

TEST_F(IntrinsicsTest, References) {
  EXPECT_EQ(value_of("!Ref Name"), "\"bob\"");
  EXPECT_EQ(value_of("!Ref List"), R"(["a","b","c"])");
  EXPECT_EQ(value_of("!Ref R"), "\"bucket-1\"");
  EXPECT_EQ(value_of("!Ref AWS::Region"), "\"eu-west-1\"");
  EXPECT_EQ(value_of("!GetAtt R.Arn"), "\"arn:r\"");
  EXPECT_EQ(value_of("{'Fn::GetAtt': 'R.Arn'}"), "\"arn:r\"");
  EXPECT_NE(value_of("!Ref Nope").find("Unresolved resource dependencies [Nope]"), std::string::npos);
  EXPECT_NE(value_of("!GetAtt R.Color").find("does not support attribute type Color"), std::string::npos);
}

TEST_F(IntrinsicsTest, Texts) {
  EXPECT_EQ(value_of("!Sub '${Name}-${R.Arn}-${AWS::StackName}-${!Raw}'"), "\"bob-arn:r-stack-${Raw}\"");
  EXPECT_EQ(value_of("!Sub ['${A}/${Name}', {A: !Ref R}]"), "\"bucket-1/bob\"");
  EXPECT_EQ(value_of("!Sub 'no $ {variables} $}'"), "\"no $ {variables} $}\"");
  EXPECT_EQ(value_of("!Join ['-', [a, !Ref Name, 3]]"), "\"a-bob-3\"");
  EXPECT_EQ(value_of("!Join [',', !Ref List]"), "\"a,b,c\"");
  EXPECT_EQ(value_of("!Split ['|', 'a|b||c']"), R"(["a","b","","c"])");
  EXPECT_EQ(value_of("!Select [1, !Ref List]"), "\"b\"");
  EXPECT_EQ(value_of("!Base64 hello"), "\"aGVsbG8=\"");
  EXPECT_EQ(value_of("!ImportValue shared"), "\"from afar\"");
  EXPECT_EQ(value_of("!Length [[1, 2]]").find("error"), std::string::npos);
  EXPECT_EQ(value_of("{'Fn::ToJsonString': {a: !Ref Name}}"), R"("{\"a\":\"bob\"}")");
  EXPECT_EQ(value_of("!GetAZs ''"), R"(["eu-west-1a","eu-west-1b","eu-west-1c"])");
  EXPECT_EQ(value_of("!Cidr [10.0.0.0/16, 2, 8]"), R"(["10.0.0.0/24","10.0.1.0/24"])");
}

TEST_F(IntrinsicsTest, Mappings) {
  EXPECT_EQ(value_of("!FindInMap [M, a, x]"), "1");
  EXPECT_EQ(value_of("!FindInMap [M, a, y]"), R"(["p","q"])");
  EXPECT_EQ(value_of("!FindInMap [M, b, x, {DefaultValue: 9}]"), "9");
  EXPECT_NE(value_of("!FindInMap [M, b, x]").find("Unable to get mapping for M::b::x"), std::string::npos);
}

TEST_F(IntrinsicsTest, Conditions) {
  EXPECT_TRUE(*condition_holds("Same", scope_));
  EXPECT_FALSE(*condition_holds("Other", scope_));
  EXPECT_FALSE(*condition_holds("Both", scope_));
  EXPECT_TRUE(*condition_holds("Either", scope_));
  EXPECT_FALSE(condition_holds("Loop", scope_).ok());
  EXPECT_FALSE(condition_holds("Never", scope_).ok());
  EXPECT_EQ(value_of("!If [Same, 1, !Ref Nope]"), "1");  // The other branch is not looked at.
  EXPECT_EQ(value_of("!If [Other, 1, !Ref AWS::NoValue]"), "nothing");
  EXPECT_EQ(value_of("[1, !If [Other, 2, !Ref AWS::NoValue], 3]"), "[1,3]");
  EXPECT_EQ(value_of("!Equals [true, 'true']"), "true");
}

TEST_F(IntrinsicsTest, WrongArguments) {
  for (const char* yaml :
       {"!Join [a]", "!Join [',', [[1]]]", "!Select [9, [a]]", "!Select [x, [a]]", "!Split ['', a]", "!FindInMap [M]",
        "!If [Same, 1]", "!If [Nope, 1, 2]", "!Equals [1]", "!Not [1, 2]", "!And [true]", "!Sub [a]", "!Sub '${open'",
        "!ImportValue none", "!Cidr [10.0.0.0/30, 200, 8]", "{'Fn::Nope': 1}", "{'Fn::GetAtt': R}", "!Ref [a]"}) {
    const Result<Value> document = parse_document(std::string("v: ") + yaml);
    ASSERT_TRUE(document.ok()) << yaml;
    const Result<Value> value = evaluate(*document, scope_);
    ASSERT_FALSE(value.ok()) << yaml;
    EXPECT_EQ(value.error().code(), "ValidationError");
  }
}

Template template_of(const std::string& yaml) { return *Template::from(*parse_document(yaml)); }

TEST(DeploymentOrderTest, DependenciesComeFirst) {
  const Template definition = template_of(R"(
Resources:
  A: {Type: X::Y::Z, Properties: {v: !Ref B}}
  B: {Type: X::Y::Z, Properties: {v: !Sub '${C.Arn}'}}
  C: {Type: X::Y::Z, DependsOn: D}
  D: {Type: X::Y::Z}
)");
  EXPECT_EQ(*deployment_order(definition, {"A", "B", "C", "D"}), (std::vector<std::string>{"D", "C", "B", "A"}));
  EXPECT_EQ(dependencies_of(definition.resources.at("B"), definition), (std::set<std::string>{"C"}));
}

TEST(DeploymentOrderTest, CirclesAndUnknownNames) {
  const Template circle = template_of(R"(
Resources:
  A: {Type: X::Y::Z, Properties: {v: !GetAtt B.Arn}}
  B: {Type: X::Y::Z, DependsOn: [A]}
)");
  EXPECT_EQ(deployment_order(circle, {"A", "B"}).error().message(), "Circular dependency between resources: [A, B]");
  const std::map<std::string, std::string> pseudo{{"AWS::Region", "x"}};
  const auto checked = [&pseudo](const std::string& properties) {
    const Template definition =
        template_of("Parameters: {P: {Type: String}}\nResources: {A: {Type: X::Y::Z, Properties: " + properties + "}}");
    const Result<void> result = check_references(definition, pseudo);
    return result.ok() ? "fine" : result.error().message();
  };
  EXPECT_EQ(checked("{a: !Ref P, b: !Ref A, c: !Ref 'AWS::Region', d: !Sub '${P} ${A.Arn} ${!X}'}"), "fine");
  EXPECT_EQ(checked("{a: !Sub ['${V}', {V: 1}]}"), "fine");
  EXPECT_EQ(checked("{a: [{b: !Ref Q}, !Ref R]}"),
            "Template format error: Unresolved resource dependencies [Q, R] in the Resources block of the template");
  EXPECT_EQ(checked("{a: !GetAtt Q.Arn}"), "Template error: instance of Fn::GetAtt references undefined resource Q");
  EXPECT_EQ(checked("{a: !Sub '${Q}'}"),
            "Template format error: Unresolved resource dependencies [Q] in the Resources block of the template");
}

std::vector<std::string> types_of(const Value& document) {
  std::vector<std::string> types;
  for (const auto& [id, resource] : document.find("Resources")->members()) types.push_back(resource.text_of("Type"));
  std::sort(types.begin(), types.end());
  return types;
}

TEST(SamTest, AFunctionWithItsRoleEventsAndUrl) {
  const Result<Value> document = parse_document(R"(
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, Timeout: 3, Environment: {Variables: {A: 1}}}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Condition: C
    Properties:
      Handler: a.b
      CodeUri: s3://bucket/some/key
      Timeout: 9
      Environment: {Variables: {B: 2}}
      Tags: {team: x}
      FunctionUrlConfig: {AuthType: NONE}
      Events:
        Get: {Type: HttpApi, Properties: {Path: /x, Method: get}}
)");
  ASSERT_TRUE(document.ok());
  ASSERT_TRUE(wants_sam(*document));
  const Result<Value> transformed = transform_sam(*document);
  ASSERT_TRUE(transformed.ok()) << transformed.error().message();
  EXPECT_EQ(types_of(*transformed),
            (std::vector<std::string>{"AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Integration",
                                      "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage", "AWS::IAM::Role",
                                      "AWS::Lambda::Function", "AWS::Lambda::Permission", "AWS::Lambda::Permission",
                                      "AWS::Lambda::Permission", "AWS::Lambda::Url"}));
  EXPECT_EQ(transformed->find("Transform"), nullptr);
  EXPECT_EQ(transformed->find("Globals"), nullptr);
  const Value& function = *transformed->find("Resources")->find("F");
  const Value& properties = *function.find("Properties");
  EXPECT_EQ(properties.text_of("Timeout"), "9");
  EXPECT_EQ(properties.find("Environment")->to_json(), R"({"Variables":{"A":1,"B":2}})");
  EXPECT_EQ(properties.find("Code")->to_json(), R"({"S3Bucket":"bucket","S3Key":"some/key"})");
  EXPECT_EQ(properties.find("Role")->to_json(), R"({"Fn::GetAtt":["FRole","Arn"]})");
  EXPECT_EQ(properties.find("Tags")->to_json(), R"([{"Key":"team","Value":"x"}])");
  EXPECT_EQ(transformed->find("Resources")->find("FRole")->text_of("Condition"), "C");
  EXPECT_EQ(transformed->find("Resources")->find("FGetRoute")->find("Properties")->text_of("RouteKey"), "GET /x");
}

TEST(SamTest, SimpleTableAndApi) {
  const Result<Value> transformed = transform_sam(*parse_document(R"(
Transform: [AWS::Serverless-2016-10-31]
Resources:
  T: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: n, Type: Number}}}
  A: {Type: AWS::Serverless::HttpApi, Properties: {StageName: live, CorsConfiguration: true}}
)"));
  ASSERT_TRUE(transformed.ok());
  const Value& resources = *transformed->find("Resources");
  EXPECT_EQ(resources.find("T")->find("Properties")->find("AttributeDefinitions")->to_json(),
            R"([{"AttributeName":"n","AttributeType":"N"}])");
  EXPECT_EQ(resources.find("AliveStage")->find("Properties")->text_of("StageName"), "live");
  EXPECT_NE(resources.find("A")->find("Properties")->find("CorsConfiguration"), nullptr);
}

TEST(SamTest, NamesWhatItDoesNotDo) {
  for (const char* resource :
       {"{Type: AWS::Serverless::Api}", "{Type: AWS::Serverless::StateMachine}", "{Type: AWS::Serverless::Function}",
        "{Type: AWS::Serverless::Function, Properties: {CodeUri: local/folder}}",
        "{Type: AWS::Serverless::Function, Properties: {InlineCode: x, Nonsense: 1}}",
        "{Type: AWS::Serverless::Function, Properties: {InlineCode: x, Events: {E: {Type: Kinesis}}}}"}) {
    const Result<Value> transformed = transform_sam(
        *parse_document(std::string("Transform: AWS::Serverless-2016-10-31\nResources: {Mine: ") + resource + "}"));
    ASSERT_FALSE(transformed.ok()) << resource;
    EXPECT_NE(transformed.error().message().find("Mine"), std::string::npos);
  }
}

}  // namespace
}  // namespace cumulet::cloudformation
