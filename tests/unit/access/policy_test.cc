#include "access/policy.h"

#include <gtest/gtest.h>

namespace cumulet::access {
namespace {

std::string failure(std::string_view json, PolicyKind kind) {
  const Result<Policy> policy = parse_policy(json, kind);
  if (policy) return "none";
  EXPECT_EQ(policy.error().code(), "MalformedPolicyDocument");
  return policy.error().message();
}

Policy parsed(std::string_view json, PolicyKind kind = PolicyKind::kResource) {
  Result<Policy> policy = parse_policy(json, kind);
  EXPECT_TRUE(policy.ok()) << (policy ? "" : policy.error().message());
  return policy ? std::move(policy).value() : Policy();
}

std::string statement(const std::string& rest) {
  return R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow",)" + rest + "}]}";
}

Question question(std::string action, std::string resource) {
  Question q;
  q.caller.account = "123456789012";
  q.caller.arn = "arn:aws:iam::123456789012:user/team/alice";
  q.action = std::move(action);
  q.resource = std::move(resource);
  q.context["aws:username"] = {"alice"};
  return q;
}

TEST(ParsePolicyTest, GrammarIsChecked) {
  const auto identity = [](const std::string& json) { return failure(json, PolicyKind::kIdentity); };
  EXPECT_EQ(identity(statement(R"("Action":"s3:*","Resource":"*")")), "none");
  EXPECT_EQ(identity(R"({"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":["a:b"],"NotResource":"*"}})"),
            "none");
  EXPECT_EQ(identity("{"), "Syntax errors in policy.");
  EXPECT_EQ(identity("[]"), "Syntax errors in policy.");
  EXPECT_EQ(identity(R"({"Version":"2012-10-17"})"), "Syntax errors in policy.");
  EXPECT_EQ(identity(R"({"Version":"2012-10-17","Statement":[]})"), "Syntax errors in policy.");
  EXPECT_EQ(identity(statement(R"("Action":"s3:*","Resource":"*","Colour":"blue")")), "Syntax errors in policy.");
  EXPECT_EQ(identity(statement(R"("Action":"s3:*","Resource":"*","Effect":"Deny")")), "Syntax errors in policy.");
  EXPECT_EQ(identity(R"({"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})"),
            "Policy document must be version 2012-10-17 or greater.");
  EXPECT_EQ(identity(statement(R"("Resource":"*")")), "Policy statement must contain actions.");
  EXPECT_EQ(identity(statement(R"("Action":"s3:*")")), "Policy statement must contain resources.");
  EXPECT_EQ(identity(statement(R"("Action":"GetObject","Resource":"*")")),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.");
  EXPECT_EQ(identity(statement(R"("Action":"s3:*","Resource":"bucket")")),
            "Resource bucket must be in ARN format or \"*\".");
  EXPECT_EQ(identity(statement(R"("Action":"s3:*","Resource":"*","Principal":"*")")),
            "Policy document should not specify a principal.");
  EXPECT_EQ(identity(statement(R"("Action":"s3:*","Resource":"*","Condition":{"StringSame":{"aws:a":"b"}})")),
            "Invalid Condition type : StringSame.");
  EXPECT_EQ(
      identity(R"({"Version":"2012-10-17","Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},
                         {"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}]})"),
      "Statement IDs (SID) in a single policy must be unique.");
}

TEST(ParsePolicyTest, TrustPoliciesHavePrincipalsAndStsActionsOnly) {
  const auto trust = [](const std::string& json) { return failure(json, PolicyKind::kTrust); };
  EXPECT_EQ(trust(statement(R"("Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole")")), "none");
  EXPECT_EQ(trust("nonsense"), "This policy contains invalid Json");
  EXPECT_EQ(trust(statement(R"("Action":"sts:AssumeRole")")), "Missing required field Principal");
  EXPECT_EQ(trust(statement(R"("Principal":"*","Action":"sts:AssumeRole","Resource":"*")")),
            "Has prohibited field Resource");
  EXPECT_EQ(trust(statement(R"("Principal":"*","Action":"s3:GetObject")")),
            "AssumeRole policy may only specify STS AssumeRole actions.");
  EXPECT_EQ(trust(statement(R"("Principal":{"AWS":"bob"},"Action":"sts:AssumeRole")")),
            "Invalid principal in policy: \"AWS\":\"bob\"");
}

TEST(EvaluateTest, PublicReadPolicyLetsAnyoneReadThatBucketOnly) {
  const Policy policy =
      parsed(statement(R"("Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::site/*")"));
  EXPECT_TRUE(allows_public(policy, "s3:GetObject", "arn:aws:s3:::site/a/b.html"));
  EXPECT_TRUE(allows_public(policy, "S3:getobject", "arn:aws:s3:::site/x"));
  EXPECT_FALSE(allows_public(policy, "s3:PutObject", "arn:aws:s3:::site/a"));
  EXPECT_FALSE(allows_public(policy, "s3:GetObject", "arn:aws:s3:::site"));
  EXPECT_FALSE(allows_public(policy, "s3:GetObject", "arn:aws:s3:::site2/a"));
  const Policy account =
      parsed(statement(R"("Principal":{"AWS":"123456789012"},"Action":"s3:*","Resource":"arn:aws:s3:::site/*")"));
  EXPECT_FALSE(allows_public(account, "s3:GetObject", "arn:aws:s3:::site/a"));
}

TEST(EvaluateTest, DenyBeatsAllow) {
  const Policy policy = parsed(
      R"({"Version":"2012-10-17","Statement":[
          {"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::site/private/*"},
          {"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::site/*"}]})");
  EXPECT_TRUE(allows_public(policy, "s3:GetObject", "arn:aws:s3:::site/a"));
  EXPECT_FALSE(allows_public(policy, "s3:GetObject", "arn:aws:s3:::site/private/a"));
}

TEST(EvaluateTest, NotElementsInvert) {
  const Policy policy = parsed(statement(
      R"("NotPrincipal":{"AWS":"arn:aws:iam::123456789012:user/team/alice"},"NotAction":"s3:Put*","NotResource":"arn:aws:s3:::b/secret*")"));
  Question alice = question("s3:GetObject", "arn:aws:s3:::b/a");
  EXPECT_EQ(evaluate(policy, alice), Decision::kNone);
  Question bob = alice;
  bob.caller.arn = "arn:aws:iam::999999999999:user/bob";
  bob.caller.account = "999999999999";
  EXPECT_EQ(evaluate(policy, bob), Decision::kAllow);
  bob.action = "s3:PutObject";
  EXPECT_EQ(evaluate(policy, bob), Decision::kNone);
  bob.action = "s3:GetObject";
  bob.resource = "arn:aws:s3:::b/secret1";
  EXPECT_EQ(evaluate(policy, bob), Decision::kNone);
}

TEST(EvaluateTest, PrincipalsAreAccountsUsersRolesSessionsAndServices) {
  const auto trusts = [](const std::string& principal, Question q) {
    q.action = "sts:AssumeRole";
    q.resource.clear();
    return evaluate(
               parsed(statement("\"Principal\":" + principal + ",\"Action\":\"sts:AssumeRole\""), PolicyKind::kTrust),
               q) == Decision::kAllow;
  };
  const Question alice = question("", "");
  EXPECT_TRUE(trusts(R"({"AWS":"123456789012"})", alice));
  EXPECT_TRUE(trusts(R"({"AWS":"arn:aws:iam::123456789012:root"})", alice));
  EXPECT_TRUE(trusts(R"({"AWS":["111111111111","arn:aws:iam::123456789012:user/team/alice"]})", alice));
  EXPECT_FALSE(trusts(R"({"AWS":"111111111111"})", alice));
  EXPECT_FALSE(trusts(R"({"Service":"lambda.amazonaws.com"})", alice));

  Question session = alice;
  session.caller.arn = "arn:aws:sts::123456789012:assumed-role/worker/one";
  EXPECT_TRUE(trusts(R"({"AWS":"arn:aws:iam::123456789012:role/path/worker"})", session));
  EXPECT_TRUE(trusts(R"({"AWS":"arn:aws:sts::123456789012:assumed-role/worker/one"})", session));
  EXPECT_FALSE(trusts(R"({"AWS":"arn:aws:iam::123456789012:role/other"})", session));

  Question lambda;
  lambda.service_principal = "lambda.amazonaws.com";
  EXPECT_TRUE(trusts(R"({"Service":["events.amazonaws.com","lambda.amazonaws.com"]})", lambda));
  EXPECT_FALSE(trusts(R"({"AWS":"123456789012"})", lambda));
}

TEST(EvaluateTest, VariablesAreFilledInAndUnknownOnesMatchNothing) {
  const Policy policy =
      parsed(statement(R"("Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::home/${aws:username}/*")"));
  EXPECT_EQ(evaluate(policy, question("s3:GetObject", "arn:aws:s3:::home/alice/x")), Decision::kAllow);
  EXPECT_EQ(evaluate(policy, question("s3:GetObject", "arn:aws:s3:::home/bob/x")), Decision::kNone);
  Question nameless = question("s3:GetObject", "arn:aws:s3:::home//x");
  nameless.context.clear();
  EXPECT_EQ(evaluate(policy, nameless), Decision::kNone);
  Question wild = question("s3:GetObject", "arn:aws:s3:::home/bob/x");
  wild.context["aws:username"] = {"*"};
  EXPECT_EQ(evaluate(policy, wild), Decision::kNone);
}

bool holds(const std::string& condition, const std::map<std::string, std::vector<std::string>>& context) {
  const Policy policy = parsed(statement(R"("Principal":"*","Action":"s3:*","Resource":"*","Condition":)" + condition));
  return allows_public(policy, "s3:GetObject", "arn:aws:s3:::b/k", context);
}

TEST(ConditionTest, Strings) {
  EXPECT_TRUE(holds(R"({"StringEquals":{"aws:a":["x","y"]}})", {{"aws:a", {"y"}}}));
  EXPECT_FALSE(holds(R"({"StringEquals":{"aws:a":"x*"}})", {{"aws:a", {"xy"}}}));
  EXPECT_TRUE(holds(R"({"StringLike":{"aws:A":"x*"}})", {{"aws:a", {"xy"}}}));
  EXPECT_FALSE(holds(R"({"StringNotLike":{"aws:a":"x*"}})", {{"aws:a", {"xy"}}}));
  EXPECT_TRUE(holds(R"({"StringNotEquals":{"aws:a":"x"}})", {}));
  EXPECT_FALSE(holds(R"({"StringEquals":{"aws:a":"x"}})", {}));
  EXPECT_TRUE(holds(R"({"StringEqualsIfExists":{"aws:a":"x"}})", {}));
  EXPECT_TRUE(holds(R"({"StringEqualsIgnoreCase":{"aws:a":"ABC"}})", {{"aws:a", {"abc"}}}));
}

TEST(ConditionTest, AddressesNumbersDatesAndBooleans) {
  EXPECT_TRUE(holds(R"({"IpAddress":{"aws:SourceIp":"10.1.0.0/16"}})", {{"aws:sourceip", {"10.1.200.3"}}}));
  EXPECT_FALSE(holds(R"({"IpAddress":{"aws:SourceIp":"10.1.0.0/17"}})", {{"aws:sourceip", {"10.1.200.3"}}}));
  EXPECT_TRUE(holds(R"({"NotIpAddress":{"aws:SourceIp":"2001:db8::/32"}})", {{"aws:sourceip", {"2001:db9::1"}}}));
  EXPECT_FALSE(holds(R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/99"}})", {{"aws:sourceip", {"10.0.0.1"}}}));
  EXPECT_TRUE(holds(R"({"NumericLessThanEquals":{"s3:max-keys":10}})", {{"s3:max-keys", {"10"}}}));
  EXPECT_FALSE(holds(R"({"NumericGreaterThan":{"s3:max-keys":"10"}})", {{"s3:max-keys", {"10"}}}));
  EXPECT_TRUE(holds(R"({"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}})",
                    {{"aws:currenttime", {"2026-01-01T00:00:00Z"}}}));
  EXPECT_TRUE(holds(R"({"Bool":{"aws:SecureTransport":true}})", {{"aws:securetransport", {"true"}}}));
  EXPECT_FALSE(holds(R"({"Bool":{"aws:SecureTransport":"true"}})", {{"aws:securetransport", {"false"}}}));
  EXPECT_TRUE(holds(R"({"Null":{"aws:a":"true"}})", {}));
  EXPECT_TRUE(holds(R"({"ArnLike":{"aws:SourceArn":"arn:aws:s3:::b*"}})", {{"aws:sourcearn", {"arn:aws:s3:::bb"}}}));
}

TEST(ConditionTest, SetsOfValues) {
  const std::map<std::string, std::vector<std::string>> two{{"aws:tagkeys", {"a", "b"}}};
  EXPECT_TRUE(holds(R"({"ForAnyValue:StringEquals":{"aws:TagKeys":"b"}})", two));
  EXPECT_FALSE(holds(R"({"ForAllValues:StringEquals":{"aws:TagKeys":"b"}})", two));
  EXPECT_TRUE(holds(R"({"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}})", two));
  EXPECT_TRUE(holds(R"({"ForAllValues:StringEquals":{"aws:TagKeys":"b"}})", {}));
  EXPECT_FALSE(holds(R"({"ForAnyValue:StringEquals":{"aws:TagKeys":"b"}})", {}));
}

TEST(ConditionTest, UnknownOperatorDeniesEitherWay) {
  Policy policy = parsed(statement(R"("Principal":"*","Action":"s3:*","Resource":"*")"));
  policy.statements[0].conditions.push_back(Condition{"StringSame", "aws:a", {"b"}});
  EXPECT_EQ(evaluate(policy, question("s3:GetObject", "arn:aws:s3:::b/k")), Decision::kNone);
  policy.statements[0].allow = false;
  EXPECT_EQ(evaluate(policy, question("s3:GetObject", "arn:aws:s3:::b/k")), Decision::kDeny);
}

TEST(PatternTest, LongPatternsStayFast) {
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "*a";
  const Policy policy =
      parsed(statement(R"("Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::)" + stars + R"(b")"));
  EXPECT_FALSE(allows_public(policy, "s3:GetObject", "arn:aws:s3:::" + std::string(2000, 'a')));
}

}  // namespace
}  // namespace cumulet::access
