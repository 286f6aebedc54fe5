#include "services/dynamodb/number.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cumulet::dynamodb {
namespace {

std::string normal(const std::string& text) {
  const Result<Number> number = Number::parse(text);
  return number.ok() ? (*number).text() : "error: " + number.error().message();
}

Number number(const std::string& text) { return *Number::parse(text); }

std::string ordered(const std::string& text) {
  std::string out;
  number(text).append_ordered(out);
  return out;
}

TEST(NumberTest, TextIsNormalised) {
  EXPECT_EQ(normal("0"), "0");
  EXPECT_EQ(normal("-0"), "0");
  EXPECT_EQ(normal("000.000"), "0");
  EXPECT_EQ(normal("00012.500"), "12.5");
  EXPECT_EQ(normal("-00.001"), "-0.001");
  EXPECT_EQ(normal("1e2"), "100");
  EXPECT_EQ(normal("1.5E-3"), "0.0015");
  EXPECT_EQ(normal("+7"), "7");
  EXPECT_EQ(normal(".5"), "0.5");
  EXPECT_EQ(normal("5."), "5");
  EXPECT_EQ(normal("123456789.123456789"), "123456789.123456789");
  EXPECT_EQ(normal("0e999999999999"), "0");
}

TEST(NumberTest, WhatIsNoNumberSaysSo) {
  EXPECT_EQ(normal(""), "error: The parameter cannot be converted to a numeric value");
  for (const char* text : {"abc", "1a", "--1", "1e", "1e+", "1.2.3", ".", "-", " 1", "1 ", "0x10", "NaN", "Infinity"}) {
    EXPECT_EQ(normal(text), std::string("error: The parameter cannot be converted to a numeric value: ") + text);
  }
}

TEST(NumberTest, LimitsOfMagnitudeAndPrecision) {
  EXPECT_EQ(normal("9.9999999999999999999999999999999999999E+125"), "9.9999999999999999999999999999999999999E+125");
  EXPECT_EQ(normal("-100e123"), "-1E+125");
  EXPECT_EQ(normal("1e37"), "1" + std::string(37, '0'));
  EXPECT_EQ(normal("1e38"), "1E+38");
  EXPECT_EQ(normal("1E-130"), "0." + std::string(129, '0') + "1");
  EXPECT_EQ(normal("1E+126"),
            "error: Number overflow. Attempting to store a number with magnitude larger than supported range");
  EXPECT_EQ(normal("-1E+126"),
            "error: Number overflow. Attempting to store a number with magnitude larger than supported range");
  EXPECT_EQ(normal("1E-131"),
            "error: Number underflow. Attempting to store a number with magnitude smaller than supported range");
  EXPECT_EQ(normal("1E+99999999999999999999"),
            "error: Number overflow. Attempting to store a number with magnitude larger than supported range");
  EXPECT_EQ(normal(std::string(38, '9')), std::string(38, '9'));
  EXPECT_EQ(normal(std::string(39, '9')), "error: Attempting to store more than 38 significant digits in a Number");
  EXPECT_EQ(normal("1" + std::string(100, '0')), "1E+100");
  EXPECT_EQ(normal("0." + std::string(40, '0') + "1" + std::string(500, '0')), "0." + std::string(40, '0') + "1");
  EXPECT_EQ(normal("0.1" + std::string(500, '0') + "1"),
            "error: Attempting to store more than 38 significant digits in a Number");
}

TEST(NumberTest, AdditionIsExact) {
  const auto sum = [](const char* a, const char* b) {
    const Result<Number> result = Number::add(number(a), number(b));
    return result.ok() ? (*result).text() : "error: " + result.error().message();
  };
  EXPECT_EQ(sum("0.1", "0.2"), "0.3");
  EXPECT_EQ(sum("1", "-1"), "0");
  EXPECT_EQ(sum("999", "1"), "1000");
  EXPECT_EQ(sum("1000", "-1"), "999");
  EXPECT_EQ(sum("-5", "3"), "-2");
  EXPECT_EQ(sum("3", "-5"), "-2");
  EXPECT_EQ(sum("1", "0.0000000000000000000000000000000000001"), "1.0000000000000000000000000000000000001");
  EXPECT_EQ(sum("1E+38", "0.1"), "error: Attempting to store more than 38 significant digits in a Number");
  EXPECT_EQ(sum("1E+125", "-1E+125"), "0");
  EXPECT_EQ(sum("9E+125", "9E+125"),
            "error: Number overflow. Attempting to store a number with magnitude larger than supported range");
  EXPECT_EQ(sum("1E+125", "1E-130"), "error: Attempting to store more than 38 significant digits in a Number");
  EXPECT_EQ(sum("99999999999999999999999999999999999999", "1"), "1E+38");
  EXPECT_EQ((*Number::subtract(number("10"), number("2.5"))).text(), "7.5");
}

TEST(NumberTest, OrderOfEncodingsIsOrderOfNumbers) {
  const std::vector<std::string> ascending = {
      "-9.9E+125", "-1E+125", "-100.1", "-100",    "-99.1", "-99",    "-10",  "-9.5", "-9",    "-1.01",  "-1",
      "-0.5",      "-0.11",   "-0.1",   "-1E-130", "0",     "1E-130", "0.1",  "0.11", "0.5",   "1",      "1.01",
      "1.010001",  "9",       "9.5",    "10",      "11",    "99",     "99.1", "100",  "100.1", "1E+125", "9.9E+125"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      const int expected = i < j ? -1 : i > j ? 1 : 0;
      const int compared = Number::compare(number(ascending[i]), number(ascending[j]));
      EXPECT_EQ(compared < 0 ? -1 : compared > 0 ? 1 : 0, expected) << ascending[i] << " " << ascending[j];
      const int encoded = ordered(ascending[i]).compare(ordered(ascending[j]));
      EXPECT_EQ(encoded < 0 ? -1 : encoded > 0 ? 1 : 0, expected) << ascending[i] << " " << ascending[j];
    }
  }
}

TEST(NumberTest, SizeCountsPairsOfDigits) {
  EXPECT_EQ(number("0").stored_size(), 1u);
  EXPECT_EQ(number("1").stored_size(), 2u);
  EXPECT_EQ(number("12").stored_size(), 2u);
  EXPECT_EQ(number("123").stored_size(), 3u);
  EXPECT_EQ(number("-1").stored_size(), 3u);
  EXPECT_EQ(number("1000000").stored_size(), 2u);
  EXPECT_EQ(number("1.2").stored_size(), 3u);
}

}  // namespace
}  // namespace cumulet::dynamodb
