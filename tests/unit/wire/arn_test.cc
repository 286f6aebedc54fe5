#include "wire/arn.h"

#include <gtest/gtest.h>

namespace cumulet::wire {
namespace {

TEST(ArnTest, PartsAndBack) {
  const auto arn = parse_arn("arn:aws:lambda:eu-west-1:123456789012:function:f:3");
  ASSERT_TRUE(arn.has_value());
  EXPECT_EQ(arn->service, "lambda");
  EXPECT_EQ(arn->region, "eu-west-1");
  EXPECT_EQ(arn->account, "123456789012");
  EXPECT_EQ(arn->resource, "function:f:3");
  EXPECT_EQ(arn->resource_type(), "function");
  EXPECT_EQ(arn->resource_id(), "f:3");
  EXPECT_EQ(arn->text(), "arn:aws:lambda:eu-west-1:123456789012:function:f:3");
}

TEST(ArnTest, SomeHaveNoRegionOrAccount) {
  const auto arn = parse_arn("arn:aws:s3:::bucket/key:1");
  ASSERT_TRUE(arn.has_value());
  EXPECT_EQ(arn->resource, "bucket/key:1");
  EXPECT_EQ(make_arn("s3", "", "", "bucket"), "arn:aws:s3:::bucket");
}

TEST(ArnTest, AnythingElseIsNone) {
  for (const char* text :
       {"", "arn", "arn:aws:s3:::", "arn:aws:s3::", "urn:aws:s3:::b", "arn::s3:::b", "arn:aws::::b"}) {
    EXPECT_FALSE(parse_arn(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace cumulet::wire
