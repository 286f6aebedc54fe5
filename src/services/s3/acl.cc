#include "services/s3/acl.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "services/s3/errors.h"
#include "wire/document.h"

namespace cumulet::s3 {
namespace api = wire::s3;

namespace {

constexpr std::string_view kEveryone = "http://acs.amazonaws.com/groups/global/AllUsers";
constexpr std::string_view kAuthenticated = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
constexpr std::string_view kLogDelivery = "http://acs.amazonaws.com/groups/s3/LogDelivery";
constexpr std::size_t kGrantLimit = 100;

Error malformed_acl() {
  return Error("MalformedACLError", 400,
               "The XML you provided was not well-formed or did not validate against our published schema");
}

api::Grant grant(std::string permission, std::string_view type, std::string_view who) {
  api::Grant made;
  made.permission = std::move(permission);
  made.grantee.emplace().type = type;
  (type == "Group" ? made.grantee->uri : made.grantee->id) = std::string(who);
  return made;
}

/// A canned ACL as grants.
Result<std::vector<api::Grant>> canned_grants(const std::string& name, const std::string& owner,
                                              const std::string& bucket_owner) {
  std::vector<api::Grant> grants{grant("FULL_CONTROL", "CanonicalUser", owner)};
  const auto add = [&grants](const char* permission, std::string_view type, std::string_view who) {
    grants.push_back(grant(permission, type, who));
  };
  if (name == "private" || name == "aws-exec-read") return grants;
  if (name == "public-read" || name == "public-read-write") add("READ", "Group", kEveryone);
  if (name == "public-read-write") add("WRITE", "Group", kEveryone);
  if (name == "authenticated-read") add("READ", "Group", kAuthenticated);
  if (name == "log-delivery-write") add("WRITE", "Group", kLogDelivery);
  if (name == "log-delivery-write") add("READ_ACP", "Group", kLogDelivery);
  const bool for_bucket_owner = name == "bucket-owner-read" || name == "bucket-owner-full-control";
  if (for_bucket_owner && owner != bucket_owner) {
    add(name == "bucket-owner-read" ? "READ" : "FULL_CONTROL", "CanonicalUser", bucket_owner);
  }
  if (grants.size() == 1 && !for_bucket_owner) return invalid_argument("", "x-amz-acl", name);
  return grants;
}

Result<void> check_group(const std::string& uri) {
  if (uri == kEveryone || uri == kAuthenticated || uri == kLogDelivery) return {};
  return invalid_argument("Invalid group uri", "CanonicalUser/ID", uri);
}

/// Accounts are known by their number; ids of other places have 64 hexadecimal digits.
Result<void> check_user(const std::string& id) {
  const bool digits = id.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (digits && (id.size() == 12 || id.size() == 64)) return {};
  return invalid_argument("Invalid id", "CanonicalUser/ID", id);
}

Error unknown_email() {
  return Error("UnresolvableGrantByEmailAddress", 400,
               "The e-mail address you provided does not match any account on record.");
}

Result<void> check_grantee(const api::Grantee& grantee) {
  if (grantee.type == "AmazonCustomerByEmail") return unknown_email();
  if (grantee.type == "Group") return grantee.uri ? check_group(*grantee.uri) : Result<void>(malformed_acl());
  if (grantee.type == "CanonicalUser") return grantee.id ? check_user(*grantee.id) : Result<void>(malformed_acl());
  return malformed_acl();
}

Result<std::vector<api::Grant>> document_grants(const api::AccessControlPolicy& document, const std::string& owner) {
  static constexpr std::array<std::string_view, 5> kPermissions{"FULL_CONTROL", "READ", "WRITE", "READ_ACP",
                                                                "WRITE_ACP"};
  if (!document.owner || !document.owner->id || !document.grants) return malformed_acl();
  if (document.grants->size() > kGrantLimit) return malformed_acl();
  if (*document.owner->id != owner) return access_denied();
  for (const api::Grant& each : *document.grants) {
    if (!each.grantee || !each.permission) return malformed_acl();
    if (std::find(kPermissions.begin(), kPermissions.end(), *each.permission) == kPermissions.end()) {
      return malformed_acl();
    }
    Result<void> checked = check_grantee(*each.grantee);
    if (!checked.ok()) return std::move(checked).error();
  }
  return *document.grants;
}

/// The grants of the headers. There, the owner is granted nothing that he is not granted by name.
Result<std::vector<api::Grant>> header_grants(const AskedAcl& asked) {
  std::vector<api::Grant> grants;
  for (const auto& [permission, header] : asked.headers) {
    Result<std::vector<api::Grantee>> grantees = parse_grantees(header);
    if (!grantees.ok()) return std::move(grantees).error();
    for (api::Grantee& grantee : *grantees) {
      api::Grant made;
      made.permission = permission;
      made.grantee = std::move(grantee);
      grants.push_back(std::move(made));
    }
  }
  if (grants.size() > kGrantLimit) return malformed_acl();
  return grants;
}

bool means(const api::Grantee& grantee, const wire::Caller& caller, bool ignore_public) {
  if (grantee.uri) {
    if (ignore_public) return false;
    return *grantee.uri == kEveryone || (*grantee.uri == kAuthenticated && !caller.anonymous);
  }
  return !caller.anonymous && grantee.id && *grantee.id == caller.account;
}

}  // namespace

std::string ownership_of(const Bucket& bucket) {
  if (bucket.ownership_controls.empty()) return "BucketOwnerEnforced";
  if (bucket.ownership_controls == kNoOwnershipControls) return "ObjectWriter";
  const auto put = wire::read_input<api::PutBucketOwnershipControls>(bucket.ownership_controls);
  if (!put.ok() || put->ownership_controls.rules.empty()) return "BucketOwnerEnforced";
  return put->ownership_controls.rules.front().object_ownership;
}

bool acls_enabled(const Bucket& bucket) {
  return !bucket.ownership_controls.empty() && ownership_of(bucket) != "BucketOwnerEnforced";
}

const std::string& owner_of(const Bucket& bucket, const Object& object) {
  return object.owner.empty() ? bucket.account : object.owner;
}

Result<std::vector<api::Grantee>> parse_grantees(std::string_view header) {
  std::vector<api::Grantee> grantees;
  for (const std::string_view part : split(header, ',')) {
    const std::string_view entry = trim(part);
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos) return invalid_argument("Argument format not recognized", "x-amz-grant", "");
    const std::string kind = to_lower(trim(entry.substr(0, equals)));
    std::string_view value = trim(entry.substr(equals + 1));
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    api::Grantee grantee;
    if (kind == "id") {
      grantee.type = "CanonicalUser";
      grantee.id = std::string(value);
    } else if (kind == "uri") {
      grantee.type = "Group";
      grantee.uri = std::string(value);
    } else if (kind == "emailaddress") {
      return unknown_email();
    } else {
      return invalid_argument("Argument format not recognized", "x-amz-grant", std::string(entry));
    }
    Result<void> checked = check_grantee(grantee);
    if (!checked.ok()) return std::move(checked).error();
    grantees.push_back(std::move(grantee));
  }
  return grantees;
}

Result<std::string> acl_of(const AskedAcl& asked, const std::string& owner, const std::string& bucket_owner) {
  if (asked.canned && !asked.headers.empty()) {
    return invalid_request("Specifying both Canned ACLs and Header Grants is not allowed");
  }
  if (asked.document && (asked.canned || !asked.headers.empty())) {
    return Error("UnexpectedContent", 400, "This request does not support content");
  }
  if (asked.empty() || (asked.canned && *asked.canned == "private")) return std::string();
  Result<std::vector<api::Grant>> grants = asked.document ? document_grants(*asked.document, owner)
                                           : asked.canned ? canned_grants(*asked.canned, owner, bucket_owner)
                                                          : header_grants(asked);
  if (!grants.ok()) return std::move(grants).error();
  api::PutBucketAclRequest kept;
  kept.access_control_policy.emplace().grants = std::move(*grants);
  return wire::input_document<api::PutBucketAcl>(kept);
}

std::vector<api::Grant> grants_of(const std::string& acl, const std::string& owner) {
  if (!acl.empty()) {
    auto kept = wire::read_input<api::PutBucketAcl>(acl);
    if (kept.ok() && kept->access_control_policy && kept->access_control_policy->grants) {
      return std::move(*kept->access_control_policy->grants);
    }
  }
  return {grant("FULL_CONTROL", "CanonicalUser", owner)};
}

bool grants_log_delivery(const std::string& acl) {
  const std::vector<api::Grant> grants = grants_of(acl, "");
  const auto granted = [&grants](std::string_view permission) {
    return std::any_of(grants.begin(), grants.end(), [permission](const api::Grant& each) {
      return each.grantee && each.grantee->uri == kLogDelivery &&
             (each.permission == permission || each.permission == "FULL_CONTROL");
    });
  };
  return granted("WRITE") && granted("READ_ACP");
}

Result<std::string> granting_acl(const std::string& owner, std::vector<api::Grant> grants) {
  grants.insert(grants.begin(), grant("FULL_CONTROL", "CanonicalUser", owner));
  AskedAcl asked;
  asked.document.emplace().grants = std::move(grants);
  asked.document->owner.emplace().id = owner;
  return acl_of(asked, owner, owner);
}

bool is_public_acl(const std::string& acl) {
  if (acl.empty()) return false;
  const std::vector<api::Grant> grants = grants_of(acl, "");
  return std::any_of(grants.begin(), grants.end(), [](const api::Grant& each) {
    return each.grantee && each.grantee->uri && *each.grantee->uri != kLogDelivery;
  });
}

bool acl_allows(const std::string& acl, const std::string& owner, const wire::Caller& caller,
                std::string_view permission, bool ignore_public) {
  const std::vector<api::Grant> grants = grants_of(acl, owner);
  // The owner can always read and write the list itself.
  if (!caller.anonymous && caller.account == owner && permission.ends_with("_ACP")) return true;
  return std::any_of(grants.begin(), grants.end(), [&](const api::Grant& each) {
    return (each.permission == permission || each.permission == "FULL_CONTROL") && each.grantee &&
           means(*each.grantee, caller, ignore_public);
  });
}

AclPermission acl_permission(std::string_view action) {
  struct Row {
    std::string_view action;
    AclPermission permission;
  };
  static constexpr std::array kRows{
      Row{"s3:ListBucket", {"READ", false}},
      Row{"s3:ListBucketVersions", {"READ", false}},
      Row{"s3:ListBucketMultipartUploads", {"READ", false}},
      Row{"s3:PutObject", {"WRITE", false}},
      Row{"s3:DeleteObject", {"WRITE", false}},
      Row{"s3:GetBucketAcl", {"READ_ACP", false}},
      Row{"s3:PutBucketAcl", {"WRITE_ACP", false}},
      Row{"s3:GetObject", {"READ", true}},
      Row{"s3:GetObjectVersion", {"READ", true}},
      Row{"s3:GetObjectAcl", {"READ_ACP", true}},
      Row{"s3:GetObjectVersionAcl", {"READ_ACP", true}},
      Row{"s3:PutObjectAcl", {"WRITE_ACP", true}},
      Row{"s3:PutObjectVersionAcl", {"WRITE_ACP", true}},
  };
  for (const Row& row : kRows) {
    if (row.action == action) return row.permission;
  }
  return {};
}

}  // namespace cumulet::s3
