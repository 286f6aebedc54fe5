#include "services/iam/iam.h"

#include <set>

#include <gtest/gtest.h>

#include "base/run.h"
#include "base/text.h"
#include "storage/open.h"

namespace cumulet::iam {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
constexpr const char* kPolicy =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]})";
constexpr const char* kBasic = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole";

class IamTest : public testing::Test {
 protected:
  IamTest() {
    call_.service = "iam";
    call_.caller.account = "123456789012";
    call_.caller.arn = "arn:aws:iam::123456789012:root";
    call_.caller.unique_id = "123456789012";
  }

  template <typename Operation>
  Result<typename Operation::Output> run_operation(typename Operation::Input input) {
    const wire::Service::Operate* operate = iam_.service().find(Operation::model().name);
    EXPECT_NE(operate, nullptr);
    typename Operation::Output output;
    const Result<void> done = run((*operate)(call_, &input, &output));
    if (!done) return done.error();
    return output;
  }
  /// "code: message" of what an operation says, "none" when it succeeds.
  template <typename Operation>
  std::string failure(typename Operation::Input input) {
    const auto result = run_operation<Operation>(std::move(input));
    return result ? "none" : result.error().code() + ": " + result.error().message();
  }

  static api::CreateUserRequest user(std::string name) {
    api::CreateUserRequest input;
    input.user_name = std::move(name);
    return input;
  }
  static api::CreateRoleRequest role(std::string name, std::string trust = kTrust) {
    api::CreateRoleRequest input;
    input.role_name = std::move(name);
    input.assume_role_policy_document = std::move(trust);
    return input;
  }
  static api::CreatePolicyRequest policy(std::string name) {
    api::CreatePolicyRequest input;
    input.policy_name = std::move(name);
    input.policy_document = kPolicy;
    return input;
  }
  template <typename Input>
  static Input role_policy(std::string role, std::string arn) {
    Input input;
    input.role_name = std::move(role);
    input.policy_arn = std::move(arn);
    return input;
  }
  template <typename Input>
  static Input for_role(std::string name) {
    Input input;
    input.role_name = std::move(name);
    return input;
  }
  template <typename Input>
  static Input for_user(std::string name) {
    Input input;
    input.user_name = std::move(name);
    return input;
  }
  template <typename Input>
  static Input for_policy(std::string arn) {
    Input input;
    input.policy_arn = std::move(arn);
    return input;
  }

  std::unique_ptr<storage::Database> database_ = storage::open_memory();
  ManualClock clock_{Timestamp(1'767'225'600s)};
  Iam iam_{*database_, clock_};
  net::Request request_;
  wire::Call call_{request_};
};

// --- users ---------------------------------------------------------------------------------------------------------

TEST_F(IamTest, UserIsCreatedAndFoundWithoutRegardToCase) {
  api::CreateUserRequest input = user("Alice");
  input.path = "/team/";
  input.tags.emplace(1);
  (*input.tags)[0].key = "role";
  const auto created = run_operation<api::CreateUser>(input);
  ASSERT_TRUE(created.ok()) << created.error().message();
  EXPECT_EQ(created->user->arn, "arn:aws:iam::123456789012:user/team/Alice");
  EXPECT_EQ(created->user->user_id.substr(0, 4), "AIDA");
  EXPECT_EQ(created->user->user_id.size(), 21u);
  EXPECT_EQ(failure<api::CreateUser>(user("alice")), "EntityAlreadyExists: User with name alice already exists.");
  const auto found = run_operation<api::GetUser>(for_user<api::GetUserRequest>("ALICE"));
  EXPECT_EQ(found->user.user_name, "Alice");
  EXPECT_EQ(found->user.tags->size(), 1u);
  EXPECT_EQ(failure<api::GetUser>(for_user<api::GetUserRequest>("bob")),
            "NoSuchEntity: The user with name bob cannot be found.");
}

TEST_F(IamTest, GetUserWithoutNameIsTheCaller) {
  EXPECT_EQ(run_operation<api::GetUser>({})->user.arn, "arn:aws:iam::123456789012:root");
  run_operation<api::CreateUser>(user("alice")).ok();
  call_.caller.arn = "arn:aws:iam::123456789012:user/alice";
  EXPECT_EQ(run_operation<api::GetUser>({})->user.user_name, "alice");
  call_.caller.arn = "arn:aws:sts::123456789012:assumed-role/r/s";
  EXPECT_EQ(failure<api::GetUser>({}), "ValidationError: Must specify userName when calling with non-User credentials");
}

TEST_F(IamTest, ListingPagesThroughAllAndFiltersByPath) {
  for (int i = 0; i < 7; ++i) {
    api::CreateUserRequest input = user("user" + std::to_string(i));
    if (i % 2 == 1) input.path = "/odd/";
    ASSERT_TRUE(run_operation<api::CreateUser>(input).ok());
  }
  std::set<std::string> seen;
  api::ListUsersRequest list;
  list.max_items = 3;
  int pages = 0;
  while (true) {
    const auto page = run_operation<api::ListUsers>(list);
    ASSERT_TRUE(page.ok());
    ++pages;
    EXPECT_LE(page->users.size(), 3u);
    for (const api::User& found : page->users) EXPECT_TRUE(seen.insert(found.user_name).second);
    EXPECT_EQ(*page->is_truncated, page->marker.has_value());
    if (!page->marker) break;
    list.marker = page->marker;
  }
  EXPECT_EQ(seen.size(), 7u);
  EXPECT_EQ(pages, 3);
  api::ListUsersRequest odd;
  odd.path_prefix = "/odd/";
  odd.max_items = 3;
  const auto page = run_operation<api::ListUsers>(odd);
  EXPECT_EQ(page->users.size(), 3u);
  EXPECT_FALSE(page->marker.has_value());
  odd.marker = "***";
  EXPECT_EQ(failure<api::ListUsers>(odd), "InvalidInput: Invalid Marker.");
}

TEST_F(IamTest, UserThatHasSomethingCannotBeDeleted) {
  ASSERT_TRUE(run_operation<api::CreateUser>(user("alice")).ok());
  const auto key = run_operation<api::CreateAccessKey>(for_user<api::CreateAccessKeyRequest>("alice"));
  api::PutUserPolicyRequest put = for_user<api::PutUserPolicyRequest>("alice");
  put.policy_name = "p";
  put.policy_document = kPolicy;
  ASSERT_TRUE(run_operation<api::PutUserPolicy>(put).ok());
  const auto remove = [this] { return failure<api::DeleteUser>(for_user<api::DeleteUserRequest>("alice")); };
  EXPECT_EQ(remove(), "DeleteConflict: Cannot delete entity, must delete access keys first.");
  api::DeleteAccessKeyRequest delete_key = for_user<api::DeleteAccessKeyRequest>("alice");
  delete_key.access_key_id = key->access_key.access_key_id;
  EXPECT_EQ(failure<api::DeleteAccessKey>(delete_key), "none");
  EXPECT_EQ(remove(), "DeleteConflict: Cannot delete entity, must delete policies first.");
  api::DeleteUserPolicyRequest delete_policy = for_user<api::DeleteUserPolicyRequest>("alice");
  delete_policy.policy_name = "p";
  EXPECT_EQ(failure<api::DeleteUserPolicy>(delete_policy), "none");
  EXPECT_EQ(remove(), "none");
  EXPECT_EQ(remove(), "NoSuchEntity: The user with name alice cannot be found.");
}

TEST_F(IamTest, RenamedUserKeepsEverything) {
  ASSERT_TRUE(run_operation<api::CreateUser>(user("alice")).ok());
  const auto key = run_operation<api::CreateAccessKey>(for_user<api::CreateAccessKeyRequest>("alice"));
  api::AttachUserPolicyRequest attach = for_user<api::AttachUserPolicyRequest>("alice");
  attach.policy_arn = "arn:aws:iam::aws:policy/AdministratorAccess";
  ASSERT_TRUE(run_operation<api::AttachUserPolicy>(attach).ok());
  api::UpdateUserRequest update = for_user<api::UpdateUserRequest>("alice");
  update.new_user_name = "carol";
  update.new_path = "/x/";
  ASSERT_EQ(failure<api::UpdateUser>(update), "none");

  EXPECT_EQ(failure<api::GetUser>(for_user<api::GetUserRequest>("alice")).substr(0, 12), "NoSuchEntity");
  const auto attached =
      run_operation<api::ListAttachedUserPolicies>(for_user<api::ListAttachedUserPoliciesRequest>("carol"));
  ASSERT_EQ(attached->attached_policies->size(), 1u);
  EXPECT_EQ((*attached->attached_policies)[0].policy_name, "AdministratorAccess");
  const auto keys = run_operation<api::ListAccessKeys>(for_user<api::ListAccessKeysRequest>("carol"));
  ASSERT_EQ(keys->access_key_metadata.size(), 1u);
  const auto transaction = database_->begin();
  const auto row = run(transaction->get(access::access_key_key(key->access_key.access_key_id)));
  EXPECT_EQ(access::decode_access_key("", **row)->user_arn, "arn:aws:iam::123456789012:user/x/carol");
}

// --- access keys ---------------------------------------------------------------------------------------------------

TEST_F(IamTest, AccessKeysAreTwoAndCanBeSwitchedOff) {
  ASSERT_TRUE(run_operation<api::CreateUser>(user("alice")).ok());
  const auto first = run_operation<api::CreateAccessKey>(for_user<api::CreateAccessKeyRequest>("alice"));
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->access_key.access_key_id.size(), 20u);
  EXPECT_EQ(first->access_key.secret_access_key.size(), 40u);
  EXPECT_EQ(failure<api::CreateAccessKey>(for_user<api::CreateAccessKeyRequest>("alice")), "none");
  EXPECT_EQ(failure<api::CreateAccessKey>(for_user<api::CreateAccessKeyRequest>("alice")),
            "LimitExceeded: Cannot exceed quota for AccessKeysPerUser: 2");

  api::UpdateAccessKeyRequest update = for_user<api::UpdateAccessKeyRequest>("alice");
  update.access_key_id = first->access_key.access_key_id;
  update.status = "Inactive";
  EXPECT_EQ(failure<api::UpdateAccessKey>(update), "none");
  const auto keys = run_operation<api::ListAccessKeys>(for_user<api::ListAccessKeysRequest>("alice"));
  std::multiset<std::string> statuses;
  for (const auto& key : keys->access_key_metadata) statuses.insert(*key.status);
  EXPECT_EQ(statuses, (std::multiset<std::string>{"Active", "Inactive"}));

  ASSERT_TRUE(run_operation<api::CreateUser>(user("bob")).ok());
  api::DeleteAccessKeyRequest wrong = for_user<api::DeleteAccessKeyRequest>("bob");
  wrong.access_key_id = first->access_key.access_key_id;
  EXPECT_EQ(failure<api::DeleteAccessKey>(wrong),
            "NoSuchEntity: The Access Key with id " + wrong.access_key_id + " cannot be found.");
}

// --- roles ---------------------------------------------------------------------------------------------------------

TEST_F(IamTest, RoleIsCreatedWithItsTrustPolicy) {
  const auto created = run_operation<api::CreateRole>(role("worker"));
  ASSERT_TRUE(created.ok()) << created.error().message();
  EXPECT_EQ(created->role.arn, "arn:aws:iam::123456789012:role/worker");
  EXPECT_EQ(created->role.role_id.substr(0, 4), "AROA");
  EXPECT_EQ(created->role.max_session_duration, 3600);
  EXPECT_EQ(uri_decode(*created->role.assume_role_policy_document), kTrust);
  EXPECT_EQ(failure<api::CreateRole>(role("Worker")), "EntityAlreadyExists: Role with name Worker already exists.");
  EXPECT_EQ(failure<api::CreateRole>(role("other", "{}")), "MalformedPolicyDocument: Syntax errors in policy.");
  EXPECT_EQ(failure<api::CreateRole>(role("other", kPolicy)), "MalformedPolicyDocument: Has prohibited field Resource");
  EXPECT_EQ(failure<api::GetRole>(for_role<api::GetRoleRequest>("nobody")),
            "NoSuchEntity: The role with name nobody cannot be found.");
}

TEST_F(IamTest, RoleCanBeChanged) {
  ASSERT_TRUE(run_operation<api::CreateRole>(role("worker")).ok());
  api::UpdateRoleRequest update = for_role<api::UpdateRoleRequest>("worker");
  update.description = "works";
  update.max_session_duration = 7200;
  EXPECT_EQ(failure<api::UpdateRole>(update), "none");
  api::UpdateAssumeRolePolicyRequest trust = for_role<api::UpdateAssumeRolePolicyRequest>("worker");
  trust.policy_document =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:*"}]})";
  EXPECT_EQ(failure<api::UpdateAssumeRolePolicy>(trust), "none");
  api::TagRoleRequest tag = for_role<api::TagRoleRequest>("worker");
  tag.tags.resize(2);
  tag.tags[0].key = "Team";
  tag.tags[1].key = "team";
  EXPECT_EQ(failure<api::TagRole>(tag),
            "InvalidInput: Duplicate tag keys found. Please note that Tag keys are case insensitive.");
  tag.tags.resize(1);
  EXPECT_EQ(failure<api::TagRole>(tag), "none");
  const auto found = run_operation<api::GetRole>(for_role<api::GetRoleRequest>("worker"));
  EXPECT_EQ(found->role.description, "works");
  EXPECT_EQ(found->role.max_session_duration, 7200);
  EXPECT_EQ(uri_decode(*found->role.assume_role_policy_document), trust.policy_document);
  EXPECT_EQ(found->role.tags->size(), 1u);
}

TEST_F(IamTest, InlinePoliciesOfARole) {
  ASSERT_TRUE(run_operation<api::CreateRole>(role("worker")).ok());
  api::PutRolePolicyRequest put = for_role<api::PutRolePolicyRequest>("worker");
  put.policy_name = "logs";
  put.policy_document = kPolicy;
  EXPECT_EQ(failure<api::PutRolePolicy>(put), "none");
  api::GetRolePolicyRequest get = for_role<api::GetRolePolicyRequest>("worker");
  get.policy_name = "logs";
  EXPECT_EQ(uri_decode(run_operation<api::GetRolePolicy>(get)->policy_document), kPolicy);
  EXPECT_EQ(run_operation<api::ListRolePolicies>(for_role<api::ListRolePoliciesRequest>("worker"))->policy_names,
            std::vector<std::string>{"logs"});
  get.policy_name = "none";
  EXPECT_EQ(failure<api::GetRolePolicy>(get), "NoSuchEntity: The role policy with name none cannot be found.");

  put.policy_name = "large";
  put.policy_document = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:)" +
                        std::string(10240, 'a') + R"(","Resource":"*"}]})";
  EXPECT_EQ(failure<api::PutRolePolicy>(put),
            "LimitExceeded: Maximum policy size of 10240 bytes exceeded for role worker");
}

// --- managed policies ----------------------------------------------------------------------------------------------

TEST_F(IamTest, AttachedPoliciesAreSeenFromBothSidesAndHoldTheRole) {
  ASSERT_TRUE(run_operation<api::CreateRole>(role("worker")).ok());
  const auto created = run_operation<api::CreatePolicy>(policy("readers"));
  ASSERT_TRUE(created.ok()) << created.error().message();
  const std::string arn = *created->policy->arn;
  EXPECT_EQ(arn, "arn:aws:iam::123456789012:policy/readers");
  for (const std::string& each : {arn, std::string(kBasic), arn})
    EXPECT_EQ(failure<api::AttachRolePolicy>(role_policy<api::AttachRolePolicyRequest>("worker", each)), "none");
  EXPECT_EQ(failure<api::AttachRolePolicy>(
                role_policy<api::AttachRolePolicyRequest>("worker", "arn:aws:iam::aws:policy/NoSuchPolicy")),
            "NoSuchEntity: Policy arn:aws:iam::aws:policy/NoSuchPolicy does not exist or is not attachable.");

  const auto attached =
      run_operation<api::ListAttachedRolePolicies>(for_role<api::ListAttachedRolePoliciesRequest>("worker"));
  EXPECT_EQ(attached->attached_policies->size(), 2u);
  api::ListAttachedRolePoliciesRequest by_path = for_role<api::ListAttachedRolePoliciesRequest>("worker");
  by_path.path_prefix = "/service-role/";
  EXPECT_EQ(run_operation<api::ListAttachedRolePolicies>(by_path)->attached_policies->size(), 1u);
  const auto entities = run_operation<api::ListEntitiesForPolicy>(for_policy<api::ListEntitiesForPolicyRequest>(arn));
  ASSERT_EQ(entities->policy_roles->size(), 1u);
  EXPECT_EQ((*entities->policy_roles)[0].role_name, "worker");
  EXPECT_EQ(*run_operation<api::GetPolicy>(for_policy<api::GetPolicyRequest>(arn))->policy->attachment_count, 1);

  EXPECT_EQ(failure<api::DeletePolicy>(for_policy<api::DeletePolicyRequest>(arn)),
            "DeleteConflict: Cannot delete a policy attached to entities.");
  EXPECT_EQ(failure<api::DeleteRole>(for_role<api::DeleteRoleRequest>("worker")),
            "DeleteConflict: Cannot delete entity, must detach all policies first.");
  for (const std::string& each : {arn, std::string(kBasic)})
    EXPECT_EQ(failure<api::DetachRolePolicy>(role_policy<api::DetachRolePolicyRequest>("worker", each)), "none");
  EXPECT_EQ(failure<api::DetachRolePolicy>(role_policy<api::DetachRolePolicyRequest>("worker", arn)),
            "NoSuchEntity: Policy " + arn + " was not found.");
  EXPECT_EQ(failure<api::DeleteRole>(for_role<api::DeleteRoleRequest>("worker")), "none");
  EXPECT_EQ(failure<api::DeletePolicy>(for_policy<api::DeletePolicyRequest>(arn)), "none");
}

TEST_F(IamTest, TenPoliciesAreAttachedAtMost) {
  ASSERT_TRUE(run_operation<api::CreateRole>(role("worker")).ok());
  for (int i = 0; i < 11; ++i) {
    const auto created = run_operation<api::CreatePolicy>(policy("p" + std::to_string(i)));
    const std::string said =
        failure<api::AttachRolePolicy>(role_policy<api::AttachRolePolicyRequest>("worker", *created->policy->arn));
    EXPECT_EQ(said, i < 10 ? "none" : "LimitExceeded: Cannot exceed quota for PoliciesPerRole: 10");
  }
}

TEST_F(IamTest, PolicyVersions) {
  const std::string arn = *run_operation<api::CreatePolicy>(policy("p"))->policy->arn;
  EXPECT_EQ(failure<api::CreatePolicy>(policy("P")),
            "EntityAlreadyExists: A policy called P already exists. Duplicate names are not allowed.");
  api::CreatePolicyVersionRequest create = for_policy<api::CreatePolicyVersionRequest>(arn);
  create.policy_document = kPolicy;
  create.set_as_default = true;
  EXPECT_EQ(run_operation<api::CreatePolicyVersion>(create)->policy_version->version_id, "v2");
  create.set_as_default = false;
  for (int i = 3; i <= 5; ++i) EXPECT_EQ(failure<api::CreatePolicyVersion>(create), "none");
  EXPECT_EQ(failure<api::CreatePolicyVersion>(create).substr(0, 13), "LimitExceeded");

  api::DeletePolicyVersionRequest remove = for_policy<api::DeletePolicyVersionRequest>(arn);
  remove.version_id = "v2";
  EXPECT_EQ(failure<api::DeletePolicyVersion>(remove),
            "DeleteConflict: Cannot delete the default version of a policy.");
  remove.version_id = "v1";
  EXPECT_EQ(failure<api::DeletePolicyVersion>(remove), "none");
  EXPECT_EQ(run_operation<api::CreatePolicyVersion>(create)->policy_version->version_id, "v6");
  api::SetDefaultPolicyVersionRequest set = for_policy<api::SetDefaultPolicyVersionRequest>(arn);
  set.version_id = "v6";
  EXPECT_EQ(failure<api::SetDefaultPolicyVersion>(set), "none");
  EXPECT_EQ(*run_operation<api::GetPolicy>(for_policy<api::GetPolicyRequest>(arn))->policy->default_version_id, "v6");
  EXPECT_EQ(failure<api::DeletePolicy>(for_policy<api::DeletePolicyRequest>(arn)).substr(0, 14), "DeleteConflict");
  const auto versions = run_operation<api::ListPolicyVersions>(for_policy<api::ListPolicyVersionsRequest>(arn));
  ASSERT_EQ(versions->versions->size(), 5u);
  EXPECT_EQ((*versions->versions)[0].version_id, "v6");
}

TEST_F(IamTest, AwsPoliciesCanBeReadAndListed) {
  const auto found = run_operation<api::GetPolicy>(for_policy<api::GetPolicyRequest>(kBasic));
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->policy->path, "/service-role/");
  api::GetPolicyVersionRequest version = for_policy<api::GetPolicyVersionRequest>(kBasic);
  version.version_id = "v1";
  const auto document = run_operation<api::GetPolicyVersion>(version);
  EXPECT_TRUE(
      access::parse_policy(*uri_decode(*document->policy_version->document), access::PolicyKind::kIdentity).ok());

  ASSERT_TRUE(run_operation<api::CreatePolicy>(policy("mine")).ok());
  api::ListPoliciesRequest list;
  list.max_items = 10;
  std::set<std::string> arns;
  while (true) {
    const auto page = run_operation<api::ListPolicies>(list);
    ASSERT_TRUE(page.ok());
    for (const api::Policy& each : *page->policies) EXPECT_TRUE(arns.insert(*each.arn).second);
    if (!page->marker) break;
    list.marker = page->marker;
  }
  EXPECT_TRUE(arns.count(kBasic));
  EXPECT_TRUE(arns.count("arn:aws:iam::123456789012:policy/mine"));
  list.marker.reset();
  list.scope = "Local";
  EXPECT_EQ(run_operation<api::ListPolicies>(list)->policies->size(), 1u);
}

TEST(AwsPolicyTest, EveryDocumentParses) {
  for (std::size_t i = 0; aws_policy_at(i) != nullptr; ++i) {
    const AwsPolicy& policy = *aws_policy_at(i);
    EXPECT_TRUE(access::parse_policy(policy.document(), access::PolicyKind::kIdentity).ok()) << policy.arn();
    EXPECT_EQ(find_aws_policy(policy.arn()), &policy);
  }
}

TEST_F(IamTest, AccountsDoNotSeeEachOther) {
  ASSERT_TRUE(run_operation<api::CreateUser>(user("alice")).ok());
  call_.caller.account = "999999999999";
  EXPECT_EQ(failure<api::GetUser>(for_user<api::GetUserRequest>("alice")).substr(0, 12), "NoSuchEntity");
  EXPECT_TRUE(run_operation<api::ListUsers>({})->users.empty());
}

}  // namespace
}  // namespace cumulet::iam
