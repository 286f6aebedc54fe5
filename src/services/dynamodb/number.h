#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cumulet::dynamodb {

/// DynamoDB's number: a decimal of up to 38 significant digits, exact, of magnitude 1E-130 to 9.99…E+125, or zero.
/// Text that is no number, or one out of these limits, gives ValidationException with DynamoDB's message.
class Number {
 public:
  static constexpr std::size_t kMaxDigits = 38;
  static constexpr int kMaxExponent = 125;
  static constexpr int kMinExponent = -130;

  Number() = default;  ///< Zero.

  static Result<Number> parse(std::string_view text);
  static Number from_integer(std::uint64_t value);

  /// Plain digits without leading or trailing zeros: "-0.001", "100". From 1E+38 on with an exponent, because clients
  /// that count with 38 digits (boto3) refuse longer texts.
  std::string text() const;

  bool is_zero() const { return count_ == 0; }
  Number negated() const;

  /// The exact sum; fails when it cannot be held.
  static Result<Number> add(const Number& a, const Number& b);
  static Result<Number> subtract(const Number& a, const Number& b) { return add(a, b.negated()); }

  /// Negative, zero or positive as a is less than, equal to or greater than b.
  static int compare(const Number& a, const Number& b);

  /// Appends bytes whose order is the numbers' order; no encoding is a prefix of another.
  void append_ordered(std::string& out) const;

  /// What the number counts in an item's size: a byte, one for each two digits around the decimal point, and one for
  /// the minus sign.
  std::size_t stored_size() const;

 private:
  using Digits = std::array<std::uint8_t, kMaxDigits>;

  /// Drops zeros at both ends of `count` digits, the first of which stands for 10^exponent, and checks the limits.
  static Result<Number> normalised(bool negative, int exponent, const std::uint8_t* digits, std::size_t count);
  std::string scientific() const;
  static int compare_magnitude(const Number& a, const Number& b);

  bool negative_ = false;
  std::int16_t exponent_ = 0;  ///< Of the first digit.
  std::uint8_t count_ = 0;     ///< 0 for zero.
  Digits digits_{};
};

}  // namespace cumulet::dynamodb
