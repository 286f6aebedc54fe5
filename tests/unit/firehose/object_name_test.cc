#include "services/firehose/object_name.h"

#include <gtest/gtest.h>

namespace cumulet::firehose {
namespace {

Timestamp time_of(const char* text) {
  Timestamp time;
  EXPECT_TRUE(parse_iso8601(text, time));
  return time;
}

TEST(ObjectNameTest, PrefixWithoutExpressionsGetsTheHour) {
  EXPECT_EQ(expand_prefix("logs/", time_of("2026-02-03T04:05:06Z"), ""), "logs/2026/02/03/04/");
  EXPECT_EQ(expand_prefix("", time_of("2026-02-03T04:05:06Z"), ""), "2026/02/03/04/");
}

TEST(ObjectNameTest, ExpressionsAreWorkedOut) {
  const Timestamp time = time_of("2026-02-03T04:05:06Z");
  EXPECT_EQ(expand_prefix("y=!{timestamp:yyyy}/m=!{timestamp:MM}/!{timestamp:dd'T'HH-mm}/", time, ""),
            "y=2026/m=02/03T04-05/");
  EXPECT_EQ(expand_prefix("bad/!{firehose:error-output-type}/", time, "processing-failed"), "bad/processing-failed/");
  EXPECT_EQ(expand_prefix("!{firehose:random-string}", time, "").size(), 11U);
}

TEST(ObjectNameTest, UnknownExpressionsAreRefused) {
  EXPECT_TRUE(check_prefix("plain/", false).ok());
  EXPECT_TRUE(check_prefix("!{timestamp:yyyy/MM/dd}", false).ok());
  EXPECT_FALSE(check_prefix("!{timestamp:EEE}", false).ok());
  EXPECT_FALSE(check_prefix("!{timestamp:yyyy", false).ok());
  EXPECT_FALSE(check_prefix("!{partitionKeyFromQuery:x}", false).ok());
  EXPECT_FALSE(check_prefix("!{firehose:error-output-type}", false).ok());
  EXPECT_TRUE(check_prefix("!{firehose:error-output-type}/", true).ok());
  EXPECT_FALSE(check_prefix("!{timestamp:yyyy}/", true).ok());
}

TEST(ObjectNameTest, SuffixHasStreamVersionAndTime) {
  EXPECT_EQ(object_suffix("clicks", 3, time_of("2026-02-03T04:05:06Z"), "id"), "clicks-3-2026-02-03-04-05-06-id");
}

}  // namespace
}  // namespace cumulet::firehose
