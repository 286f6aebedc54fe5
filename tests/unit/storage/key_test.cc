#include "storage/key.h"

#include <algorithm>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace cumulet::storage {
namespace {

TEST(KeyTest, TextPartsSortAsTheirTexts) {
  const std::vector<std::string> texts{"",
                                       std::string("\0", 1),
                                       std::string("\0\xFF", 2),
                                       "\x01",
                                       "a",
                                       std::string("a\0", 2),
                                       std::string("a\0z", 3),
                                       "a\x01",
                                       "ab",
                                       "b",
                                       "\xFF"};
  std::vector<std::string> keys;
  for (const std::string& text : texts) keys.push_back(Key("s").text(text).text("zzz").bytes());
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_EQ(std::adjacent_find(keys.begin(), keys.end()), keys.end());
}

TEST(KeyTest, NumbersSortAsNumbers) {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::vector<std::string> keys;
  for (const std::int64_t n : {kMin, std::int64_t{-256}, std::int64_t{-1}, std::int64_t{0}, std::int64_t{255}, kMax}) {
    keys.push_back(Key("s").signed_number(n).bytes());
  }
  EXPECT_TRUE(std::is_sorted(keys.begin(), keys.end()));
  EXPECT_LT(Key("s").number(255).bytes(), Key("s").number(256).bytes());
}

TEST(KeyTest, PartsAreReadBack) {
  const std::string key =
      Key("s").text(std::string("a\0b", 3)).number(7).signed_number(-7).text("").raw("rest").bytes();
  KeyReader reader(key);
  EXPECT_EQ(reader.text(), "s");
  EXPECT_EQ(reader.text(), std::string("a\0b", 3));
  EXPECT_EQ(reader.number(), 7u);
  EXPECT_EQ(reader.signed_number(), -7);
  EXPECT_EQ(reader.text(), "");
  EXPECT_EQ(reader.rest(), "rest");
}

TEST(KeyTest, DamagedPartsGiveNothing) {
  EXPECT_EQ(KeyReader("no end").text(), std::nullopt);
  EXPECT_EQ(KeyReader(std::string_view("a\0", 2)).text(), std::nullopt);
  EXPECT_EQ(KeyReader(std::string_view("a\0\x02", 3)).text(), std::nullopt);
  EXPECT_EQ(KeyReader("1234567").number(), std::nullopt);
}

TEST(KeyTest, AfterPrefixIsTheFirstKeyBeyond) {
  EXPECT_EQ(after_prefix("ab"), "ac");
  EXPECT_EQ(after_prefix("a\xFF"), "b");
  EXPECT_EQ(after_prefix("\xFF\xFF"), "");
  EXPECT_EQ(after_prefix(""), "");
}

}  // namespace
}  // namespace cumulet::storage
