#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "services/s3/model.h"
#include "wire/call.h"
#include "wire/generated/s3.h"

/// Access control lists, and who owns what. Buckets are made without ACLs (BucketOwnerEnforced), as on AWS. An ACL is
/// kept as the JSON of its grants; empty: the owner alone.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
namespace cumulet::s3 {

/// What the row has instead of a document when the ownership controls were removed.
inline constexpr std::string_view kNoOwnershipControls = "none";
/// "BucketOwnerEnforced", "BucketOwnerPreferred" or "ObjectWriter".
std::string ownership_of(const Bucket& bucket);
bool acls_enabled(const Bucket& bucket);

/// The account that owns an object: the bucket's, unless somebody else wrote it where ACLs are enabled.
const std::string& owner_of(const Bucket& bucket, const Object& object);

/// What a request says about an ACL: a canned one, grants in headers, or a document.
struct AskedAcl {
  AskedAcl() = default;
  std::optional<std::string> canned;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Permission and grantees.
  std::optional<wire::s3::AccessControlPolicy> document;

  bool empty() const { return !canned && headers.empty() && !document; }
};
template <typename Input>
AskedAcl asked_acl(const Input& input) {
  AskedAcl asked;
  asked.canned = input.acl;
  const auto add = [&asked](const char* permission, const std::optional<std::string>& grantees) {
    if (grantees) asked.headers.emplace_back(permission, *grantees);
  };
  add("FULL_CONTROL", input.grant_full_control);
  add("READ", input.grant_read);
  add("READ_ACP", input.grant_read_acp);
  add("WRITE_ACP", input.grant_write_acp);
  if constexpr (requires { input.grant_write; }) add("WRITE", input.grant_write);
  if constexpr (requires { input.access_control_policy; }) asked.document = input.access_control_policy;
  return asked;
}

/// The ACL as it is kept. Fails with InvalidArgument, InvalidRequest, UnexpectedContent, MalformedACLError or
/// UnresolvableGrantByEmailAddress.
Result<std::string> acl_of(const AskedAcl& asked, const std::string& owner, const std::string& bucket_owner);

/// Grantees of a header: id="…", uri="…". Fails as acl_of.
Result<std::vector<wire::s3::Grantee>> parse_grantees(std::string_view header);

std::vector<wire::s3::Grant> grants_of(const std::string& acl, const std::string& owner);
/// Whether the ACL of a bucket lets the log delivery group write into it and read its ACL.
bool grants_log_delivery(const std::string& acl);
/// An object's ACL: its owner may do everything, those grantees what they are granted. Fails as acl_of.
Result<std::string> granting_acl(const std::string& owner, std::vector<wire::s3::Grant> grants);
/// Whether it grants anything to everyone, or to everyone with an account.
bool is_public_acl(const std::string& acl);
/// `ignore_public`: grants to those count not.
bool acl_allows(const std::string& acl, const std::string& owner, const wire::Caller& caller,
                std::string_view permission, bool ignore_public);

/// The permission of ACLs that an action asks for: of the object, or of the bucket; empty when ACLs never grant it.
struct AclPermission {
  std::string_view permission;
  bool of_object = false;
};
AclPermission acl_permission(std::string_view action);

}  // namespace cumulet::s3
