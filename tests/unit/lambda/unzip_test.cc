#include "services/lambda/unzip.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/unit/lambda/lambda_fixture.h"

namespace cumulet::lambda {
namespace {

class UnzipTest : public testing::Test {
 protected:
  UnzipTest() { std::filesystem::create_directories(inside); }
  ~UnzipTest() override { std::filesystem::remove_all(folder); }
  std::filesystem::path folder = std::filesystem::temp_directory_path() / ("cumulet-unzip-" + random_id(10));
  std::filesystem::path inside = folder / "inside";
};

TEST_F(UnzipTest, FilesAndFoldersAppearWithTheirModes) {
  ASSERT_TRUE(unzip(make_zip({{"a/b/c.txt", "text"}, {"d/", ""}, {"e", ""}}), inside).ok());
  struct stat info {};
  ASSERT_EQ(::stat((inside / "a/b/c.txt").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0644u);
  EXPECT_EQ(info.st_size, 4);
  ASSERT_TRUE(unzip(make_zip({{"run", "x"}}, 0104700), inside).ok());
  ASSERT_EQ(::stat((inside / "run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0755u);
}

TEST_F(UnzipTest, NothingReachesOutside) {
  for (const char* name : {"../out", "a/../../out", "/etc/out", "a/../b"}) {
    EXPECT_FALSE(unzip(make_zip({{name, "x"}}), inside).ok()) << name;
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_F(UnzipTest, LinksStayInside) {
  constexpr zip_uint32_t kLink = 0120777;
  EXPECT_TRUE(unzip(make_zip({{"a/link", "../b"}}, kLink), inside).ok());
  for (const char* target : {"/etc/passwd", "../../x", "..", "x/../.."}) {
    EXPECT_FALSE(unzip(make_zip({{"link", target}}, kLink), inside).ok()) << target;
  }
  EXPECT_FALSE(unzip(make_zip({{"x", "."}, {"y", "x/.."}}, kLink), inside).ok());
  // Nothing is written through a link.
  EXPECT_FALSE(unzip(make_zip({{"dir", "b"}, {"dir/file", "x"}}, kLink), inside).ok());
}

TEST_F(UnzipTest, DevicesAndPipesAreRefused) {
  for (const zip_uint32_t mode : {0020666u, 0060666u, 0010666u, 0140666u}) {
    EXPECT_FALSE(unzip(make_zip({{"x", ""}}, mode), inside).ok());
  }
}

TEST_F(UnzipTest, BombsStopAtTheLimit) {
  UnzipLimits limits;
  limits.bytes = 1 << 20;
  const std::string bomb = make_zip({{"a", std::string(2 << 20, '\0')}});
  EXPECT_LT(bomb.size(), 10'000u);
  const auto result = unzip(bomb, inside, limits);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().message(), "Unzipped size must be smaller than 1048576 bytes");
  limits.entries = 2;
  EXPECT_FALSE(unzip(make_zip({{"a", ""}, {"b", ""}, {"c", ""}}), inside, limits).ok());
}

TEST_F(UnzipTest, RubbishIsRefused) {
  const std::string good = make_zip({{"a", std::string(1000, 'x')}});
  EXPECT_FALSE(unzip("", inside).ok());
  EXPECT_FALSE(unzip("PK\x05\x06", inside).ok());
  EXPECT_FALSE(unzip(good.substr(0, good.size() / 2), inside).ok());
}

}  // namespace
}  // namespace cumulet::lambda
