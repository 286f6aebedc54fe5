#include "services/dynamodb/number.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "services/dynamodb/errors.h"

namespace cumulet::dynamodb {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Error not_numeric(std::string_view text) {
  std::string message = "The parameter cannot be converted to a numeric value";
  if (!text.empty()) message.append(": ").append(text);
  return invalid(std::move(message));
}

/// The exponent after 'e'; far out of range stays out of range.
bool parse_exponent(std::string_view text, long& exponent) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return false;
  long value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = std::min(value * 10 + (c - '0'), 100'000'000L);
  }
  exponent = negative ? -value : value;
  return true;
}

}  // namespace

Result<Number> Number::normalised(bool negative, int exponent, const std::uint8_t* digits, std::size_t count) {
  while (count > 0 && digits[0] == 0) {
    ++digits;
    --count;
    --exponent;
  }
  while (count > 0 && digits[count - 1] == 0) --count;
  if (count == 0) return Number();
  if (exponent > kMaxExponent) {
    return invalid("Number overflow. Attempting to store a number with magnitude larger than supported range");
  }
  if (exponent < kMinExponent) {
    return invalid("Number underflow. Attempting to store a number with magnitude smaller than supported range");
  }
  if (count > kMaxDigits) return invalid("Attempting to store more than 38 significant digits in a Number");
  Number number;
  number.negative_ = negative;
  number.exponent_ = static_cast<std::int16_t>(exponent);
  number.count_ = static_cast<std::uint8_t>(count);
  std::memcpy(number.digits_.data(), digits, count);
  return number;
}

Result<Number> Number::parse(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  // Digits are kept from the first that is not zero; what comes after the 200th only counts when it is not zero.
  constexpr std::size_t kKept = 200;
  std::array<std::uint8_t, kKept> digits;
  std::size_t count = 0;
  long exponent = -1;  // Of the first kept digit.
  bool any = false;
  bool point = false;
  bool too_long = false;
  std::size_t at = 0;
  for (; at < rest.size(); ++at) {
    const char c = rest[at];
    if (c == '.') {
      if (point) return not_numeric(text);
      point = true;
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    if (count == 0 && c == '0') {
      if (point) --exponent;
      continue;
    }
    if (!point) ++exponent;
    if (count < kKept) {
      digits[count++] = static_cast<std::uint8_t>(c - '0');
    } else if (c != '0') {
      too_long = true;
    }
  }
  if (!any) return not_numeric(text);
  if (at < rest.size()) {
    long power = 0;
    if ((rest[at] != 'e' && rest[at] != 'E') || !parse_exponent(rest.substr(at + 1), power)) return not_numeric(text);
    exponent += power;
  }
  if (too_long) count = kKept;
  const int bounded = static_cast<int>(std::clamp(exponent, -1'000'000L, 1'000'000L));
  if (too_long) digits[kKept - 1] = 1;  // Whatever it was: there are too many significant digits.
  return normalised(negative, bounded, digits.data(), count);
}

Number Number::from_integer(std::uint64_t value) { return *parse(std::to_string(value)); }

std::string Number::text() const {
  if (count_ == 0) return "0";
  std::string out;
  out.reserve(static_cast<std::size_t>(count_) + 4);
  if (negative_) out += '-';
  if (exponent_ >= static_cast<int>(kMaxDigits)) return out + scientific();
  const int last = exponent_ - count_ + 1;  // Power of the last digit.
  if (exponent_ < 0) {
    out += "0.";
    out.append(static_cast<std::size_t>(-exponent_ - 1), '0');
  }
  for (int i = 0; i < count_; ++i) {
    if (exponent_ >= 0 && i == exponent_ + 1) out += '.';
    out += static_cast<char>('0' + digits_[static_cast<std::size_t>(i)]);
  }
  if (last > 0) out.append(static_cast<std::size_t>(last), '0');
  return out;
}

std::string Number::scientific() const {
  std::string out(1, static_cast<char>('0' + digits_[0]));
  if (count_ > 1) out += '.';
  for (std::size_t i = 1; i < count_; ++i) out += static_cast<char>('0' + digits_[i]);
  return out + "E+" + std::to_string(exponent_);
}

Number Number::negated() const {
  Number result = *this;
  if (count_ != 0) result.negative_ = !negative_;
  return result;
}

int Number::compare_magnitude(const Number& a, const Number& b) {
  if (a.exponent_ != b.exponent_) return a.exponent_ < b.exponent_ ? -1 : 1;
  const std::size_t common = std::min(a.count_, b.count_);
  const int order = std::memcmp(a.digits_.data(), b.digits_.data(), common);
  if (order != 0) return order < 0 ? -1 : 1;
  return static_cast<int>(a.count_) - static_cast<int>(b.count_);
}

int Number::compare(const Number& a, const Number& b) {
  if (a.is_zero() && b.is_zero()) return 0;
  if (a.is_zero()) return b.negative_ ? 1 : -1;
  if (b.is_zero()) return a.negative_ ? -1 : 1;
  if (a.negative_ != b.negative_) return a.negative_ ? -1 : 1;
  const int order = compare_magnitude(a, b);
  return a.negative_ ? -order : order;
}

Result<Number> Number::add(const Number& a, const Number& b) {
  if (a.is_zero()) return b;
  if (b.is_zero()) return a;
  const bool a_larger = compare_magnitude(a, b) >= 0;
  const Number& large = a_larger ? a : b;
  const Number& small = a_larger ? b : a;
  const int distance = large.exponent_ - small.exponent_;
  // So far apart, the sum always has more digits than fit.
  if (distance > 2 * static_cast<int>(kMaxDigits)) {
    return invalid("Attempting to store more than 38 significant digits in a Number");
  }
  // Columns from one above the larger number's first digit down to the last digit of either.
  constexpr std::size_t kColumns = 1 + 3 * kMaxDigits + 2;
  std::array<int, kColumns> sum{};
  for (std::size_t i = 0; i < large.count_; ++i) sum[1 + i] = large.digits_[i];
  const int sign = large.negative_ == small.negative_ ? 1 : -1;
  for (std::size_t i = 0; i < small.count_; ++i) {
    sum[1 + static_cast<std::size_t>(distance) + i] += sign * small.digits_[i];
  }
  for (std::size_t i = kColumns - 1; i > 0; --i) {
    if (sum[i] > 9) {
      sum[i] -= 10;
      ++sum[i - 1];
    } else if (sum[i] < 0) {
      sum[i] += 10;
      --sum[i - 1];
    }
  }
  std::array<std::uint8_t, kColumns> digits;
  std::transform(sum.begin(), sum.end(), digits.begin(), [](int digit) { return static_cast<std::uint8_t>(digit); });
  return normalised(large.negative_, large.exponent_ + 1, digits.data(), digits.size());
}

// Two bytes of sign and exponent, then two digits a byte plus one, ended by zero; all but the first two bytes are
// complemented for negative numbers.
void Number::append_ordered(std::string& out) const {
  const int bias = count_ == 0 ? 0 : exponent_ - kMinExponent + 1;
  const int head = 0x8000 + (negative_ ? -bias : bias);
  out += static_cast<char>(head >> 8);
  out += static_cast<char>(head & 0xff);
  if (count_ == 0) return;
  const std::uint8_t mask = negative_ ? 0xff : 0x00;
  for (std::size_t i = 0; i < count_; i += 2) {
    const int pair = digits_[i] * 10 + (i + 1 < count_ ? digits_[i + 1] : 0);
    out += static_cast<char>(static_cast<std::uint8_t>(pair + 1) ^ mask);
  }
  out += static_cast<char>(mask);
}

std::size_t Number::stored_size() const {
  if (count_ == 0) return 1;
  const bool split_pair = count_ % 2 == 0 && exponent_ % 2 == 0;
  return 1u + (count_ + 1u) / 2u + (split_pair ? 1u : 0u) + (negative_ ? 1u : 0u);
}

}  // namespace cumulet::dynamodb
