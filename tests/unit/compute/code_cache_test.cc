#include "compute/code_cache.h"

#include <fstream>

#include <gtest/gtest.h>

namespace cumulet::compute {
namespace {

using Role = CodeCaches::Role;

class CodeCachesTest : public testing::Test {
 protected:
  CodeCachesTest() { std::filesystem::create_directories(folder_); }
  ~CodeCachesTest() override { std::filesystem::remove_all(folder_); }

  static CodeCaches::Limits limits(std::uint64_t one, std::uint64_t all) {
    CodeCaches::Limits limits;
    limits.one = one;
    limits.all = all;
    return limits;
  }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder_), {}));
  }
  /// A cache of that key, made by an environment that is asked to.
  static bool make(CodeCaches& caches, const std::string& key, const std::string& bytes) {
    const std::shared_ptr<CodeCacheUse> maker = caches.begin(key, true);
    return maker->told() == std::string("make") && caches.keep(key, bytes);
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("cumulet-code-caches-" + std::to_string(::getpid()));
};

TEST_F(CodeCachesTest, OnlyLargeScriptsAreWorthOne) {
  std::filesystem::create_directories(folder_ / "lib");
  std::ofstream(folder_ / "index.js") << "exports.handler = async () => 1;";
  std::ofstream(folder_ / "data.json") << std::string(200'000, ' ');
  EXPECT_FALSE(may_be_worth_a_cache(folder_));
  std::ofstream(folder_ / "lib" / "large.cjs") << std::string(70'000, ' ');
  EXPECT_TRUE(may_be_worth_a_cache(folder_));
  std::filesystem::remove(folder_ / "lib" / "large.cjs");
  EXPECT_FALSE(may_be_worth_a_cache(folder_));
  for (int i = 0; i < 300; ++i) std::ofstream(folder_ / std::to_string(i)) << i;
  EXPECT_TRUE(may_be_worth_a_cache(folder_));
}

TEST_F(CodeCachesTest, IsForItsKeyOnly) {
  CodeCaches caches(folder_);
  EXPECT_TRUE(make(caches, "f:1", "compiled"));
  EXPECT_EQ(caches.load("f:1"), "compiled");
  EXPECT_EQ(caches.load("f:2"), std::nullopt);
  EXPECT_EQ(caches.load("f:1 tenant a"), std::nullopt);
  EXPECT_STREQ(caches.begin("f:1", true)->told(), "use");
  EXPECT_EQ(caches.begin("f:2", false)->told(), nullptr);
}

TEST_F(CodeCachesTest, OneEnvironmentAtATimeMakesIt) {
  CodeCaches caches(folder_);
  std::shared_ptr<CodeCacheUse> first = caches.begin("f", true);
  EXPECT_STREQ(first->told(), "make");
  EXPECT_EQ(caches.begin("f", true)->told(), nullptr);
  first.reset();
  EXPECT_STREQ(caches.begin("f", true)->told(), "make");
}

TEST_F(CodeCachesTest, EnvironmentsAreNotAskedForEver) {
  CodeCaches caches(folder_);
  int asked = 0;
  for (int i = 0; i < 10; ++i) asked += caches.begin("f", true)->told() != nullptr;
  EXPECT_EQ(asked, 3);
}

TEST_F(CodeCachesTest, TheFirstOneStays) {
  CodeCaches caches(folder_);
  EXPECT_TRUE(make(caches, "f", "first"));
  EXPECT_FALSE(caches.keep("f", "second"));
  EXPECT_EQ(caches.load("f"), "first");
  EXPECT_EQ(files(), 1u);
}

TEST_F(CodeCachesTest, NothingComesFromWhoWasNotAsked) {
  CodeCaches caches(folder_);
  EXPECT_FALSE(caches.keep("f", "compiled"));
  EXPECT_EQ(files(), 0u);
}

TEST_F(CodeCachesTest, OneThatIsTooLargeIsNotKept) {
  CodeCaches caches(folder_, limits(8, 100));
  EXPECT_TRUE(make(caches, "small", "12345678"));
  EXPECT_FALSE(make(caches, "large", "123456789"));
  EXPECT_FALSE(make(caches, "empty", ""));
  EXPECT_EQ(caches.load("large"), std::nullopt);
  EXPECT_EQ(files(), 1u);
}

TEST_F(CodeCachesTest, ThoseNotUsedForLongestMakeRoom) {
  CodeCaches caches(folder_, limits(10, 25));
  EXPECT_TRUE(make(caches, "a", "0123456789"));
  EXPECT_TRUE(make(caches, "b", "0123456789"));
  EXPECT_TRUE(caches.load("a"));
  EXPECT_TRUE(make(caches, "c", "0123456789"));
  EXPECT_TRUE(caches.load("a"));
  EXPECT_FALSE(caches.load("b"));
  EXPECT_TRUE(caches.load("c"));
  EXPECT_EQ(files(), 2u);
  EXPECT_TRUE(make(caches, "b", "01234"));
}

TEST_F(CodeCachesTest, WhatIsNotWhatWasWrittenIsRefusedAndGoes) {
  CodeCaches caches(folder_);
  EXPECT_TRUE(make(caches, "f", "compiled"));
  for (const auto& file : std::filesystem::directory_iterator(folder_)) std::ofstream(file.path()) << "Compiled";
  EXPECT_EQ(caches.load("f"), std::nullopt);
  EXPECT_EQ(files(), 0u);
  EXPECT_TRUE(make(caches, "f", "compiled"));
  EXPECT_EQ(caches.load("f"), "compiled");
  for (const auto& file : std::filesystem::directory_iterator(folder_)) std::filesystem::remove(file.path());
  EXPECT_EQ(caches.load("f"), std::nullopt);
}

TEST_F(CodeCachesTest, OneThatTheInterpreterRefusedGoes) {
  CodeCaches caches(folder_);
  EXPECT_TRUE(make(caches, "f", "compiled"));
  caches.drop("f");
  EXPECT_EQ(files(), 0u);
  EXPECT_STREQ(caches.begin("f", true)->told(), "make");
}

TEST_F(CodeCachesTest, RetiringAKeyDropsWhatBeginsWithIt) {
  CodeCaches caches(folder_);
  for (const char* key : {"f:1", "f:1 tenant a", "f:1 egress", "f:10"}) EXPECT_TRUE(make(caches, key, key));
  caches.retire("f:1");
  EXPECT_EQ(caches.load("f:1"), std::nullopt);
  EXPECT_EQ(caches.load("f:1 tenant a"), std::nullopt);
  EXPECT_EQ(caches.load("f:1 egress"), std::nullopt);
  EXPECT_EQ(caches.load("f:10"), "f:10");
  EXPECT_EQ(files(), 1u);
}

TEST_F(CodeCachesTest, OneThatComesAfterItsKeyHasGoneIsNotKept) {
  CodeCaches caches(folder_);
  const std::shared_ptr<CodeCacheUse> maker = caches.begin("f", true);
  caches.retire("f");
  EXPECT_FALSE(caches.keep("f", "compiled"));
  EXPECT_EQ(files(), 0u);
}

}  // namespace
}  // namespace cumulet::compute
