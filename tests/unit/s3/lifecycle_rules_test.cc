#include "services/s3/lifecycle_rules.h"

#include <gtest/gtest.h>

#include "wire/document.h"

namespace cumulet::s3 {
namespace {

namespace api = wire::s3;
constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kMade = 20'000 * kDay + 1000;  // a second after midnight

Bucket bucket_with(api::LifecycleRule rule) {
  api::PutBucketLifecycleConfigurationRequest input;
  rule.id = "r";
  if (rule.status.empty()) rule.status = "Enabled";
  input.lifecycle_configuration.emplace().rules.push_back(std::move(rule));
  Bucket bucket;
  bucket.lifecycle = wire::input_document<api::PutBucketLifecycleConfiguration>(input);
  return bucket;
}

Object object_of(std::string key, std::uint64_t size = 0) {
  Object object;
  object.key = std::move(key);
  object.size = size;
  object.modified = kMade;
  return object;
}

TEST(S3LifecycleRules, DaysEndAtTheNextMidnight) {
  EXPECT_EQ(midnight_after(kMade, 1), 20'002 * kDay);
  EXPECT_EQ(midnight_after(20'000 * kDay, 1), 20'001 * kDay);
}

TEST(S3LifecycleRules, ExpirationFollowsTheFilter) {
  api::LifecycleRule rule;
  rule.expiration.emplace().days = 1;
  api::LifecycleRuleAndOperator& both = rule.filter.emplace().and_.emplace();
  both.prefix = "a/";
  both.object_size_greater_than = 10;
  const LifecycleRules rules(bucket_with(rule));
  ASSERT_TRUE(rules.expiration(object_of("a/x", 11)));
  EXPECT_EQ(rules.expiration(object_of("a/x", 11))->header(),
            "expiry-date=\"Sun, 06 Oct 2024 00:00:00 GMT\", rule-id=\"r\"");
  EXPECT_FALSE(rules.expiration(object_of("a/x", 10)));
  EXPECT_FALSE(rules.expiration(object_of("b/x", 11)));
  rule.status = "Disabled";
  EXPECT_TRUE(LifecycleRules(bucket_with(rule)).empty());
}

TEST(S3LifecycleRules, NewerVersionsKeepAnOldOne) {
  api::LifecycleRule rule;
  rule.prefix = "";
  rule.noncurrent_version_expiration.emplace().noncurrent_days = 1;
  rule.noncurrent_version_expiration->newer_noncurrent_versions = 2;
  const LifecycleRules rules(bucket_with(rule));
  const std::int64_t late = kMade + 10 * kDay;
  EXPECT_FALSE(rules.noncurrent_expired(object_of("k"), Noncurrent(kMade, 1), late));
  EXPECT_TRUE(rules.noncurrent_expired(object_of("k"), Noncurrent(kMade, 2), late));
  EXPECT_FALSE(rules.noncurrent_expired(object_of("k"), Noncurrent(late, 2), late));
}

TEST(S3LifecycleRules, TransitionsOnlyGoDown) {
  api::LifecycleRule rule;
  rule.prefix = "";
  for (const auto& [days, storage_class] : {std::pair(30, "STANDARD_IA"), std::pair(60, "GLACIER")}) {
    api::Transition transition;
    transition.days = days;
    transition.storage_class = storage_class;
    if (!rule.transitions) rule.transitions.emplace();
    rule.transitions->push_back(transition);
  }
  const LifecycleRules rules(bucket_with(rule));
  Object object = object_of("k", 1 << 20);
  EXPECT_EQ(rules.transition(object, kMade), "");
  EXPECT_EQ(rules.transition(object, kMade + 40 * kDay), "STANDARD_IA");
  EXPECT_EQ(rules.transition(object, kMade + 70 * kDay), "GLACIER");
  object.metadata.storage_class = "DEEP_ARCHIVE";
  EXPECT_EQ(rules.transition(object, kMade + 70 * kDay), "");
  EXPECT_EQ(rules.transition(object_of("small", 1000), kMade + 70 * kDay), "");
}

}  // namespace
}  // namespace cumulet::s3
