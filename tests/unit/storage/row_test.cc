#include "storage/row.h"

#include <limits>

#include <gtest/gtest.h>

namespace cumulet::storage {
namespace {

TEST(RowTest, FieldsComeBackAsTheyWereWritten) {
  RowWriter writer;
  writer.number(std::numeric_limits<std::uint64_t>::max()).signed_number(std::numeric_limits<std::int64_t>::min());
  writer.boolean(true).text("").text(std::string("a\0b", 3)).optional_text(std::nullopt).optional_text("x");
  writer.texts({"", "b"}).text_map({{"", ""}, {"k", "v"}});
  const std::string bytes = std::move(writer).bytes();

  RowReader row(bytes);
  EXPECT_EQ(row.number(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(row.signed_number(), std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(row.boolean());
  EXPECT_EQ(row.text(), "");
  EXPECT_EQ(row.text(), std::string("a\0b", 3));
  EXPECT_EQ(row.optional_text(), std::nullopt);
  EXPECT_EQ(row.optional_text(), "x");
  EXPECT_EQ(row.texts(), (std::vector<std::string>{"", "b"}));
  EXPECT_EQ(row.text_map(), (std::map<std::string, std::string>{{"", ""}, {"k", "v"}}));
  EXPECT_TRUE(row.ok());
  EXPECT_TRUE(row.at_end());
}

TEST(RowTest, AFieldThatAnOlderReleaseDidNotWriteIsZero) {
  RowReader row("");
  EXPECT_EQ(row.number(), 0U);
  EXPECT_EQ(row.text(), "");
  EXPECT_EQ(row.count(), 0U);
  EXPECT_TRUE(row.texts().empty());
  EXPECT_TRUE(row.ok());
}

TEST(RowTest, ACountBeyondTheRowIsDamageAndNotALongLoop) {
  const std::string bytes = [] {
    RowWriter writer;
    writer.number(std::numeric_limits<std::uint64_t>::max()).text("left");
    return std::move(writer).bytes();
  }();
  RowReader counted(bytes);
  EXPECT_EQ(counted.count(), 0U);
  EXPECT_FALSE(counted.ok());
  EXPECT_TRUE(counted.at_end());

  RowReader listed(bytes);
  EXPECT_TRUE(listed.texts().empty());
  EXPECT_FALSE(listed.ok());

  RowReader text(bytes);
  EXPECT_EQ(text.text(), "");
  EXPECT_FALSE(text.ok());
}

}  // namespace
}  // namespace cumulet::storage
