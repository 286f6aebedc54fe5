#include <gtest/gtest.h>

#include "tests/unit/s3/select_fixture.h"

namespace cumulet::s3::select {
namespace {

struct Case {
  const char* expression;
  const char* value;
};

void PrintTo(const Case& example, std::ostream* out) { *out << example.expression; }

class SelectValueTest : public testing::TestWithParam<Case> {};

TEST_P(SelectValueTest, IsWhatTheReferenceSays) {
  EXPECT_EQ(Selecting::value(GetParam().expression), GetParam().value);
}

constexpr Case kOperators[] = {
    {"-3*3", "-9"},
    {"10-3*2", "4"},
    {"13-10/5", "11"},
    {"13-10%5", "13"},
    {"-9223372036854775808", "-9223372036854775808"},
    {"9223372036854775807 + 1", "IntegerOverflow"},
    {"1 / 0", "ExternalEvalException"},
    {"1.10 + 2", "3.10"},
    {"1.0 / 3", "0.33333333333333333333333333333333333333"},
    {"0.1 + 0.2 = 0.3", "true"},
    {"12345678901234567890 * 98765432109876543210", "1.2193263113702179522374638011112635269e39"},
    {"'a' || 'b' || 'c'", "abc"},
    {"'a' + 1", "InvalidDataType"},
    {"1 < 2 AND NOT 2 < 1 OR false", "true"},
    {"NULL OR true", "true"},
    {"NULL AND true", ""},
    {"1 = NULL", ""},
    {"2 BETWEEN 1 AND 3 AND 4 NOT BETWEEN 1 AND 3", "true"},
    {"2 IN (1, 2.0)", "true"},
    {"3 NOT IN (1, 2)", "true"},
    {"3 IN (1, NULL)", ""},
    {"'a' < 'b'", "true"},
    {"'a' < 1", ""},
    {"'a' <> 1", "true"},
    {"NULL IS NULL AND MISSING IS NULL AND NULL IS NOT MISSING", "true"},
    {"'100%' LIKE '1__\\%' ESCAPE '\\'", "true"},
    {"'abcabd' LIKE '%ab_'", "true"},
    {"'abcabd' LIKE 'ab%b%d' AND 'abc' NOT LIKE 'ab'", "true"},
    {"'\xc3\xa9t\xc3\xa9' LIKE '_t_'", "true"},
    {"'a' LIKE 'x' ESCAPE 'xy'", "EvaluatorLikePatternInvalidEscapeSequence"},
    {"1 LIKE 'x'", "LikeInvalidInputs"},
};
INSTANTIATE_TEST_SUITE_P(Operators, SelectValueTest, testing::ValuesIn(kOperators));

constexpr Case kFunctions[] = {
    {"CASE WHEN false THEN 1 WHEN true THEN 2 ELSE 3 END", "2"},
    {"CASE 3 WHEN 1 THEN 'a' WHEN 3 THEN 'c' END", "c"},
    {"COALESCE(NULL, MISSING, 7, 8)", "7"},
    {"NULLIF(1, 1)", ""},
    {"NULLIF(1, 2)", "1"},
    {"CHAR_LENGTH('h\xc3\xa9')", "2"},
    {"CHARACTER_LENGTH('abc')", "3"},
    {"UPPER('aBc') || LOWER('aBc')", "ABCabc"},
    {"SUBSTRING('John' FROM 2)", "ohn"},
    {"SUBSTRING('John' FROM 2 FOR 2)", "oh"},
    {"SUBSTRING('John', -1, 2)", ""},
    {"SUBSTRING('John', 0, 2)", "J"},
    {"SUBSTRING('John', 9223372036854775807, 9223372036854775807)", ""},
    {"'[' || TRIM('  x ') || ']'", "[x]"},
    {"'[' || TRIM(LEADING FROM '  x ') || ']'", "[x ]"},
    {"'[' || TRIM(TRAILING ' ' FROM '  x ') || ']'", "[  x]"},
    {"TRIM(BOTH '12' FROM '1112211foobar22211122')", "foobar"},
    {"CAST('true' AS BOOL)", "true"},
    {"CAST(' 13 ' AS INTEGER)", "13"},
    {"CAST('13.5' AS INT)", "CastFailed"},
    {"CAST(13.9 AS INT)", "13"},
    {"CAST('' AS INT)", "CastFailed"},
    {"CAST(3 AS FLOAT)", "3.0"},
    {"CAST('14.30' AS DECIMAL(10, 2))", "14.30"},
    {"CAST(true AS STRING)", "true"},
    {"CAST('2007-04-05T14:30Z' AS TIMESTAMP)", "2007-04-05T14:30Z"},
    {"CAST(NULL AS INT)", ""},
    {"SIZE(1)", "UnsupportedFunction"},
    {"LOWER(1)", "IncorrectSqlFunctionArgumentType"},
    {"LOWER('a', 'b')", "EvaluatorInvalidArguments"},
};
INSTANTIATE_TEST_SUITE_P(Functions, SelectValueTest, testing::ValuesIn(kFunctions));

constexpr Case kDates[] = {
    {"UTCNOW()", "2026-11-22T10:20:30.000Z"},
    {"DATE_ADD(year, 5, `2010-01-01T`)", "2015-01-01"},
    {"DATE_ADD(month, 1, `2010T`)", "2010-02T"},
    {"DATE_ADD(month, 13, `2010T`)", "2011-02T"},
    {"DATE_ADD(month, 1, `2024-01-31`)", "2024-02-29"},
    {"DATE_ADD(day, -1, `2017-01-10T`)", "2017-01-09"},
    {"DATE_ADD(hour, 1, `2017T`)", "2017-01-01T01:00-00:00"},
    {"DATE_ADD(second, 1, `2017-01-02T03:04:05.006Z`)", "2017-01-02T03:04:06.006Z"},
    {"DATE_ADD(year, 9223372036854775807, `2017T`)", "IntegerOverflow"},
    {"DATE_DIFF(year, `2010-01-01T`, `2011-01-01T`)", "1"},
    {"DATE_DIFF(month, `2011T`, `2010T`)", "-12"},
    {"DATE_DIFF(month, `2010T`, `2010-05T`)", "4"},
    {"DATE_DIFF(day, `2010-01-01T23:00Z`, `2010-01-02T01:00Z`)", "0"},
    {"EXTRACT(MONTH FROM `2010T`)", "1"},
    {"EXTRACT(HOUR FROM `2017-01-02T03:04:05+07:08`)", "3"},
    {"EXTRACT(TIMEZONE_MINUTE FROM `2017-01-02T03:04:05+07:08`)", "8"},
    {"TO_STRING(`1969-07-20T20:18Z`, 'MMMM d, y h:m a')", "\"July 20, 1969 8:18 PM\""},
    {"TO_STRING(`1969-07-20T20:18Z`, 'M-d-yy')", "7-20-69"},
    {"TO_STRING(`1969-07-20T20:18Z`, 'y-MM-dd''T''H:m:ssX')", "1969-07-20T20:18:00Z"},
    {"TO_STRING(`1969-07-20T20:18+08:00`, 'y-MM-dd''T''H:m:ssXXXX')", "1969-07-20T20:18:00+0800"},
    {"TO_STRING(`1969-07-20T20:18+08:00`, 'y-MM-dd''T''H:m:ssXXXXX')", "1969-07-20T20:18:00+08:00"},
    {"TO_STRING(`1969T`, 'q')", "EvaluatorInvalidTimestampFormatPatternSymbol"},
    {"TO_TIMESTAMP('2007-02-23T12:14:33.079-08:00')", "2007-02-23T12:14:33.079-08:00"},
    {"TO_TIMESTAMP('2007-02-30')", "ValueParseFailure"},
    {"TO_TIMESTAMP('July 20, 1969 8:18 PM', 'MMMM d, y h:m a')", "1969-07-20T20:18-00:00"},
    {"TO_TIMESTAMP('8', 'h')", "EvaluatorTimestampFormatPatternHourClockAmPmMismatch"},
    {"`2007T` < `2007-02T`", "true"},
    {"`2007-01-01T01:00+01:00` = `2007-01-01T00:00Z`", "true"},
    {"EXTRACT(century FROM `2010T`)", "ParseExpectedDatePart"},
};
INSTANTIATE_TEST_SUITE_P(Dates, SelectValueTest, testing::ValuesIn(kDates));

TEST(SelectParserTest, SaysWhatIsWrong) {
  const auto code = [](std::string_view sql) {
    const Result<Statement> statement = parse_statement(sql);
    return statement.ok() ? std::string("fine") : statement.error().code();
  };
  EXPECT_EQ(code("SELECT * FROM S3Object[*].a[0]['b'].* AS x WHERE x.\"y\" = 1 LIMIT 5;"), "fine");
  EXPECT_EQ(code("SELECT a.* FROM S3Object a"), "fine");
  EXPECT_EQ(code("SELECT FROM S3Object"), "ParseEmptySelect");
  EXPECT_EQ(code("SELECT *, a FROM S3Object"), "ParseAsteriskIsNotAloneInSelectList");
  EXPECT_EQ(code("SELECT b.* FROM S3Object a"), "EvaluatorBindingDoesNotExist");
  EXPECT_EQ(code("SELECT a FROM S3Object.path"), "InvalidKeyPath");
  EXPECT_EQ(code("SELECT a FROM S3Object, S3Object"), "MultipleDataSourcesUnsupported");
  EXPECT_EQ(code("SELECT a FROM S3Object s JOIN S3Object t"), "ParseMalformedJoin");
  EXPECT_EQ(code("SELECT a FROM S3Object GROUP BY a"), "ParseUnsupportedLiteralsGroupBy");
  EXPECT_EQ(code("SELECT a FROM S3Object ORDER BY a"), "ParseUnsupportedSyntax");
  EXPECT_EQ(code("SELECT s.cast FROM S3Object s"), "ParseUnExpectedKeyword");
  EXPECT_EQ(code("SELECT SUM(*) FROM S3Object"), "ParseUnsupportedCallWithStar");
  EXPECT_EQ(code("SELECT MIN(a, b) FROM S3Object"), "ParseNonUnaryAgregateFunctionCall");
  EXPECT_EQ(code("SELECT a FROM S3Object WHERE COUNT(*) > 1"), "UnsupportedSqlStructure");
  EXPECT_EQ(code("SELECT a FROM S3Object LIMIT -1"), "EvaluatorNegativeLimit");
  EXPECT_EQ(code("SELECT a FROM S3Object LIMIT x"), "ParseExpectedNumber");
  EXPECT_EQ(code("SELECT CAST(a AS THING) FROM S3Object"), "ParseExpectedTypeName");
  EXPECT_EQ(code("SELECT CAST a FROM S3Object"), "ParseExpectedLeftParenAfterCast");
  EXPECT_EQ(code("SELECT CASE a END FROM S3Object"), "ParseExpectedWhenClause");
  EXPECT_EQ(code("SELECT 'a FROM S3Object"), "LexerInvalidLiteral");
}

TEST(SelectParserTest, DeepExpressionsAreRefusedAndLongOnesAreNot) {
  const auto repeated = [](const char* text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) out += text;
    return out;
  };
  const std::string from = " FROM S3Object";
  EXPECT_EQ(parse_statement("SELECT " + repeated("(", 10000) + from).error().code(), "MaxOperatorsExceeded");
  EXPECT_EQ(parse_statement("SELECT " + repeated("-", 10001) + "1" + from).error().code(), "ParseEmptySelect");
  EXPECT_EQ(parse_statement("SELECT " + repeated("- ", 10000) + "1" + from).error().code(), "MaxOperatorsExceeded");
  EXPECT_EQ(parse_statement("SELECT 1" + repeated("+1", 10000) + from).error().code(), "MaxOperatorsExceeded");
  EXPECT_TRUE(parse_statement("SELECT 1" + from + " WHERE a = 1" + repeated(" OR a = 2", 10000)).ok());
}

}  // namespace
}  // namespace cumulet::s3::select
