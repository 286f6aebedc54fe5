#include "base/ids.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace cumulet {
namespace {

TEST(IdsTest, UuidsAreVersion4AndDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = uuid();
    ASSERT_EQ(id.size(), 36u);
    EXPECT_EQ(id[8], '-');
    EXPECT_EQ(id[14], '4');
    EXPECT_NE(std::string("89ab").find(id[19]), std::string::npos);
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST(IdsTest, EveryCharacterOfTheAlphabetAppearsAboutEquallyOften) {
  std::map<char, int> count;
  for (const char c : random_text(30'000, "abc")) ++count[c];
  ASSERT_EQ(count.size(), 3u);
  for (const auto& [c, n] : count) EXPECT_NEAR(n, 10'000, 600) << c;
}

TEST(IdsTest, LengthsAreAsAsked) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(1000).size(), 1000u);
  EXPECT_EQ(random_id(10).size(), 10u);
  EXPECT_EQ(random_id(10).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789"), std::string::npos);
}

}  // namespace
}  // namespace cumulet
