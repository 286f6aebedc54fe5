#include "services/s3/permission.h"

#include "services/s3/acl.h"
#include "services/s3/policy_context.h"
#include "services/s3/public_access.h"

namespace cumulet::s3 {
namespace {

/// What the root user of the owner's account can do whatever the policy says: nobody locks himself out for ever.
bool is_policy_action(std::string_view action) {
  return action == "s3:GetBucketPolicy" || action == "s3:PutBucketPolicy" || action == "s3:DeleteBucketPolicy";
}

}  // namespace

Permission::Permission(const Bucket& bucket, const wire::Call& call)
    : bucket_(bucket), call_(call), owner_(!call.caller.anonymous && call.caller.account == bucket.account) {
  if (bucket.policy.empty()) return;
  Result<access::Policy> policy = access::parse_policy(bucket.policy, access::PolicyKind::kResource);
  if (policy.ok()) policy_ = std::move(*policy);
}

bool Permission::asks_for_object() const {
  if (!owner_ && acls_enabled(bucket_)) return true;
  if (!policy_) return false;
  for (const access::Statement& statement : policy_->statements) {
    for (const access::Condition& condition : statement.conditions) {
      if (condition.key.starts_with("s3:existingobjecttag/")) return true;
    }
  }
  return false;
}

access::Decision Permission::policy_says(std::string_view action, const std::string& key,
                                         const Object* existing) const {
  if (!policy_) return access::Decision::kNone;
  access::Question question;
  question.caller = call_.caller;
  question.action = action;
  question.resource = key.empty() ? bucket_.arn() : bucket_.arn() + "/" + key;
  question.context = policy_context(call_, bucket_, existing);
  return access::evaluate(*policy_, question);
}

bool Permission::acl_says(std::string_view action, const Object* existing) const {
  const AclPermission wanted = acl_permission(action);
  if (wanted.permission.empty() || !acls_enabled(bucket_)) return false;
  const bool ignore_public = public_access_block(bucket_).ignore_public_acls;
  if (wanted.of_object && existing != nullptr) {
    return acl_allows(existing->acl, owner_of(bucket_, *existing), call_.caller, wanted.permission, ignore_public);
  }
  // Who may list a bucket may know that an object is not there.
  const std::string_view permission = wanted.of_object ? "READ" : wanted.permission;
  return acl_allows(bucket_.acl, bucket_.account, call_.caller, permission, ignore_public);
}

bool Permission::allows(std::string_view action, const std::string& key, const Object* existing) const {
  const access::Decision decision = policy_says(action, key, existing);
  if (decision == access::Decision::kDeny) {
    return owner_ && call_.caller.arn.ends_with(":root") && is_policy_action(action);
  }
  if (owner_) return true;
  const bool closed = decision == access::Decision::kAllow && public_access_block(bucket_).restrict_public_buckets &&
                      is_public(*policy_, bucket_);
  if (decision == access::Decision::kAllow && !closed) return true;
  return acl_says(action, existing);
}

}  // namespace cumulet::s3
