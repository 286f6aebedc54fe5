#include "services/s3/replication_rules.h"

#include <gtest/gtest.h>

#include "wire/document.h"

namespace cumulet::s3 {
namespace {

namespace api = wire::s3;

api::ReplicationRule rule(const std::string& prefix, const std::string& to, std::int32_t priority, bool markers) {
  api::ReplicationRule made;
  made.id = to + std::to_string(priority);
  made.status = "Enabled";
  made.priority = priority;
  made.filter.emplace().prefix = prefix;
  made.delete_marker_replication.emplace().status = markers ? "Enabled" : "Disabled";
  made.destination.bucket = "arn:aws:s3:::" + to;
  return made;
}

Bucket bucket_with(std::vector<api::ReplicationRule> rules) {
  api::PutBucketReplicationRequest input;
  input.replication_configuration.role = "arn:aws:iam::111122223333:role/r";
  input.replication_configuration.rules = std::move(rules);
  Bucket bucket;
  bucket.name = "source";
  bucket.replication = wire::input_document<api::PutBucketReplication>(input);
  return bucket;
}

TEST(S3Replication, TheHighestPriorityDecidesForEachDestination) {
  api::ReplicationRule cold = rule("a/", "one", 2, false);
  cold.destination.storage_class = "GLACIER";
  const Bucket bucket = bucket_with({rule("", "one", 1, true), cold, rule("a/", "two", 3, true)});
  Object object;
  object.key = "a/k";
  const std::vector<ReplicaPlace> places = replica_places(bucket, object);
  ASSERT_EQ(places.size(), 2u);
  EXPECT_EQ(places[0].bucket, "two");
  EXPECT_EQ(places[1].storage_class, "GLACIER");
  object.delete_marker = true;
  EXPECT_EQ(replica_places(bucket, object).size(), 1u);
  object.key = "b";
  EXPECT_EQ(replica_places(bucket, object).size(), 1u);
}

TEST(S3Replication, DestinationsAreBuckets) {
  EXPECT_EQ(bucket_of_arn("arn:aws:s3:::b"), "b");
  EXPECT_EQ(bucket_of_arn("arn:aws:s3:::b/k"), "");
  EXPECT_EQ(bucket_of_arn("b"), "");
}

}  // namespace
}  // namespace cumulet::s3
