#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "access/policy.h"
#include "services/s3/model.h"
#include "wire/call.h"

namespace cumulet::s3 {

/// What reading and deleting are called, of a version or of what is current.
inline std::string_view get_action(const std::optional<std::string>& version_id) {
  return version_id ? "s3:GetObjectVersion" : "s3:GetObject";
}
inline std::string_view delete_action(const std::optional<std::string>& version_id) {
  return version_id ? "s3:DeleteObjectVersion" : "s3:DeleteObject";
}

/// What one caller may do in one bucket: the owner's account everything that the bucket's policy does not deny, others
/// what it or an ACL allows. Borrows both.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html
class Permission {
 public:
  Permission(const Bucket& bucket, const wire::Call& call);

  /// `key` is empty for what is done to the bucket itself; `existing` is the object that is there, when it is known.
  bool allows(std::string_view action, const std::string& key, const Object* existing = nullptr) const;
  /// Whether the answer may depend on the object that is there.
  bool asks_for_object() const;

 private:
  bool acl_says(std::string_view action, const Object* existing) const;
  access::Decision policy_says(std::string_view action, const std::string& key, const Object* existing) const;

  const Bucket& bucket_;
  const wire::Call& call_;
  const bool owner_;
  std::optional<access::Policy> policy_;
};

}  // namespace cumulet::s3
