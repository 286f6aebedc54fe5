#include "base/text.h"

#include <gtest/gtest.h>

namespace cumulet {
namespace {

TEST(Base64Test, KnownAnswersOfRfc4648) {
  EXPECT_EQ(base64_encode(""), "");
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foo"), "Zm9v");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  EXPECT_EQ(base64_encode("\xff\xfe\xfd"), "//79");
  EXPECT_EQ(base64url_encode("\xff\xfe"), "__4");
}

TEST(Base64Test, EveryLengthAndByteComesBack) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
    EXPECT_EQ(base64url_decode(base64url_encode(bytes)), bytes);
    bytes += static_cast<char>(i);
  }
}

TEST(Base64Test, AnythingButTheExactFormIsRefused) {
  for (const char* text : {"Zg", "Zg=", "Zg===", "====", "=", "Zm9v\n", " Zm9v", "Zm9$", "Z===", "Zg==Zg==", "__79"})
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  EXPECT_EQ(base64_decode("Zh=="), std::nullopt) << "bits after the last byte";
  for (const char* text : {"Zg==", "Z", "//79", "Zh"}) EXPECT_EQ(base64url_decode(text), std::nullopt) << text;
}

TEST(HexTest, BothCasesAreReadAndLowerIsWritten) {
  EXPECT_EQ(hex_encode(std::string("\x00\xab\xff", 3)), "00abff");
  EXPECT_EQ(hex_decode("00ABff"), std::string("\x00\xab\xff", 3));
  for (const char* text : {"a", "0g", "0x", " 0"}) EXPECT_EQ(hex_decode(text), std::nullopt) << text;
}

TEST(UriTest, OnlyUnreservedCharactersStay) {
  EXPECT_EQ(uri_encode("AZaz09-_.~"), "AZaz09-_.~");
  EXPECT_EQ(uri_encode("a b/c+ü"), "a%20b%2Fc%2B%C3%BC");
  EXPECT_EQ(uri_encode("a/b c", true), "a/b%20c");
}

TEST(UriTest, DecodingIsStrictAboutPercentSigns) {
  EXPECT_EQ(uri_decode("a%20b+c"), "a b+c");
  EXPECT_EQ(uri_decode("a+b", true), "a b");
  EXPECT_EQ(uri_decode("%2f%2F"), "//");
  for (const char* text : {"%", "%2", "%2g", "a%", "%%20"}) EXPECT_EQ(uri_decode(text), std::nullopt) << text;
}

TEST(TextTest, CaseIsAsciiOnly) {
  EXPECT_EQ(to_lower("AbÄ"), "abÄ");
  EXPECT_EQ(to_upper("abä1"), "ABä1");
  EXPECT_TRUE(iequals("Content-Type", "content-type"));
  EXPECT_FALSE(iequals("ab", "abc"));
}

TEST(TextTest, TrimSplitJoin) {
  EXPECT_EQ(trim(" \t a b \t"), "a b");
  EXPECT_EQ(trim(" \t"), "");
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(join({"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join({}, ", "), "");
}

TEST(Utf8Test, WellFormedTextIsTaken) {
  for (const char* text :
       {"", "plain ascii, long enough for words", "안녕하세요", "ß€😀", "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf"})
    EXPECT_TRUE(is_utf8(text)) << text;
  EXPECT_EQ(utf8_length("한글 ok 😀"), 7u);
}

TEST(Utf8Test, OverlongSurrogateAndCutSequencesAreRefused) {
  for (const char* text : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "12345678\xff", "\xc3("})
    EXPECT_FALSE(is_utf8(text));
}

TEST(ParseIntTest, WholeDecimalNumbersInRangeOnly) {
  EXPECT_EQ(parse_int("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_int("0042"), 42);
  for (const char* text : {"", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808", "-"})
    EXPECT_EQ(parse_int(text), std::nullopt) << text;
}

TEST(EscapeTest, JsonStringsAndXmlText) {
  EXPECT_EQ(json_escape("a\"b\\c\n\r\t\b\f\x01 한"), "a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001 한");
  EXPECT_EQ(xml_escape("<a href=\"x\">&\r\n\x1f</a>"), "&lt;a href=&quot;x&quot;&gt;&amp;&#xD;\n&#x1F;&lt;/a&gt;");
}

}  // namespace
}  // namespace cumulet
