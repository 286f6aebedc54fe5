#include "services/s3/conditions.h"

#include <gtest/gtest.h>

#include "services/s3/copy_source.h"
#include "services/s3/rows.h"

namespace cumulet::s3 {
namespace {

constexpr std::uint64_t kSize = 100;

std::string range_of(const std::string& header, std::uint64_t size = kSize) {
  const Result<std::optional<ByteRange>> range = parse_range(header, size);
  if (!range.ok()) return range.error().code();
  if (!*range) return "all";
  return std::to_string((*range)->first) + "+" + std::to_string((*range)->length);
}

TEST(S3Range, IsTheBytesAskedFor) {
  EXPECT_EQ(range_of("bytes=0-0"), "0+1");
  EXPECT_EQ(range_of("bytes=10-"), "10+90");
  EXPECT_EQ(range_of("bytes=90-1000"), "90+10");
  EXPECT_EQ(range_of("bytes=-7"), "93+7");
  EXPECT_EQ(range_of("bytes=-1000"), "0+100");
}

TEST(S3Range, OutsideFails) {
  EXPECT_EQ(range_of("bytes=100-"), "InvalidRange");
  EXPECT_EQ(range_of("bytes=-0"), "InvalidRange");
  EXPECT_EQ(range_of("bytes=0-5", 0), "InvalidRange");
}

TEST(S3Range, WhatIsNoneIsIgnored) {
  for (const char* header : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-2", "bytes=1-2,4-5", "lines=1-2",
                             "bytes=99999999999999999999-"}) {
    EXPECT_EQ(range_of(header), "all") << header;
  }
}

TEST(S3Conditions, EntityTags) {
  EXPECT_TRUE(etag_matches("*", "a"));
  EXPECT_TRUE(etag_matches("\"a\"", "a"));
  EXPECT_TRUE(etag_matches("\"b\", W/\"a\"", "a"));
  EXPECT_TRUE(etag_matches("a", "a"));
  EXPECT_FALSE(etag_matches("\"ab\"", "a"));
}

TEST(S3CopySource, IsDecoded) {
  const Result<CopySource> source = parse_copy_source("/bucket/a%20b/%2Bc?versionId=null");
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->bucket, "bucket");
  EXPECT_EQ(source->key, "a b/+c");
  for (const char* bad : {"", "/", "bucket", "bucket/", "//key", "bucket/%zz", "bucket/key?versionId=3"}) {
    EXPECT_FALSE(parse_copy_source(bad).ok()) << bad;
  }
}

TEST(S3Rows, ComeBackAndMayBeCutShort) {
  Object object;
  object.key = "key";
  object.size = 7;
  object.modified = -1;
  object.etag = "e";
  object.metadata.user = {{"a", "1"}};
  object.tags = {{"t", ""}};
  object.pieces.emplace_back("blob", 7, "p");
  const std::string bytes = encode(object);
  const Object read = decode_object("key", bytes);
  EXPECT_EQ(read.size, 7u);
  EXPECT_EQ(read.modified, -1);
  EXPECT_EQ(read.metadata.user, object.metadata.user);
  EXPECT_EQ(read.tags, object.tags);
  ASSERT_EQ(read.pieces.size(), 1u);
  EXPECT_EQ(read.pieces[0].blob, "blob");
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_LE(decode_object("key", std::string_view(bytes).substr(0, length)).pieces.size(), 1u);
  }
  // A row from before buckets had settings.
  const Bucket bucket = decode_bucket("name", encode(Bucket()).substr(0, 3));
  EXPECT_TRUE(bucket.policy.empty());
}

}  // namespace
}  // namespace cumulet::s3
