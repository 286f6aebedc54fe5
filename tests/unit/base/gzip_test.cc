#include "base/gzip.h"

#include <gtest/gtest.h>

namespace cumulet {
namespace {

TEST(GzipTest, BytesComeBack) {
  for (const std::string& text : {std::string(), std::string("abc"), std::string(1'000'000, 'x')}) {
    EXPECT_EQ(gzip_decompress(gzip_compress(text), 1'000'000), text);
  }
}

TEST(GzipTest, RefusesBombsAndDamage) {
  const std::string packed = gzip_compress(std::string(1'000'000, 'x'));
  EXPECT_FALSE(gzip_decompress(packed, 999'999));
  EXPECT_FALSE(gzip_decompress(packed.substr(0, packed.size() - 1), 2'000'000));
  EXPECT_FALSE(gzip_decompress(packed + "x", 2'000'000));
  EXPECT_FALSE(gzip_decompress("plain", 100));
}

}  // namespace
}  // namespace cumulet
