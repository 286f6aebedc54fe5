#include "services/kinesis/sequence.h"

#include <gtest/gtest.h>

#include "services/kinesis/iterator.h"
#include "services/kinesis/model.h"
#include "services/kinesis/throughput.h"

namespace cumulet::kinesis {
namespace {

constexpr std::string_view kLast = "340282366920938463463374607431768211455";

TEST(HashKeyTest, TextAndNumberAreTheSame) {
  EXPECT_EQ(hash_key_text(0), "0");
  EXPECT_EQ(hash_key_text(kLastHashKey), kLast);
  EXPECT_EQ(parse_hash_key(kLast), kLastHashKey);
  EXPECT_EQ(hash_key_text(*parse_hash_key("170141183460469231731687303715884105728")),
            "170141183460469231731687303715884105728");
}

TEST(HashKeyTest, WhatIsNoHashKeyIsRefused) {
  for (const char* text :
       {"", "-1", "00", "1a", "340282366920938463463374607431768211456", "3402823669209384634633746074317682114550"}) {
    EXPECT_FALSE(parse_hash_key(text)) << text;
  }
}

TEST(HashKeyTest, PartitionKeysFallWhereTheirMd5Says) {
  EXPECT_EQ(hash_key_text(hash_of("")), "281949768489412648962353822266799178366");  // d41d8cd98f00b204e9800998ecf8427e
}

TEST(SequenceNumberTest, OrdersLikePositionsOverAllShards) {
  const std::string early = sequence_number(17, 9);
  const std::string late = sequence_number(18, 0);
  EXPECT_EQ(early.size(), 56U);
  EXPECT_EQ(late.size(), 56U);
  EXPECT_LT(early, late);
  const std::optional<Sequence> read = parse_sequence_number(early);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->position, 17U);
  EXPECT_EQ(read->shard, 9U);
}

TEST(SequenceNumberTest, WhatWasNeverGivenIsRefused) {
  EXPECT_FALSE(parse_sequence_number("0"));
  EXPECT_FALSE(parse_sequence_number(std::string(56, '9')));
  std::string filled = sequence_number(17, 9);
  filled[30] = '1';
  EXPECT_FALSE(parse_sequence_number(filled));
}

TEST(ShardIdTest, HasTwelveDigits) {
  EXPECT_EQ(shard_id(12), "shardId-000000000012");
  EXPECT_EQ(parse_shard_id("shardId-000000000012"), 12U);
  EXPECT_FALSE(parse_shard_id("shardId-"));
  EXPECT_FALSE(parse_shard_id("shardId-x"));
}

TEST(ShardsTest, EqualShardsCoverAllHashKeys) {
  for (const std::uint32_t count : {1U, 2U, 3U, 7U, 500U}) {
    Stream stream;
    stream.shards = equal_shards(count, 1);
    stream.index();
    EXPECT_EQ(stream.open_shards, count);
    EXPECT_TRUE(stream.shards.front().first_hash == 0);
    EXPECT_TRUE(stream.shards.back().last_hash == kLastHashKey);
    for (std::uint32_t i = 0; i < count; ++i) {
      EXPECT_EQ(stream.route(stream.shards[i].first_hash).number, i);
      EXPECT_EQ(stream.route(stream.shards[i].last_hash).number, i);
      if (i > 0) EXPECT_TRUE(stream.shards[i - 1].last_hash + 1 == stream.shards[i].first_hash);
    }
  }
}

TEST(IteratorTest, TextHoldsTheIterator) {
  ShardIterator iterator;
  iterator.account = "123456789012";
  iterator.region = "eu-central-1";
  iterator.stream = std::string(128, 's');
  iterator.stream_id = "abcdefghij0123456789-abc";
  iterator.shard = 7;
  iterator.from = 1234567;
  const std::string text = iterator.text();
  EXPECT_LE(text.size(), 512U);
  const std::optional<ShardIterator> read = parse_iterator(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->stream, iterator.stream);
  EXPECT_EQ(read->from, iterator.from);
  EXPECT_FALSE(parse_iterator("AAAA"));
  EXPECT_FALSE(parse_iterator(text.substr(0, text.size() - 4)));
}

TEST(AllowanceTest, RefillsWithTheClockAndIsNeverMoreThanASecondsWorth) {
  Allowance allowance(10);
  Timestamp now{std::chrono::seconds(1000)};
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(allowance.has(1, now));
    allowance.take(1);
  }
  EXPECT_FALSE(allowance.has(1, now));
  now += std::chrono::milliseconds(100);
  EXPECT_TRUE(allowance.has(1, now));
  EXPECT_FALSE(allowance.has(2, now));
  now += std::chrono::hours(1);
  EXPECT_TRUE(allowance.has(10, now));
  allowance.take(10);
  EXPECT_FALSE(allowance.has(1, now));
}

TEST(AllowanceTest, WhatIsLargerThanItPassesWhenItIsFull) {
  Allowance allowance(10);
  Timestamp now{std::chrono::seconds(1000)};
  ASSERT_TRUE(allowance.has(50, now));
  allowance.take(50);
  now += std::chrono::seconds(4);
  EXPECT_FALSE(allowance.has(1, now));
  now += std::chrono::seconds(1);
  EXPECT_TRUE(allowance.has(10, now));
}

}  // namespace
}  // namespace cumulet::kinesis
