#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cumulet::s3::select {

/// A base-10 number of at most 38 significant digits: digits * 10^exponent. What an operation gives beyond that is
/// rounded; nullopt when the exponent leaves its range.
class Decimal {
 public:
  static constexpr int kMaxDigits = 38;
  static constexpr int kMaxExponent = 6144;

  constexpr Decimal() = default;
  constexpr explicit Decimal(std::int64_t value) : digits_(value) {}

  /// The whole text: sign, digits, fraction, exponent.
  static std::optional<Decimal> parse(std::string_view text);
  static std::optional<Decimal> from(double value);

  std::string text() const;
  double to_double() const;
  /// Without its fraction; nullopt when it is none of 64 bits.
  std::optional<std::int64_t> to_integer() const;
  bool is_zero() const { return digits_ == 0; }
  Decimal negated() const;

  static std::optional<Decimal> add(const Decimal& a, const Decimal& b);
  static std::optional<Decimal> multiply(const Decimal& a, const Decimal& b);
  /// Nullopt also for a divisor of zero.
  static std::optional<Decimal> divide(const Decimal& a, const Decimal& b);
  /// What is left of a division without fraction; has the sign of `a`.
  static std::optional<Decimal> remainder(const Decimal& a, const Decimal& b);
  static int compare(const Decimal& a, const Decimal& b);

 private:
  __extension__ typedef __int128 Wide;
  __extension__ typedef unsigned __int128 UnsignedWide;

  static std::optional<Decimal> made(bool negative, UnsignedWide digits, std::int64_t exponent);
  static UnsignedWide power(int exponent);
  static int count(UnsignedWide digits);
  UnsignedWide magnitude() const;
  /// Both with the smaller exponent, as far as 38 digits allow.
  static void align(Decimal& a, Decimal& b);

  Wide digits_ = 0;
  int exponent_ = 0;
};

}  // namespace cumulet::s3::select
