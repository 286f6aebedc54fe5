#include "services/s3/acl.h"
#include "services/s3/errors.h"
#include "services/s3/public_access.h"
#include "services/s3/s3.h"
#include "services/s3/versions.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr const char* kAnonymousOwner = "65a011a29cdf8ec533ec3d1ccaae921c";  ///< Whom AWS names for what nobody signed.

Error acls_not_supported() { return Error("AccessControlListNotSupported", 400, "The bucket does not allow ACLs"); }

Error acl_not_with_enforced() {
  return Error("InvalidBucketAclWithObjectOwnership", 400,
               "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting");
}

Result<void> check_not_blocked(const Bucket& bucket, const std::string& acl) {
  if (public_access_block(bucket).block_public_acls && is_public_acl(acl)) return access_denied();
  return {};
}

Result<void> check_ownership(const std::string& wanted) {
  if (wanted == "BucketOwnerEnforced" || wanted == "BucketOwnerPreferred" || wanted == "ObjectWriter") return {};
  return malformed_xml();
}

/// An ACL that says what holds without ACLs too.
bool says_nothing_new(const AskedAcl& asked) {
  return asked.empty() || (asked.canned && asked.headers.empty() &&
                           (*asked.canned == "private" || *asked.canned == "bucket-owner-full-control"));
}

/// The same as a document, which tools send that copy the ACL of an object with it.
bool is_full_control_of(const AskedAcl& asked, const std::string& owner) {
  if (!asked.document || !asked.document->grants || asked.document->grants->size() != 1) return false;
  const api::Grant& only = asked.document->grants->front();
  return only.permission == "FULL_CONTROL" && only.grantee && only.grantee->id == owner;
}

}  // namespace

void S3::register_acls() {
  service_.on<api::GetBucketAcl>([this](Call& c, const auto& in) -> Task<api::GetBucketAclOutput> {
    const Bucket bucket = co_await permit(c, in.bucket, "s3:GetBucketAcl", {}, in.expected_bucket_owner);
    api::GetBucketAclOutput output;
    output.owner.emplace().id = bucket.account;
    output.grants = grants_of(acls_enabled(bucket) ? bucket.acl : std::string(), bucket.account);
    co_return output;
  });
  service_.on<api::PutBucketAcl>([this](Call& c, const auto& in) { return put_bucket_acl(c, in); });
  service_.on<api::GetObjectAcl>([this](Call& c, const auto& in) -> Task<api::GetObjectAclOutput> {
    const std::string_view action = in.version_id ? "s3:GetObjectVersionAcl" : "s3:GetObjectAcl";
    const Bucket bucket = co_await permit(c, in.bucket, action, in.key, in.expected_bucket_owner);
    co_await check_version_id(in.version_id);
    const Object object = co_await require_object(bucket, in.key, in.version_id);
    const bool enabled = acls_enabled(bucket);
    const std::string owner = enabled ? owner_of(bucket, object) : bucket.account;
    api::GetObjectAclOutput output;
    output.owner.emplace().id = owner;
    output.grants = grants_of(enabled ? object.acl : std::string(), owner);
    co_return output;
  });
  service_.on<api::PutObjectAcl>([this](Call& c, const auto& in) { return put_object_acl(c, in); });
  service_.on<api::PutBucketOwnershipControls>(
      [this](Call& c, const auto& in) { return put_bucket_ownership_controls(c, in); });
  service_.on<api::GetBucketOwnershipControls>([this](Call& c,
                                                      const auto& in) -> Task<api::GetBucketOwnershipControlsOutput> {
    const Bucket bucket = co_await permit(c, in.bucket, "s3:GetBucketOwnershipControls", {}, in.expected_bucket_owner);
    if (bucket.ownership_controls == kNoOwnershipControls) {
      co_return not_configured("OwnershipControlsNotFoundError", "The bucket ownership controls were not found",
                               bucket.name);
    }
    api::GetBucketOwnershipControlsOutput output;
    output.ownership_controls.emplace().rules.emplace_back().object_ownership = ownership_of(bucket);
    co_return output;
  });
  service_.on<api::DeleteBucketOwnershipControls>(
      [this](Call& c, const auto& in) -> Task<api::DeleteBucketOwnershipControlsOutput> {
        co_await set(c, in.bucket, "s3:PutBucketOwnershipControls", &Bucket::ownership_controls,
                     std::string(kNoOwnershipControls));
        co_return api::DeleteBucketOwnershipControlsOutput();
      });
}

Result<void> S3::give_ownership(const api::CreateBucketRequest& input, Bucket& bucket) {
  if (input.object_ownership) {
    const Result<void> checked = check_ownership(*input.object_ownership);
    if (!checked.ok()) {
      return invalid_argument("Invalid x-amz-object-ownership header: " + *input.object_ownership,
                              "x-amz-object-ownership", *input.object_ownership);
    }
    api::PutBucketOwnershipControlsRequest controls;
    controls.bucket = bucket.name;
    controls.ownership_controls.rules.emplace_back().object_ownership = *input.object_ownership;
    bucket.ownership_controls = wire::input_document<api::PutBucketOwnershipControls>(controls);
  }
  const AskedAcl asked = asked_acl(input);
  if (!acls_enabled(bucket)) {
    const bool nothing = asked.empty() || (asked.canned && *asked.canned == "private" && asked.headers.empty());
    return nothing ? Result<void>() : Result<void>(acl_not_with_enforced());
  }
  Result<std::string> acl = acl_of(asked, bucket.account, bucket.account);
  if (!acl.ok()) return std::move(acl).error();
  Result<void> blocked = check_not_blocked(bucket, *acl);
  bucket.acl = std::move(*acl);
  return blocked;
}

Task<api::PutBucketAclOutput> S3::put_bucket_acl(Call& call, const api::PutBucketAclRequest& input) {
  const Bucket bucket = co_await permit(call, input.bucket, "s3:PutBucketAcl", {}, input.expected_bucket_owner);
  if (!acls_enabled(bucket)) co_return acls_not_supported();
  const AskedAcl asked = asked_acl(input);
  if (asked.empty()) {
    co_return Error("MissingSecurityHeader", 400, "Your request was missing a required header")
        .with("MissingHeaderName", "x-amz-acl");
  }
  const std::string acl = co_await acl_of(asked, bucket.account, bucket.account);
  co_await check_not_blocked(bucket, acl);
  co_await set(call, input.bucket, "s3:PutBucketAcl", &Bucket::acl, acl);
  co_return api::PutBucketAclOutput();
}

Task<api::PutObjectAclOutput> S3::put_object_acl(Call& call, const api::PutObjectAclRequest& input) {
  const std::string_view action = input.version_id ? "s3:PutObjectVersionAcl" : "s3:PutObjectAcl";
  const Bucket bucket = co_await permit(call, input.bucket, action, input.key, input.expected_bucket_owner);
  co_await check_version_id(input.version_id);
  const AskedAcl asked = asked_acl(input);
  if (!acls_enabled(bucket)) {
    if (asked.canned != "bucket-owner-full-control" && !is_full_control_of(asked, bucket.account)) {
      co_return acls_not_supported();
    }
    co_await require_object(bucket, input.key, input.version_id);
    co_return api::PutObjectAclOutput();
  }
  if (asked.empty()) {
    co_return Error("MissingSecurityHeader", 400, "Your request was missing a required header")
        .with("MissingHeaderName", "x-amz-acl");
  }
  const auto write = [&](storage::Transaction& txn) -> Task<void> {
    Found found = co_await find_version(txn, bucket, input.key, input.version_id);
    found.object.acl = co_await acl_of(asked, owner_of(bucket, found.object), bucket.account);
    co_await check_not_blocked(bucket, found.object.acl);
    put_version_row(txn, bucket, found.object, found.current);
    co_await notifications_.record(txn, bucket, call, ObjectChange::kPutAcl, found.object);
  };
  co_await storage::transact(database_, write);
  co_return api::PutObjectAclOutput();
}

Task<api::PutBucketOwnershipControlsOutput> S3::put_bucket_ownership_controls(
    Call& call, const api::PutBucketOwnershipControlsRequest& input) {
  if (input.ownership_controls.rules.size() != 1) co_return malformed_xml();
  const std::string& wanted = input.ownership_controls.rules.front().object_ownership;
  co_await check_ownership(wanted);
  const auto allowed = [&wanted](const Bucket& bucket) -> Result<void> {
    if (wanted == "BucketOwnerEnforced" && !bucket.acl.empty()) return acl_not_with_enforced();
    return {};
  };
  co_await set(call, input.bucket, "s3:PutBucketOwnershipControls", &Bucket::ownership_controls,
               wire::input_document<api::PutBucketOwnershipControls>(input), allowed);
  co_return api::PutBucketOwnershipControlsOutput();
}

Task<Access> S3::access_for(Call& call, const Bucket& bucket, std::string key, AskedAcl asked) {
  Access access;
  if (!acls_enabled(bucket)) {
    if (!says_nothing_new(asked)) co_return acls_not_supported();
    co_return access;
  }
  if (!asked.empty() && call.caller.account == bucket.account) {
    co_await permit(call, bucket.name, "s3:PutObjectAcl", key);
  }
  const bool given_away = ownership_of(bucket) == "BucketOwnerPreferred" && asked.canned == "bucket-owner-full-control";
  const std::string writer = call.caller.anonymous ? std::string(kAnonymousOwner) : call.caller.account;
  if (writer != bucket.account && !given_away) access.owner = writer;
  const std::string owner = access.owner.empty() ? bucket.account : access.owner;
  access.acl = co_await acl_of(asked, owner, bucket.account);
  co_await check_not_blocked(bucket, access.acl);
  co_return access;
}

}  // namespace cumulet::s3
