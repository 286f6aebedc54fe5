#pragma once

#include <string>

#include "services/cloudformation/value.h"

/// Properties of AWS::S3::Bucket in the form that S3's API has them.
namespace cumulet::cloudformation {

/// LifecycleConfiguration as PutBucketLifecycleConfiguration takes it.
Value s3_lifecycle_input(const Value& property);
/// ReplicationConfiguration as PutBucketReplication takes it.
Value s3_replication_input(const Value& property);
/// AccessControl ("PublicRead") as a canned ACL ("public-read").
std::string s3_canned_acl(const std::string& access_control);

}  // namespace cumulet::cloudformation
