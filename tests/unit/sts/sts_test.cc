#include "services/sts/sts.h"

#include <gtest/gtest.h>

#include "base/run.h"
#include "storage/open.h"

namespace cumulet::sts {
namespace {

using namespace std::chrono_literals;
namespace api = wire::sts;

constexpr const char* kArn = "arn:aws:iam::123456789012:role/worker";

class StsTest : public testing::Test {
 protected:
  StsTest() {
    call_.service = "sts";
    call_.caller.account = "123456789012";
    call_.caller.arn = "arn:aws:iam::123456789012:user/alice";
    call_.caller.unique_id = "AIDAALICE";
    call_.caller.access_key_id = "AKIAALICE";
    credentials_ = open(true);
  }

  std::unique_ptr<access::CredentialStore> open(bool roles_must_exist) {
    access::CredentialStore::Options options;
    options.account_id = "123456789012";
    options.roles_must_exist = roles_must_exist;
    auto store = std::make_unique<access::CredentialStore>(*database_, clock_, options);
    EXPECT_TRUE(run(store->open()).ok());
    return store;
  }
  void put_role(const std::string& trust_rest, std::int64_t max_seconds = 3600) {
    access::RoleRow role;
    role.name = "worker";
    role.id = "AROAWORKER";
    role.path = "/";
    role.max_session_seconds = max_seconds;
    role.trust_policy =
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",)" + trust_rest + "}]}";
    const auto transaction = database_->begin();
    transaction->put(access::role_key("123456789012", "worker"), access::encode(role));
    ASSERT_TRUE(run(transaction->commit()).ok());
  }
  template <typename Operation>
  Result<typename Operation::Output> run_operation(typename Operation::Input input) {
    Sts sts(*database_, *credentials_);
    typename Operation::Output output;
    const Result<void> done = run((*sts.service().find(Operation::model().name))(call_, &input, &output));
    if (!done) return done.error();
    return output;
  }
  static api::AssumeRoleRequest assume(std::optional<std::int32_t> seconds = std::nullopt) {
    api::AssumeRoleRequest input;
    input.role_arn = kArn;
    input.role_session_name = "one";
    input.duration_seconds = seconds;
    return input;
  }
  std::string failure(const api::AssumeRoleRequest& input) {
    const auto result = run_operation<api::AssumeRole>(input);
    return result ? "none" : result.error().code() + ": " + result.error().message();
  }

  std::unique_ptr<storage::Database> database_ = storage::open_memory();
  ManualClock clock_{Timestamp(1'767'225'600s)};
  std::unique_ptr<access::CredentialStore> credentials_;
  net::Request request_;
  wire::Call call_{request_};
};

TEST_F(StsTest, CallerIdentityIsTheCaller) {
  const auto identity = run_operation<api::GetCallerIdentity>({});
  EXPECT_EQ(identity->account, "123456789012");
  EXPECT_EQ(identity->arn, "arn:aws:iam::123456789012:user/alice");
  EXPECT_EQ(identity->user_id, "AIDAALICE");
}

TEST_F(StsTest, TrustedCallerGetsWorkingCredentials) {
  put_role(R"("Principal":{"AWS":"arn:aws:iam::123456789012:root"})", 7200);
  const auto assumed = run_operation<api::AssumeRole>(assume(7200));
  ASSERT_TRUE(assumed.ok()) << assumed.error().message();
  EXPECT_EQ(assumed->assumed_role_user->arn, "arn:aws:sts::123456789012:assumed-role/worker/one");
  EXPECT_EQ(assumed->assumed_role_user->assumed_role_id, "AROAWORKER:one");
  EXPECT_EQ(assumed->credentials->expiration, clock_.now() + 2h);
  const auto found = run(credentials_->find(assumed->credentials->access_key_id, assumed->credentials->session_token));
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->secret_access_key, assumed->credentials->secret_access_key);
  EXPECT_EQ((*found)->caller.arn, assumed->assumed_role_user->arn);
}

TEST_F(StsTest, OthersAreNotAuthorized) {
  const std::string denied =
      "AccessDenied: User: arn:aws:iam::123456789012:user/alice is not authorized to perform: sts:AssumeRole on "
      "resource: arn:aws:iam::123456789012:role/worker";
  EXPECT_EQ(failure(assume()), denied);  // no such role
  put_role(R"("Principal":{"Service":"lambda.amazonaws.com"})");
  EXPECT_EQ(failure(assume()), denied);
  put_role(R"("Principal":{"AWS":"999999999999"})");
  EXPECT_EQ(failure(assume()), denied);
}

TEST_F(StsTest, ExternalIdIsACondition) {
  put_role(R"("Principal":{"AWS":"*"},"Condition":{"StringEquals":{"sts:ExternalId":"secret"}})");
  api::AssumeRoleRequest input = assume();
  EXPECT_EQ(failure(input).substr(0, 12), "AccessDenied");
  input.external_id = "secret";
  EXPECT_EQ(failure(input), "none");
}

TEST_F(StsTest, DurationsAreLimited) {
  put_role(R"("Principal":{"AWS":"*"})");
  EXPECT_EQ(failure(assume(3601)),
            "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  put_role(R"("Principal":{"AWS":"*"})", 43'200);
  EXPECT_EQ(failure(assume(43'200)), "none");
  call_.caller.arn = "arn:aws:sts::123456789012:assumed-role/other/s";
  EXPECT_EQ(failure(assume(3601)),
            "ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role "
            "chaining");
  EXPECT_EQ(failure(assume()), "none");
}

TEST_F(StsTest, MalformedArnAndSessionPolicyFail) {
  put_role(R"("Principal":{"AWS":"*"})");
  api::AssumeRoleRequest input = assume();
  input.role_arn = "arn:aws:iam::123456789012:user/alice";
  EXPECT_EQ(failure(input), "ValidationError: arn:aws:iam::123456789012:user/alice is invalid");
  input = assume();
  input.policy = "{";
  EXPECT_EQ(failure(input), "MalformedPolicyDocument: Syntax errors in policy.");
}

TEST_F(StsTest, LenientStoreLetsAnyRoleBeAssumed) {
  credentials_ = open(false);
  EXPECT_EQ(failure(assume()), "none");
}

TEST_F(StsTest, SessionTokenIsForUsersAndRootOnly) {
  const auto issued = run_operation<api::GetSessionToken>({});
  ASSERT_TRUE(issued.ok());
  EXPECT_EQ(issued->credentials->expiration, clock_.now() + 12h);
  const auto found = run(credentials_->find(issued->credentials->access_key_id, issued->credentials->session_token));
  EXPECT_EQ((*found)->caller.arn, call_.caller.arn);
  call_.caller.access_key_id = issued->credentials->access_key_id;
  EXPECT_EQ(run_operation<api::GetSessionToken>({}).error().code(), "AccessDenied");
  call_.caller.access_key_id = "AKIAROOT";
  call_.caller.arn = "arn:aws:iam::123456789012:root";
  EXPECT_EQ(run_operation<api::GetSessionToken>({})->credentials->expiration, clock_.now() + 1h);
}

}  // namespace
}  // namespace cumulet::sts
