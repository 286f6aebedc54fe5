#include "services/dynamodb/compression.h"
#include "services/dynamodb/import_records.h"
#include "tests/unit/dynamodb/fixture.h"

namespace cumulet::dynamodb {
namespace {

Table some_table() {
  Table table;
  table.attributes = {{"pk", Type::kString}, {"sk", Type::kNumber}};
  table.keys.hash = KeyAttribute{"pk", Type::kString};
  table.keys.range = KeyAttribute{"sk", Type::kNumber};
  return table;
}

TEST(ImportRecordsTest, LinesAreCutWhereverThePiecesEnd) {
  RecordSplitter splitter(false);
  std::vector<std::string> records;
  for (const char* piece : {"a", "b\r\nc", "\n\nd"}) ASSERT_TRUE(splitter.feed(piece, records));
  EXPECT_EQ(records, (std::vector<std::string>{"ab", "c"}));
  EXPECT_EQ(splitter.rest(), "d");
  EXPECT_EQ(splitter.rest(), std::nullopt);
}

TEST(ImportRecordsTest, QuotedLineEndsBelongToTheField) {
  RecordSplitter splitter(true);
  std::vector<std::string> records;
  ASSERT_TRUE(splitter.feed("a,\"b\nc\"\nd", records));
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(*csv_fields(records[0], ','), (std::vector<std::string>{"a", "b\nc"}));
}

TEST(ImportRecordsTest, FieldsFollowTheirQuotes) {
  EXPECT_EQ(*csv_fields("a;;\"x \"\"y\"\";z\"", ';'), (std::vector<std::string>{"a", "", "x \"y\";z"}));
  EXPECT_EQ(csv_fields("", ',')->size(), 1u);
  EXPECT_FALSE(csv_fields("\"open", ','));
  EXPECT_FALSE(csv_fields("\"a\"b", ','));
}

TEST(ImportRecordsTest, ItemsAreCheckedLikeThoseOfPutItem) {
  const Table table = some_table();
  const std::vector<std::string> header{"pk", "sk", "note"};
  const Result<Item> item = item_of_csv(table, header, {"a", "01.0", "x"});
  ASSERT_TRUE(item.ok());
  EXPECT_EQ(item->at("sk"), n("1"));
  EXPECT_EQ(item->at("note"), s("x"));
  EXPECT_FALSE(item_of_csv(table, header, {"a", "no", "x"}).ok());
  EXPECT_FALSE(item_of_csv(table, header, {"a", "1"}).ok());
  EXPECT_TRUE(item_of_json(table, R"({"Item":{"pk":{"S":"a"},"sk":{"N":"1"}}})").ok());
  EXPECT_FALSE(item_of_json(table, R"({"Item":{"pk":{"S":"a"}}})").ok());
  EXPECT_FALSE(item_of_json(table, R"({"Nothing":1})").ok());
  EXPECT_FALSE(item_of_json(table, "nonsense").ok());
}

TEST(ImportRecordsTest, PackedBytesComeBackInBoundedPieces) {
  const std::string text(1'000'000, 'x');
  const std::string packed = gzip(text);
  const std::unique_ptr<Unpacker> unpacker = make_unpacker("GZIP");
  std::size_t total = 0;
  std::size_t longest = 0;
  const auto take = [&](std::string_view piece) {
    total += piece.size();
    longest = std::max(longest, piece.size());
  };
  ASSERT_TRUE(unpacker->feed(std::string_view(packed).substr(0, 10), take));
  EXPECT_FALSE(unpacker->finish());
  ASSERT_TRUE(unpacker->feed(std::string_view(packed).substr(10), take));
  EXPECT_TRUE(unpacker->finish());
  EXPECT_EQ(total, text.size());
  EXPECT_LE(longest, 65'536u);
  EXPECT_FALSE(make_unpacker("GZIP")->feed("no gzip at all", take));
  EXPECT_FALSE(make_unpacker("ZSTD")->feed("no zstd at all", take));
}

}  // namespace
}  // namespace cumulet::dynamodb
