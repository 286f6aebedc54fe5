#include "services/sts/sts.h"

#include <utility>

#include "access/policy.h"
#include "base/text.h"

namespace cumulet::sts {
namespace {

namespace api = wire::sts;

constexpr std::int32_t kChainedSeconds = 3600;      // a role assumed by a role's session
constexpr std::int32_t kRootSessionSeconds = 3600;  // GetSessionToken of the account's root
constexpr std::int32_t kUserSessionSeconds = 43'200;
constexpr std::size_t kSessionPolicySize = 2048;

Error not_authorized(const wire::Call& call, const std::string& role_arn) {
  return Error("AccessDenied", 403,
               "User: " + call.caller.arn + " is not authorized to perform: sts:AssumeRole on resource: " + role_arn);
}

bool is_session(const wire::Caller& caller) { return caller.arn.find(":assumed-role/") != std::string::npos; }

api::Credentials credentials_to(const access::TemporaryCredentials& issued) {
  api::Credentials credentials;
  credentials.access_key_id = issued.access_key_id;
  credentials.secret_access_key = issued.secret_access_key;
  credentials.session_token = issued.session_token;
  credentials.expiration = issued.expiration;
  return credentials;
}

/// The condition keys that a trust policy may ask about.
access::Question trust_question(const wire::Call& call, const api::AssumeRoleRequest& input) {
  access::Question question;
  question.caller = call.caller;
  question.action = "sts:AssumeRole";
  question.context = access::request_context(call);
  question.context["sts:rolesessionname"] = {input.role_session_name};
  if (input.external_id) question.context["sts:externalid"] = {*input.external_id};
  if (input.source_identity) question.context["sts:sourceidentity"] = {*input.source_identity};
  if (input.tags) {
    for (const api::Tag& tag : *input.tags) {
      question.context["aws:requesttag/" + to_lower(tag.key)] = {tag.value};
      question.context["aws:tagkeys"].push_back(tag.key);
    }
  }
  return question;
}

/// How long the session lives; fails when the role or the chain does not allow what was asked for.
Result<std::int32_t> session_seconds(const wire::Caller& caller, std::optional<std::int32_t> wanted,
                                     std::int64_t role_limit) {
  const std::int32_t seconds = wanted.value_or(3600);
  if (is_session(caller) && seconds > kChainedSeconds)
    return Error(errors::kValidationError,
                 "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining");
  if (seconds > role_limit)
    return Error(errors::kValidationError,
                 "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  return seconds;
}

Result<void> check_session_policy(const std::optional<std::string>& document) {
  if (!document) return {};
  const Result<access::Policy> policy = access::parse_policy(*document, access::PolicyKind::kIdentity);
  if (!policy) return policy.error();
  if (document->size() > kSessionPolicySize)
    return Error(api::errors::kPackedPolicyTooLargeException, "Packed size of session policies and tags is too large");
  return {};
}

}  // namespace

Sts::Sts(storage::Database& database, access::CredentialStore& credentials)
    : database_(database), credentials_(credentials), service_(api::model()) {
  service_.on<api::GetCallerIdentity>(
      [this](Call& call, const api::GetCallerIdentityRequest& input) { return get_caller_identity(call, input); });
  service_.on<api::AssumeRole>(
      [this](Call& call, const api::AssumeRoleRequest& input) { return assume_role(call, input); });
  service_.on<api::GetSessionToken>(
      [this](Call& call, const api::GetSessionTokenRequest& input) { return get_session_token(call, input); });
}

Task<api::GetCallerIdentityResponse> Sts::get_caller_identity(Call& call, const api::GetCallerIdentityRequest&) {
  api::GetCallerIdentityResponse output;
  output.account = call.caller.account;
  output.arn = call.caller.arn;
  output.user_id = call.caller.unique_id;
  co_return output;
}

Task<std::optional<access::RoleRow>> Sts::assumable_role(Call& call, const api::AssumeRoleRequest& input,
                                                         access::RoleName name) {
  const std::unique_ptr<storage::Transaction> transaction = database_.begin();
  std::optional<access::RoleRow> role = co_await access::find_role(*transaction, name.account, name.name);
  if (!credentials_.roles_must_exist()) co_return role;
  // Whether a role exists is nobody's business who may not assume it.
  if (!role || role->arn(name.account) != input.role_arn) co_return not_authorized(call, input.role_arn);
  const Result<access::Policy> trust = access::parse_policy(role->trust_policy, access::PolicyKind::kTrust);
  if (!trust || access::evaluate(*trust, trust_question(call, input)) != access::Decision::kAllow)
    co_return not_authorized(call, input.role_arn);
  co_return role;
}

Task<api::AssumeRoleResponse> Sts::assume_role(Call& call, const api::AssumeRoleRequest& input) {
  const std::optional<access::RoleName> name = access::parse_role_arn(input.role_arn);
  if (!name) co_return Error(errors::kValidationError, input.role_arn + " is invalid");
  co_await check_session_policy(input.policy);
  const std::optional<access::RoleRow> role = co_await assumable_role(call, input, *name);
  const std::int32_t seconds =
      co_await session_seconds(call.caller, input.duration_seconds, role ? role->max_session_seconds : 43'200);

  const access::TemporaryCredentials issued = co_await credentials_.credentials_for_role(
      input.role_arn, input.role_session_name, std::chrono::seconds(seconds));
  api::AssumeRoleResponse output;
  output.credentials = credentials_to(issued);
  output.assumed_role_user.emplace();
  output.assumed_role_user->arn = issued.caller_arn;
  output.assumed_role_user->assumed_role_id = issued.caller_unique_id;
  output.source_identity = input.source_identity;
  if (input.policy)
    output.packed_policy_size = static_cast<std::int32_t>(input.policy->size() * 100 / kSessionPolicySize);
  co_return output;
}

Task<api::GetSessionTokenResponse> Sts::get_session_token(Call& call, const api::GetSessionTokenRequest& input) {
  // Temporary credentials of any kind begin with ASIA.
  if (is_session(call.caller) || call.caller.access_key_id.starts_with("ASIA"))
    co_return Error("AccessDenied", 403, "Cannot call GetSessionToken with session credentials");
  const bool root = call.caller.arn.ends_with(":root");
  std::int32_t seconds = input.duration_seconds.value_or(kUserSessionSeconds);
  if (root) seconds = std::min(seconds, kRootSessionSeconds);
  api::GetSessionTokenResponse output;
  output.credentials = credentials_to(credentials_.issue(call.caller, std::chrono::seconds(seconds)));
  co_return output;
}

}  // namespace cumulet::sts
