#include "services/sns/delivery_policy.h"

#include <gtest/gtest.h>

namespace cumulet::sns {
namespace {

TEST(DeliveryPolicyTest, TheDefaultIsThreeRetriesTwentySecondsApart) {
  const DeliveryPolicy policy = http_policy("", "");
  for (std::uint32_t retry = 0; retry < 3; ++retry) EXPECT_EQ(policy.pause(retry), milliseconds(20'000));
  EXPECT_EQ(policy.pause(3), std::nullopt);
}

TEST(DeliveryPolicyTest, PhasesFollowEachOther) {
  const DeliveryPolicy policy = http_policy("", R"({"healthyRetryPolicy":{"minDelayTarget":1,"maxDelayTarget":60,
      "numRetries":9,"numNoDelayRetries":3,"numMinDelayRetries":2,"numMaxDelayRetries":1,"backoffFunction":"linear"}})");
  EXPECT_EQ(policy.pause(2), milliseconds(0));
  EXPECT_EQ(policy.pause(3), milliseconds(1000));
  EXPECT_EQ(policy.pause(5), milliseconds(1000));
  EXPECT_EQ(policy.pause(7), milliseconds(60'000));
  EXPECT_EQ(policy.pause(8), milliseconds(60'000));
  EXPECT_EQ(policy.pause(9), std::nullopt);
}

TEST(DeliveryPolicyTest, AwsEndpointsAreTriedForTwentyThreeDays) {
  const DeliveryPolicy policy = DeliveryPolicy::of_aws_endpoints();
  milliseconds total{0};
  std::uint32_t retries = 0;
  for (; policy.pause(retries); ++retries) total += *policy.pause(retries);
  EXPECT_EQ(retries, 100'015u);
  EXPECT_EQ(total / std::chrono::hours(24), 23);
}

TEST(DeliveryPolicyTest, ATopicCanForbidOverrides) {
  const std::string topic =
      R"({"http":{"defaultHealthyRetryPolicy":{"numRetries":1},"disableSubscriptionOverrides":true}})";
  EXPECT_EQ(http_policy(topic, R"({"healthyRetryPolicy":{"numRetries":7}})").retries, 1);
}

TEST(DeliveryPolicyTest, RefusesWhatIsOutOfRange) {
  EXPECT_TRUE(check_delivery_policy(R"({"healthyRetryPolicy":{"numRetries":100}})", false).ok());
  EXPECT_FALSE(check_delivery_policy(R"({"healthyRetryPolicy":{"numRetries":101}})", false).ok());
  EXPECT_FALSE(check_delivery_policy(R"({"healthyRetryPolicy":{"minDelayTarget":9,"maxDelayTarget":3}})", false).ok());
  EXPECT_FALSE(check_delivery_policy(R"({"healthyRetryPolicy":{"backoffFunction":"cubic"}})", false).ok());
  EXPECT_FALSE(check_delivery_policy(R"({"throttlePolicy":{"maxReceivesPerSecond":0}})", false).ok());
  EXPECT_FALSE(check_delivery_policy("{}", true).ok());
}

}  // namespace
}  // namespace cumulet::sns
