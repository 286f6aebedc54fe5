#include "images/layer.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/gzip.h"
#include "base/ids.h"
#include "base/text.h"
#include "images/manifest.h"

namespace cumulet::images {
namespace {

namespace fs = std::filesystem;

/// A tar's entry, as POSIX has it. '0' file, '1' hard link, '2' link, '3' device, '5' folder.
std::string entry(const std::string& name, char kind, const std::string& content = "", const std::string& target = "",
                  unsigned mode = 0644) {
  std::string head(512, '\0');
  const auto put = [&head](std::size_t at, const std::string& text) { head.replace(at, text.size(), text); };
  char digits[16];
  put(0, name);
  std::snprintf(digits, sizeof digits, "%07o", mode);
  put(100, digits);
  put(108, "0000001");
  put(116, "0000001");
  std::snprintf(digits, sizeof digits, "%011zo", kind == '0' ? content.size() : 0);
  put(124, digits);
  put(136, "00000000001");
  put(148, "        ");
  head[156] = kind;
  put(157, target);
  put(257, "ustar");
  put(263, "00");
  unsigned sum = 0;
  for (const char c : head) sum += static_cast<unsigned char>(c);
  std::snprintf(digits, sizeof digits, "%06o", sum);
  put(148, digits);
  head[154] = '\0';
  if (kind != '0') return head;
  return head + content + std::string((512 - content.size() % 512) % 512, '\0');
}

class LayerTest : public testing::Test {
 protected:
  LayerTest() { fs::create_directories(root); }
  ~LayerTest() override { fs::remove_all(folder); }

  Result<void> apply(const std::string& entries, LayerBudget limits = LayerBudget(), bool packed = false) {
    const std::string tar = entries + std::string(1024, '\0');
    const std::string bytes = packed ? gzip_compress(tar) : tar;
    const File file(::memfd_create("layer", MFD_CLOEXEC));
    EXPECT_EQ(::write(file.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    Result<Tree> tree = Tree::open(root);
    EXPECT_TRUE(tree.ok());
    Result<std::unique_ptr<LayerStream>> stream = LayerStream::open(file.get());
    limits.free_bytes = 0;
    Result<void> done = apply_layer(**stream, *tree, limits);
    if (done.ok()) {
      EXPECT_EQ((*stream)->digest(), "sha256:" + hex_encode(sha256(tar)));
    }
    return done;
  }
  std::string text(const std::string& path) const {
    std::ifstream in(root / path);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }

  const fs::path folder = fs::temp_directory_path() / ("cumulet-layer-" + random_id(10));
  const fs::path root = folder / "root";
};

TEST_F(LayerTest, FilesAppearWithTheirModesButNoMore) {
  ASSERT_TRUE(apply(entry("a/b", '0', "text", "", 06755) + entry("d", '5', "", "", 0)).ok());
  EXPECT_EQ(text("a/b"), "text");
  struct stat about {};
  ASSERT_EQ(::stat((root / "a/b").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0755u);
  EXPECT_EQ(about.st_mtime, 1);
  ASSERT_EQ(::stat((root / "d").c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 07777, 0700u);
}

TEST_F(LayerTest, PackedLayersAreTheSame) {
  ASSERT_TRUE(apply(entry("a", '0', "text"), LayerBudget(), true).ok());
  EXPECT_EQ(text("a"), "text");
}

TEST_F(LayerTest, WhiteoutsRemoveWhatIsBelow) {
  ASSERT_TRUE(apply(entry("a/b", '0', "1") + entry("a/c", '0', "2") + entry("o/x/y", '0', "3")).ok());
  ASSERT_TRUE(apply(entry("a/.wh.b", '0') + entry("o/x/z", '0', "4") + entry("o/.wh..wh..opq", '0')).ok());
  EXPECT_FALSE(fs::exists(root / "a/b"));
  EXPECT_EQ(text("a/c"), "2");
  EXPECT_FALSE(fs::exists(root / "o/x/y"));
  EXPECT_EQ(text("o/x/z"), "4");
}

TEST_F(LayerTest, LinksAreFollowedInsideOnly) {
  ASSERT_TRUE(apply(entry("etc/x", '0', "inner") + entry("l", '2', "", "/etc") + entry("l/new", '0', "through")).ok());
  EXPECT_EQ(text("etc/new"), "through");
  EXPECT_FALSE(fs::exists("/etc/new"));
  EXPECT_FALSE(apply(entry("up", '2', "", "../../../../../..") +
                     entry("up/" + folder.filename().string(), '1', "", "up/etc/passwd"))
                   .ok());
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST_F(LayerTest, WhatReachesOutsideOrIsNoFileIsRefused) {
  for (const std::string& wrong :
       {entry("../out", '0', "x"), entry("a/../../out", '0', "x"), entry("n", '3'), entry("p", '6'),
        entry("h", '1', "", "../../etc/passwd"), entry("h", '1', "", "missing"), entry("h", '2', "", ""),
        entry(".wh...", '0'), entry(".wh..", '0'), entry(".wh.", '0')}) {
    const Result<void> done = apply(wrong);
    ASSERT_FALSE(done.ok());
    EXPECT_TRUE(done.error().is(kInvalidImage)) << done.error().message();
  }
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST_F(LayerTest, ThingsOfAnotherKindAreReplaced) {
  ASSERT_TRUE(apply(entry("a/b", '0', "1") + entry("f", '0', "2") + entry("l", '2', "", "a")).ok());
  ASSERT_TRUE(apply(entry("a", '0', "file") + entry("f", '5') + entry("f/x", '0', "3") + entry("l", '5')).ok());
  EXPECT_EQ(text("a"), "file");
  EXPECT_EQ(text("f/x"), "3");
  EXPECT_TRUE(fs::is_directory(fs::symlink_status(root / "l")));
  EXPECT_FALSE(apply(entry("a/under", '0', "x")).ok()) << "a file has nothing below it";
}

TEST_F(LayerTest, LimitsHold) {
  LayerBudget few;
  few.entries = 1;
  EXPECT_FALSE(apply(entry("a", '0') + entry("b", '0'), few).ok());
  LayerBudget small;
  small.bytes = 4096;
  const Result<void> done = apply(entry("a", '0', std::string(1 << 20, 'x')), small, true);
  ASSERT_FALSE(done.ok());
  EXPECT_TRUE(done.error().is(kInvalidImage));
  LayerBudget late;
  late.deadline = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  EXPECT_FALSE(apply(entry("a", '0'), late).ok());
}

}  // namespace
}  // namespace cumulet::images
