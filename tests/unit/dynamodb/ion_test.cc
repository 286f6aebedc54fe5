#include "services/dynamodb/ion.h"

#include <string>

#include <gtest/gtest.h>

namespace cumulet::dynamodb {
namespace {

Item read(const std::string& record) {
  Result<Item> item = item_of_ion_record(record);
  EXPECT_TRUE(item.ok()) << record << ": " << (item.ok() ? "" : item.error().message());
  return item.ok() ? std::move(*item) : Item();
}

Item every_type() {
  Item item;
  item.emplace("s", AttributeValue::string("say \"hi\"\n\x01 \xC3\xBC \\"));
  item.emplace("n", AttributeValue::number("103"));
  item.emplace("fraction", AttributeValue::number("-0.50"));
  item.emplace("large", AttributeValue::number("1E+100"));
  item.emplace("b", AttributeValue::binary(std::string("\0\xff", 2)));
  item.emplace("yes", AttributeValue::boolean(true));
  item.emplace("nothing", AttributeValue::null());
  item.emplace("ss", AttributeValue::string_set({"a", "b"}));
  item.emplace("ns", AttributeValue::number_set({"1", "2.5"}));
  item.emplace("bs", AttributeValue::binary_set({"x"}));
  item.emplace("l", AttributeValue::list({AttributeValue::string(""), AttributeValue::list({})}));
  AttributeValue::Map inner;
  inner.emplace("it's a name", AttributeValue::boolean(false));
  inner.emplace("null", AttributeValue::number("7"));
  inner.emplace("$10", AttributeValue::map({}));
  item.emplace("m", AttributeValue::map(std::move(inner)));
  return item;
}

TEST(IonTest, RecordIsWrittenAsAwsWritesIt) {
  Item item;
  item.emplace("Authors", AttributeValue::string_set({"Author1", "Author2"}));
  item.emplace("Id", AttributeValue::number("103"));
  item.emplace("Price", AttributeValue::number("2E+3"));
  item.emplace("Title", AttributeValue::string("Book"));
  EXPECT_EQ(ion_record(item),
            "$ion_1_0 {Item:{Authors:$dynamodb_SS::[\"Author1\",\"Author2\"],Id:103.,Price:2d3,"
            "Title:\"Book\"}}");
}

TEST(IonTest, EveryTypeComesBackAsItWas) {
  Item written = every_type();
  Item again = read(ion_record(written));
  ASSERT_TRUE(normalise(written).ok());
  ASSERT_TRUE(normalise(again).ok());
  EXPECT_EQ(again, written);
}

TEST(IonTest, OtherWaysToWriteTheSameAreRead) {
  const Item item = read(
      "$ion_1_0 { /* all */ Item : { 'a b' : '''one ''' '''two''', \"q\":1_000, c: 1.5d-3, d:-7, "
      "e:{{ aG k= }}, f: null.null, g: '$dynamodb_NS' :: [ 1, 2., ], h:\"\\u00fc\\x41\\ud83d\\ude00\", } }");
  EXPECT_EQ(item.at("a b").text(), "one two");
  EXPECT_EQ(item.at("q").text(), "1000");
  EXPECT_EQ(item.at("c").text(), "1.5E-3");
  EXPECT_EQ(item.at("d").text(), "-7");
  EXPECT_EQ(item.at("e").text(), "hi");
  EXPECT_TRUE(item.at("f").is(Type::kNull));
  EXPECT_EQ(item.at("g").set(), (AttributeValue::Set{"1", "2"}));
  EXPECT_EQ(item.at("h").text(),
            "\xC3\xBC"
            "A\xF0\x9F\x98\x80");
}

TEST(IonTest, WhatNoAttributeCanBeIsRefused) {
  const std::string deep = std::string(100, '[') + std::string(100, ']');
  for (const std::string& value : {std::string("1e0"),
                                   std::string("nan"),
                                   std::string("2026-11-22T"),
                                   std::string("symbol"),
                                   std::string("'quoted'"),
                                   std::string("(a b)"),
                                   std::string("{{\"clob\"}}"),
                                   std::string("null.int"),
                                   std::string("$dynamodb_SS::[1]"),
                                   std::string("other::[1]"),
                                   std::string("$dynamodb_SS::\"a\""),
                                   std::string("012"),
                                   std::string("1__0"),
                                   std::string("\"open"),
                                   std::string("\"\\q\""),
                                   std::string("\"\\ud800\""),
                                   std::string("{a:1,a:2}"),
                                   std::string("{{a}}"),
                                   std::string("[1 2]"),
                                   std::string("1d"),
                                   std::string("0x10"),
                                   std::string(""),
                                   deep}) {
    EXPECT_FALSE(item_of_ion_record("{Item:{v:" + value + "}}").ok()) << value;
  }
}

TEST(IonTest, WhatIsNoRecordIsRefused) {
  for (const char* record :
       {"", "$ion_1_0", "{Item:1}", "{Items:{}}", "{Item:{}} more", "[1]", "{Item:{}", "{Item:{a:\"\xff\"}}",
        "{Item:{},Other:1}", "$ion_1_0 $ion_1_0 {Item:{}}", "{Item:{}} /* open"}) {
    EXPECT_FALSE(item_of_ion_record(record).ok()) << record;
  }
}

}  // namespace
}  // namespace cumulet::dynamodb
