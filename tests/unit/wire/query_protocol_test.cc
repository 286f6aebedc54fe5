#include "tests/unit/wire/messages.h"
#include "wire/generated/cloudformation.h"
#include "wire/generated/iam.h"
#include "wire/generated/sts.h"

namespace cumulet::wire {
namespace {

TEST(QueryProtocolTest, ActionNamesTheOperation) {
  EXPECT_EQ(routed(sts::model(), form_request("Action=GetCallerIdentity&Version=2011-06-15")), "GetCallerIdentity");
  EXPECT_EQ(routed(sts::model(), request_of("GET", "/?Action=GetCallerIdentity&Version=2011-06-15")),
            "GetCallerIdentity");
  EXPECT_EQ(routed(sts::model(), form_request("Action=Nothing&Version=2011-06-15")), "InvalidAction");
  EXPECT_EQ(routed(sts::model(), form_request("Action=GetCallerIdentity&Version=2001-01-01")), "InvalidAction");
  EXPECT_EQ(routed(sts::model(), form_request("")), "MissingAction");
  EXPECT_EQ(routed(sts::model(), form_request("Action=%zz")), "MalformedInput");
}

TEST(QueryProtocolTest, RoutingLeavesTheBodyForDecoding) {
  net::Request request = form_request("Action=AssumeRole&RoleArn=arn:aws:iam::123456789012:role/r&RoleSessionName=me");
  ASSERT_TRUE(run(route(sts::model(), request, "")).ok());
  const Result<Instance> input = run(decode(sts::model(), sts::AssumeRole::model(), request, ""));
  ASSERT_TRUE(input.ok()) << message_of(input.error());
  EXPECT_EQ(input->as<sts::AssumeRoleRequest>().role_session_name, "me");
}

TEST(QueryProtocolTest, ListsStructuresAndScalarsAreRead) {
  const auto input = decoded<cloudformation::CreateStack>(
      cloudformation::model(),
      form_request("Action=CreateStack&StackName=s&TemplateBody=a%0Ab+c&DisableRollback=true&TimeoutInMinutes=5"
                   "&Parameters.member.2.ParameterKey=B&Parameters.member.10.ParameterKey=C"
                   "&Parameters.member.1.ParameterKey=A&Parameters.member.1.ParameterValue=%C3%A9"
                   "&Capabilities.member.1=CAPABILITY_IAM&Tags="));
  ASSERT_TRUE(input.ok()) << message_of(input.error());
  EXPECT_EQ(input->template_body, "a\nb c");
  EXPECT_EQ(input->disable_rollback, true);
  EXPECT_EQ(input->timeout_in_minutes, 5);
  ASSERT_EQ(input->parameters->size(), 3U);
  EXPECT_EQ(input->parameters->at(0).parameter_value, "é");
  EXPECT_EQ(input->parameters->at(2).parameter_key, "C");
  EXPECT_EQ(input->capabilities->at(0), cloudformation::capability::kCapabilityIam);
  EXPECT_TRUE(input->tags->empty());
}

TEST(QueryProtocolTest, WrongScalarsAreMalformedInput) {
  const auto input = decoded<sts::AssumeRole>(
      sts::model(), form_request("Action=AssumeRole&RoleArn=a&RoleSessionName=b&DurationSeconds=soon"));
  ASSERT_FALSE(input.ok());
  EXPECT_EQ(input.error().code(), "MalformedInput");
}

TEST(QueryProtocolTest, MissingMembersAreValidationErrors) {
  const auto input = decoded<iam::CreateRole>(iam::model(), form_request("Action=CreateRole&RoleName=r"));
  ASSERT_FALSE(input.ok());
  EXPECT_EQ(message_of(input.error()),
            "ValidationError: 1 validation error detected: Value null at 'assumeRolePolicyDocument' failed to satisfy "
            "constraint: Member must not be null");
}

TEST(QueryProtocolTest, ResponseHasResultAndMetadata) {
  sts::GetCallerIdentityResponse output;
  output.account = "123456789012";
  output.arn = "arn:aws:iam::123456789012:user/<a&b>";
  const net::Response response = encoded<sts::GetCallerIdentity>(sts::model(), output);
  EXPECT_EQ(
      body_of(response),
      "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"
      "<GetCallerIdentityResult><Account>123456789012</Account><Arn>arn:aws:iam::123456789012:user/&lt;a&amp;b&gt;"
      "</Arn></GetCallerIdentityResult>\n"
      "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>\n</GetCallerIdentityResponse>\n");
  EXPECT_EQ(response.headers.get("content-type"), "text/xml");
}

TEST(QueryProtocolTest, ListsInResponsesHaveMembers) {
  iam::ListRolesResponse output;
  auto& role = output.roles.emplace_back();
  role.role_name = "r";
  role.create_date = Timestamp(std::chrono::seconds(1'700'000'000));
  const std::string body = body_of(encoded<iam::ListRoles>(iam::model(), output));
  EXPECT_NE(body.find("<Roles><member>"), std::string::npos) << body;
  EXPECT_NE(body.find("<CreateDate>2023-11-14T22:13:20Z</CreateDate>"), std::string::npos) << body;
}

TEST(QueryProtocolTest, OperationWithoutResultHasOnlyMetadata) {
  EXPECT_EQ(body_of(encoded<iam::DeleteRole>(iam::model(), {})),
            "<DeleteRoleResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">\n"
            "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>\n</DeleteRoleResponse>\n");
}

}  // namespace
}  // namespace cumulet::wire
