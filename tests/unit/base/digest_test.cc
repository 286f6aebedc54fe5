#include "base/digest.h"

#include <gtest/gtest.h>

#include "base/ids.h"
#include "base/text.h"

namespace cumulet {
namespace {

TEST(DigestTest, KnownAnswers) {
  EXPECT_EQ(hex_encode(md5("abc")), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(hex_encode(sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex_encode(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex_encode(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(DigestTest, PiecesGiveTheSameAsTheWhole) {
  Digest digest(DigestKind::kSha256);
  digest.update("a");
  digest.update("");
  digest.update("bc");
  EXPECT_EQ(digest.finish(), sha256("abc"));
}

TEST(HmacTest, KnownAnswersOfRfc4231) {
  EXPECT_EQ(hex_encode(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex_encode(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex_encode(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(EqualConstantTimeTest, SameBytesOnly) {
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_FALSE(equal_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_constant_time("secret", "secre"));
}

TEST(ChecksumTest, KnownAnswers) {
  EXPECT_EQ(crc32(0, "123456789"), 0xcbf43926u);
  EXPECT_EQ(crc32c(0, "123456789"), 0xe3069283u);
  EXPECT_EQ(crc64nvme(0, "123456789"), 0xae8b14860a799888ull);
  EXPECT_EQ(crc32(0, ""), 0u);
  EXPECT_EQ(crc32c(0, ""), 0u);
  EXPECT_EQ(crc64nvme(0, ""), 0u);
}

TEST(ChecksumTest, AnyCutGivesTheSameAsTheWhole) {
  const std::string bytes = random_bytes(1000);
  for (const std::size_t cut : {0, 1, 7, 8, 9, 63, 500, 999, 1000}) {
    const std::string_view head = std::string_view(bytes).substr(0, cut);
    const std::string_view tail = std::string_view(bytes).substr(cut);
    EXPECT_EQ(crc32(crc32(0, head), tail), crc32(0, bytes));
    EXPECT_EQ(crc32c(crc32c(0, head), tail), crc32c(0, bytes));
    EXPECT_EQ(crc64nvme(crc64nvme(0, head), tail), crc64nvme(0, bytes));
  }
}

TEST(ChecksumTest, LongPiecesGiveTheSameAsSingleBytes) {
  const std::string bytes = random_bytes(700);
  for (const std::size_t size : {64, 127, 128, 129, 191, 192, 255, 256, 320, 511, 700}) {
    const std::string_view piece = std::string_view(bytes).substr(0, size);
    std::uint64_t single = 0;
    for (std::size_t i = 0; i < size; ++i) single = crc64nvme(single, piece.substr(i, 1));
    EXPECT_EQ(crc64nvme(0, piece), single) << size;
  }
}

}  // namespace
}  // namespace cumulet
