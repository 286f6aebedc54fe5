#include "services/s3/notification_rules.h"

#include <gtest/gtest.h>

namespace cumulet::s3 {
namespace {

namespace api = wire::s3;

api::NotificationConfiguration queue_with(std::vector<std::string> events, std::string prefix, std::string suffix) {
  api::NotificationConfiguration configuration;
  api::QueueConfiguration& queue = configuration.queue_configurations.emplace().emplace_back();
  queue.queue_arn = "arn:aws:sqs:eu-central-1:123456789012:q";
  queue.events = std::move(events);
  std::vector<api::FilterRule>& rules = queue.filter.emplace().key.emplace().filter_rules.emplace();
  for (const auto& [name, value] : {std::pair("Prefix", prefix), std::pair("suffix", suffix)}) {
    api::FilterRule& rule = rules.emplace_back();
    rule.name = name;
    rule.value = value;
  }
  return configuration;
}

Bucket bucket() {
  Bucket bucket;
  bucket.name = "b";
  bucket.account = "123456789012";
  bucket.region = "eu-central-1";
  return bucket;
}

bool matches(const api::NotificationConfiguration& configuration, std::string_view event, std::string_view key) {
  return rules_of(configuration).at(0).matches(event, key);
}

TEST(NotificationRuleTest, EventsMatchByNameOrClass) {
  const auto named = queue_with({"s3:ObjectCreated:Put"}, "", "");
  EXPECT_TRUE(matches(named, "s3:ObjectCreated:Put", "k"));
  EXPECT_FALSE(matches(named, "s3:ObjectCreated:Copy", "k"));
  const auto all = queue_with({"s3:ObjectCreated:*"}, "", "");
  EXPECT_TRUE(matches(all, "s3:ObjectCreated:Copy", "k"));
  EXPECT_FALSE(matches(all, "s3:ObjectRemoved:Delete", "k"));
}

TEST(NotificationRuleTest, PrefixAndSuffixMustBothHold) {
  const auto both = queue_with({"s3:ObjectCreated:*"}, "in/", ".jpg");
  EXPECT_TRUE(matches(both, "s3:ObjectCreated:Put", "in/a.jpg"));
  EXPECT_FALSE(matches(both, "s3:ObjectCreated:Put", "in/a.png"));
  EXPECT_FALSE(matches(both, "s3:ObjectCreated:Put", "a.jpg"));
  EXPECT_FALSE(matches(both, "s3:ObjectCreated:Put", ""));
}

TEST(NotificationRulesTest, DisjointSuffixesAllowTheSamePrefix) {
  api::NotificationConfiguration two = queue_with({"s3:ObjectCreated:*"}, "in/", ".jpg");
  two.queue_configurations->push_back(
      queue_with({"s3:ObjectCreated:Put"}, "in/", ".png").queue_configurations->front());
  EXPECT_TRUE(check_notifications(bucket(), two).ok());
  two.queue_configurations->push_back(queue_with({"s3:ObjectCreated:Put"}, "in/x", "g").queue_configurations->front());
  EXPECT_FALSE(check_notifications(bucket(), two).ok());
}

TEST(NotificationRulesTest, AFunctionIsNoQueue) {
  api::NotificationConfiguration wrong = queue_with({"s3:ObjectCreated:*"}, "", "");
  wrong.queue_configurations->front().queue_arn = "arn:aws:lambda:eu-central-1:123456789012:function:f";
  EXPECT_EQ(check_notifications(bucket(), wrong).error().message(), "The ARN is not well formed");
}

}  // namespace
}  // namespace cumulet::s3
