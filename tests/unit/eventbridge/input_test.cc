#include "services/eventbridge/input.h"

#include <gtest/gtest.h>

namespace cumulet::eventbridge {
namespace {

constexpr const char* kEnvelope =
    R"({"version":"0","id":"i","detail-type":"EC2","source":"aws.ec2","account":"1","time":"t","region":"r",)"
    R"("resources":["arn:x"],"detail":{"instance-id":"i-1","state":"RUNNING","n":3,"o":{"k":"v"},"q":"say \"hi\""}})";

std::string transformed(const std::string& text) {
  wire::events::Target target;
  target.id = "1";
  target.input_transformer.emplace();
  target.input_transformer->input_template = text;
  target.input_transformer->input_paths_map = std::map<std::string, std::string>{{"instance", "$.detail.instance-id"},
                                                                                 {"state", "$.detail.state"},
                                                                                 {"n", "$.detail.n"},
                                                                                 {"o", "$.detail.o"},
                                                                                 {"q", "$.detail.q"},
                                                                                 {"none", "$.detail.none"}};
  EXPECT_TRUE(check_input(target).ok());
  RuleContext context;
  context.rule_arn = "arn:rule";
  context.rule_name = "my-rule";
  context.ingestion_time = "2026-11-22T10:00:00.000Z";
  return input_for(target, kEnvelope, context);
}

TEST(InputTransformerTest, TextTemplates) {
  EXPECT_EQ(transformed(R"("instance <instance> is in state <state>")"), R"("instance i-1 is in state RUNNING")");
  EXPECT_EQ(transformed(R"("<q> and <n>")"), R"("say \"hi\" and 3")");
  EXPECT_EQ(transformed(R"("\<state\> <none>")"), R"("<state> ")");
  EXPECT_EQ(transformed(R"("the object <o>")"), R"("the object {k:v}")");
}

TEST(InputTransformerTest, JsonTemplates) {
  EXPECT_EQ(transformed(R"({"instance": <instance>, "n": <n>, "o": <o>, "text": "is <state>"})"),
            R"({"instance":"i-1","n":3,"o":{"k":"v"},"text":"is RUNNING"})");
  EXPECT_EQ(transformed(R"({"a": <none>})"), R"({"a":""})");
}

TEST(InputTransformerTest, VariablesOfEventBridge) {
  EXPECT_EQ(transformed(R"({"r": <aws.events.rule-name>, "a": "<aws.events.rule-arn>"})"),
            R"({"r":"my-rule","a":"arn:rule"})");
  EXPECT_EQ(transformed(R"({"e": <aws.events.event.json>})"), std::string(R"({"e":)") + kEnvelope + "}");
  EXPECT_EQ(transformed(R"({"e": <aws.events.event>})"),
            R"({"e":{"version":"0","id":"i","detail-type":"EC2","source":"aws.ec2","account":"1","time":"t",)"
            R"("region":"r","resources":["arn:x"]}})");
}

TEST(InputTest, PathAndConstant) {
  wire::events::Target target;
  target.id = "1";
  target.input_path = "$.detail.o";
  EXPECT_EQ(input_for(target, kEnvelope, RuleContext()), R"({"k":"v"})");
  target.input = "{}";
  EXPECT_FALSE(check_input(target).ok());
  target.input_path.reset();
  EXPECT_EQ(input_for(target, kEnvelope, RuleContext()), "{}");
  target.input = "{";
  EXPECT_FALSE(check_input(target).ok());
}

}  // namespace
}  // namespace cumulet::eventbridge
