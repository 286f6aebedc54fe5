#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "services/s3/model.h"
#include "wire/generated/s3.h"

/// What a bucket's replication configuration may say, and where it sends an object.
/// https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html
namespace cumulet::s3 {

/// Gives an id to each rule that has none.
void give_ids(wire::s3::ReplicationConfiguration& configuration);
/// Fails with MalformedXML, InvalidArgument, InvalidRequest or NotImplemented. Whether the destinations are there is
/// another question.
Result<void> check_replication(const Bucket& bucket, const wire::s3::ReplicationConfiguration& configuration);

/// The name in "arn:aws:s3:::name"; empty when it is no bucket's ARN.
std::string bucket_of_arn(const std::string& arn);

/// Whether a bucket of another account lets the configuration's role, which must be of the source's account, put
/// replicas or, with `marker`, delete markers of that key: by its policy (s3:ReplicateObject, s3:ReplicateDelete).
bool lets_replicate(const Bucket& from, const Bucket& to, const std::string& key, bool marker);

/// A bucket that gets a copy, and the class that the copy has there (empty: the object's own).
struct ReplicaPlace {
  ReplicaPlace(std::string b, std::string s) : bucket(std::move(b)), storage_class(std::move(s)) {}
  std::string bucket;
  std::string storage_class;
};
/// Where an object or a delete marker goes: once to each bucket, by the rule of the highest priority.
std::vector<ReplicaPlace> replica_places(const Bucket& bucket, const Object& object);

}  // namespace cumulet::s3
