#include <gtest/gtest.h>

#include "tests/unit/s3/select_fixture.h"

namespace cumulet::s3::select {
namespace {

/// The same rows must come whatever the pieces are.
void expect_rows(std::string_view sql, std::string_view text, const Settings& settings, std::string_view rows) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::string_view::npos}) {
    EXPECT_EQ(Selecting::run(sql, text, settings, piece), rows) << "in pieces of " << piece;
  }
}

TEST(SelectCsvTest, FieldsAreSplitAndQuotesUndone) {
  expect_rows("SELECT * FROM S3Object", "a,\"b \"\"c\"\"\",\n\n#no\n,\"x\"y,z", Selecting::csv(),
              "a,\"b \"\"c\"\"\",\n,\"\"\"x\"\"y\",z\n");
}

TEST(SelectCsvTest, RecordDelimitersInQuotes) {
  Settings settings = Selecting::csv();
  expect_rows("SELECT _2 FROM S3Object", "a,\"b\nc\"\n", settings, "CSVEscapingRecordDelimiter");
  settings.csv->quoted_record_delimiters = true;
  expect_rows("SELECT _2 FROM S3Object", "a,\"b\nc\",d\ne,f\n", settings, "\"b\nc\"\nf\n");
  expect_rows("SELECT _2 FROM S3Object", "a,\"b\nc", settings, "CSVParsingError");
  expect_rows("SELECT _2, _1 FROM S3Object", "a,\"b\nc\"\r\nd\r\n", settings, "\"b\nc\",a\n,d\n");
}

TEST(SelectCsvTest, DelimitersOfTwoBytes) {
  Settings settings = Selecting::csv();
  settings.csv->record_delimiter = "\r\n";
  settings.csv->field_delimiter = "::";
  settings.csv->quoted_record_delimiters = true;
  expect_rows("SELECT _2, _1 FROM S3Object", "a::b\r\n\"c\r\"::\"d::\"\r\ne::f", settings, "b,a\nd::,\"c\r\"\nf,e\n");
}

TEST(SelectCsvTest, EscapesOfTheirOwn) {
  Settings settings = Selecting::csv();
  settings.csv->escape = '\\';
  expect_rows("SELECT _1 FROM S3Object", "\"a\\\"b\\\\\",c\n", settings, "\"a\"\"b\\\"\n");
}

TEST(SelectCsvTest, HeadersNameColumns) {
  const Settings use = Selecting::csv(CsvInput::Header::kUse);
  expect_rows("SELECT b, S3Object.a, _3 FROM S3Object",
              "\xef\xbb\xbf"
              "a,B\n1,2,3\n",
              use, "2,1,3\n");
  expect_rows("SELECT a FROM S3Object", "a,A\n1,2\n", use, "AmbiguousFieldName");
  expect_rows("SELECT \"A\" FROM S3Object", "a,A\n1,2\n", use, "2\n");
  expect_rows("SELECT x FROM S3Object", "a,A\n1,2\n", use, "MissingHeaders");
  expect_rows("SELECT _1 FROM S3Object", "a,A\n1,2\n", Selecting::csv(CsvInput::Header::kIgnore), "1\n");
  expect_rows("SELECT _0 FROM S3Object", "a\n", Selecting::csv(), "InvalidColumnIndex");
}

TEST(SelectCsvTest, FieldsAreNumbersWhereNumbersAreNeeded) {
  expect_rows("SELECT _1 + 1 FROM S3Object WHERE _1 > 9", "10\n9\nx\n-3\n", Selecting::csv(), "11\n");
  expect_rows("SELECT SUM(_1), AVG(_1), MIN(_1), MAX(_1), COUNT(_2) FROM S3Object", "10\n9,a\n", Selecting::csv(),
              "19,9.5,9,10,1\n");
  expect_rows("SELECT SUM(_1), COUNT(*) FROM S3Object", "", Selecting::csv(), ",0\n");
}

TEST(SelectCsvTest, LimitsEndTheQuery) {
  expect_rows("SELECT _1 FROM S3Object LIMIT 2", "1\n2\n3\n", Selecting::csv(), "1\n2\n");
  expect_rows("SELECT _1 FROM S3Object LIMIT 0", "1\n", Selecting::csv(), "");
  expect_rows("SELECT COUNT(*) FROM S3Object LIMIT 1", "1\n2\n3\n", Selecting::csv(), "3\n");
  EXPECT_EQ(Selecting::run("SELECT * FROM S3Object", std::string((1u << 20) + 1, 'x') + "\n", Selecting::csv()),
            "OverMaxRecordSize");
  EXPECT_EQ(Selecting::run("SELECT _1 || _1 FROM S3Object", std::string(600000, 'x') + "\n", Selecting::csv()),
            "OverMaxRecordSize");
}

TEST(SelectJsonTest, PathsLeadToRecords) {
  const std::string_view text = R"({"Rules":[{"id":"1"},{"expr":"y > x"},{"id":"2"}]}{"created":"June 27"})";
  expect_rows("SELECT id FROM S3Object[*].Rules[*].id", text, Selecting::json(),
              "{\"id\":\"1\"}\n{}\n{\"id\":\"2\"}\n{}\n");
  expect_rows("SELECT id FROM S3Object[*].Rules[*].id WHERE id IS NOT MISSING", text, Selecting::json(),
              "{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
  expect_rows("SELECT _1.id FROM S3Object[*].Rules[*] LIMIT 1", text, Selecting::json(), "{\"id\":\"1\"}\n");
  expect_rows("SELECT d.created FROM S3Object[*] d", text, Selecting::json(), "{}\n{\"created\":\"June 27\"}\n");
  expect_rows("SELECT * FROM S3Object[*][*]", "[1, {\"a\" : [ true ,null]}]", Selecting::json(),
              "{\"_1\":1}\n{\"a\":[true,null]}\n");
}

TEST(SelectJsonTest, TextsAndNumbersComeBackAsTheyAre) {
  expect_rows("SELECT * FROM S3Object", R"({"k\n":"a\u00e9\ud83d\ude00\"","n":1.10,"big":12345678901234567890})",
              Selecting::json(),
              "{\"k\\n\":\"a\xc3\xa9\xf0\x9f\x98\x80\\\"\",\"n\":1.10,\"big\":12345678901234567890}\n");
}

TEST(SelectJsonTest, WrongJsonIsRefused) {
  for (const char* text : {"{\"a\":}", "[1,]", "nul", "{\"a\" 1}", "\"\\x\"", "{a:1}", "1.", "\"open", "-"}) {
    expect_rows("SELECT COUNT(*) FROM S3Object", text, Selecting::json(), "JSONParsingError");
  }
  expect_rows("SELECT COUNT(*) FROM S3Object", std::string(300, '['), Selecting::json(), "JSONParsingError");
}

}  // namespace
}  // namespace cumulet::s3::select
