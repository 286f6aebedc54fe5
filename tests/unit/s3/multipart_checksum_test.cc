#include "services/s3/multipart_checksum.h"

#include <gtest/gtest.h>

namespace cumulet::s3 {
namespace {

std::string checksum_of(wire::ChecksumKind kind, const std::string& bytes) {
  wire::Checksum checksum(kind);
  checksum.update(bytes);
  return checksum.finish();
}

TEST(JoinedCrc, IsThatOfTheWhole) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>(i * 7 + i / 256);
  for (const auto kind : {wire::ChecksumKind::kCrc32, wire::ChecksumKind::kCrc32c, wire::ChecksumKind::kCrc64Nvme}) {
    for (const std::size_t cut : {0u, 1u, 2500u, 4999u, 5000u}) {
      const std::string first = checksum_of(kind, text.substr(0, cut));
      const std::string second = checksum_of(kind, text.substr(cut));
      EXPECT_EQ(joined_crc(kind, first, second, text.size() - cut), checksum_of(kind, text));
    }
  }
}

TEST(UploadChecksumType, FollowsTheAlgorithm) {
  EXPECT_EQ(*upload_checksum_type(wire::ChecksumKind::kSha256, std::nullopt), "COMPOSITE");
  EXPECT_EQ(*upload_checksum_type(wire::ChecksumKind::kCrc32, "FULL_OBJECT"), "FULL_OBJECT");
  EXPECT_EQ(*upload_checksum_type(wire::ChecksumKind::kCrc64Nvme, std::nullopt), "FULL_OBJECT");
  EXPECT_FALSE(upload_checksum_type(wire::ChecksumKind::kSha1, "FULL_OBJECT").ok());
  EXPECT_FALSE(upload_checksum_type(wire::ChecksumKind::kCrc64Nvme, "COMPOSITE").ok());
}

TEST(UploadChecksum, NeedsThatOfEachPart) {
  Upload upload;
  upload.checksum_algorithm = "CRC32";
  upload.checksum_type = "FULL_OBJECT";
  std::vector<Piece> pieces(2);
  pieces[0].checksum = checksum_of(wire::ChecksumKind::kCrc32, "abc");
  EXPECT_EQ(upload_checksum(upload, pieces).value, "");
  pieces[1].checksum = checksum_of(wire::ChecksumKind::kCrc32, "defg");
  pieces[1].size = 4;
  EXPECT_EQ(upload_checksum(upload, pieces).value, checksum_of(wire::ChecksumKind::kCrc32, "abcdefg"));
}

}  // namespace
}  // namespace cumulet::s3
