#include "base/clock.h"

#include <gtest/gtest.h>

namespace cumulet {
namespace {

using std::chrono::microseconds;

Timestamp at(std::int64_t seconds, std::int64_t micros = 0) {
  return Timestamp(microseconds(seconds * 1'000'000 + micros));
}

TEST(ClockTest, AManualClockStandsUntilItIsMoved) {
  ManualClock clock(at(100));
  EXPECT_EQ(clock.now(), clock.now());
  clock.advance(std::chrono::milliseconds(1500));
  EXPECT_EQ(clock.now_millis(), 101'500);
  EXPECT_EQ(clock.now_seconds(), 101);
}

TEST(ClockTest, TheSystemClockCanBeMovedAhead) {
  SystemClock clock;
  const Timestamp before = clock.now();
  clock.advance(std::chrono::hours(24));
  EXPECT_GE(clock.now() - before, std::chrono::hours(24));
}

TEST(DateTest, Forms) {
  const Timestamp time = at(1'795'342'830, 123'456);
  EXPECT_EQ(iso8601(time), "2026-11-22T10:20:30Z");
  EXPECT_EQ(iso8601(time, true), "2026-11-22T10:20:30.123Z");
  EXPECT_EQ(iso8601_basic(time), "20261122T102030Z");
  EXPECT_EQ(http_date(time), "Sun, 22 Nov 2026 10:20:30 GMT");
  EXPECT_EQ(iso8601(at(-1)), "1969-12-31T23:59:59Z");
}

TEST(DateTest, WhatIsWrittenIsRead) {
  for (const std::int64_t seconds : {0LL, 951'782'400LL, 1'795'342'830LL, 4'102'444'799LL}) {
    Timestamp read;
    ASSERT_TRUE(parse_iso8601(iso8601(at(seconds)), read));
    EXPECT_EQ(read, at(seconds));
    ASSERT_TRUE(parse_iso8601_basic(iso8601_basic(at(seconds)), read));
    EXPECT_EQ(read, at(seconds));
    ASSERT_TRUE(parse_http_date(http_date(at(seconds)), read));
    EXPECT_EQ(read, at(seconds));
  }
  Timestamp read;
  ASSERT_TRUE(parse_iso8601("2026-11-22T10:20:30.5Z", read));
  EXPECT_EQ(read, at(1'795'342'830, 500'000));
  ASSERT_TRUE(parse_iso8601("2026-11-22T10:20:30.123456789Z", read));
  EXPECT_EQ(read, at(1'795'342'830, 123'456));
}

TEST(DateTest, OtherFormsAreRefusedAndLeaveTheTimeAlone) {
  Timestamp time = at(7);
  for (const char* text :
       {"", "2026-11-22", "2026-11-22T10:20:30", "2026-11-22 10:20:30Z", "2026-02-30T00:00:00Z", "2026-11-22T24:00:00Z",
        "2026-11-22T10:20:60Z", "2026-11-22T10:20:30.Z", "2026-11-22T10:20:30Z ", "+026-11-22T10:20:30Z"})
    EXPECT_FALSE(parse_iso8601(text, time)) << text;
  for (const char* text : {"20261122T102030", "2026-11-22T10:20:30Z", "20261122T10203Z", "20261322T102030Z"})
    EXPECT_FALSE(parse_iso8601_basic(text, time)) << text;
  for (const char* text : {"Mon, 22 Nov 2026 10:20:30 GMT", "Sun, 22 Nov 2026 10:20:30 UTC",
                           "Sunday, 22-Nov-26 10:20:30 GMT", "Sun, 22 nov 2026 10:20:30 GMT", "Sun, 22 Nov 2026"})
    EXPECT_FALSE(parse_http_date(text, time)) << text;
  EXPECT_EQ(time, at(7));
}

}  // namespace
}  // namespace cumulet
