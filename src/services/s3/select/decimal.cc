#include "services/s3/select/decimal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

namespace cumulet::s3::select {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

Decimal::UnsignedWide Decimal::power(int exponent) {
  static const std::array<UnsignedWide, kMaxDigits + 1> kPowers = [] {
    std::array<UnsignedWide, kMaxDigits + 1> powers{1};
    for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
    return powers;
  }();
  return kPowers[static_cast<std::size_t>(exponent)];
}

int Decimal::count(UnsignedWide digits) {
  int n = 0;
  for (; digits != 0; digits /= 10) ++n;
  return n;
}

Decimal::UnsignedWide Decimal::magnitude() const {
  return digits_ < 0 ? static_cast<UnsignedWide>(-digits_) : static_cast<UnsignedWide>(digits_);
}

std::optional<Decimal> Decimal::made(bool negative, UnsignedWide digits, std::int64_t exponent) {
  unsigned last = 0;
  while (digits >= power(kMaxDigits)) {
    last = static_cast<unsigned>(digits % 10);
    digits /= 10;
    ++exponent;
  }
  if (last >= 5 && ++digits == power(kMaxDigits)) {
    digits /= 10;
    ++exponent;
  }
  if (digits == 0) exponent = std::min<std::int64_t>(std::max<std::int64_t>(exponent, -kMaxDigits), 0);
  if (exponent > kMaxExponent || exponent < -kMaxExponent) return std::nullopt;
  Decimal made;
  made.digits_ = negative ? -static_cast<Wide>(digits) : static_cast<Wide>(digits);
  made.exponent_ = static_cast<int>(exponent);
  return made;
}

std::optional<Decimal> Decimal::parse(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  UnsignedWide digits = 0;
  std::int64_t exponent = 0;
  int significant = 0;
  bool any = false;
  bool fraction = false;
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !fraction) {
      fraction = true;
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    if (significant < kMaxDigits) {
      digits = digits * 10 + static_cast<unsigned>(c - '0');
      if (digits != 0) ++significant;
      if (fraction) --exponent;
    } else if (!fraction) {
      ++exponent;
    }
  }
  if (!any) return std::nullopt;
  if (at < text.size()) {
    if (text[at] != 'e' && text[at] != 'E') return std::nullopt;
    ++at;
    if (at < text.size() && text[at] == '+' && at + 1 < text.size() && is_digit(text[at + 1])) ++at;
    int given = 0;
    const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), given);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    exponent += given;
  }
  return made(negative, digits, exponent);
}

std::optional<Decimal> Decimal::from(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  std::array<char, 64> text{};
  const auto written = std::to_chars(text.data(), text.data() + text.size(), value);
  return parse(std::string_view(text.data(), static_cast<std::size_t>(written.ptr - text.data())));
}

std::string Decimal::text() const {
  std::string digits;
  for (UnsignedWide rest = magnitude(); rest != 0; rest /= 10)
    digits += static_cast<char>('0' + static_cast<int>(rest % 10));
  if (digits.empty()) digits = "0";
  std::reverse(digits.begin(), digits.end());
  const std::string sign = digits_ < 0 ? "-" : "";
  const int length = static_cast<int>(digits.size());
  if (exponent_ == 0) return sign + digits;
  if (exponent_ > 0) {
    if (exponent_ + length <= kMaxDigits) return sign + digits + std::string(static_cast<std::size_t>(exponent_), '0');
  } else if (-exponent_ < length) {
    const auto whole = static_cast<std::size_t>(length + exponent_);
    return sign + digits.substr(0, whole) + "." + digits.substr(whole);
  } else if (-exponent_ <= kMaxDigits) {
    return sign + "0." + std::string(static_cast<std::size_t>(-exponent_ - length), '0') + digits;
  }
  std::string out = sign + digits.substr(0, 1);
  if (length > 1) out += "." + digits.substr(1);
  return out + "e" + std::to_string(exponent_ + length - 1);
}

double Decimal::to_double() const {
  const std::string written = text();
  return std::strtod(written.c_str(), nullptr);
}

std::optional<std::int64_t> Decimal::to_integer() const {
  Wide value = digits_;
  if (exponent_ < 0) {
    for (int i = exponent_; i < 0 && value != 0; ++i) value /= 10;
  } else if (value != 0) {
    if (exponent_ > 18) return std::nullopt;
    if (magnitude() > static_cast<UnsignedWide>(std::numeric_limits<std::int64_t>::max()) + 1) return std::nullopt;
    for (int i = 0; i < exponent_; ++i) value *= 10;
  }
  if (value > std::numeric_limits<std::int64_t>::max() || value < std::numeric_limits<std::int64_t>::min()) {
    return std::nullopt;
  }
  return static_cast<std::int64_t>(value);
}

Decimal Decimal::negated() const {
  Decimal other = *this;
  other.digits_ = -digits_;
  return other;
}

void Decimal::align(Decimal& a, Decimal& b) {
  if (a.exponent_ < b.exponent_) return align(b, a);
  const int room = std::max(0, kMaxDigits - count(a.magnitude()));
  const int up = std::min(a.exponent_ - b.exponent_, a.is_zero() ? a.exponent_ - b.exponent_ : room);
  if (!a.is_zero()) a.digits_ *= static_cast<Wide>(power(up));
  a.exponent_ -= up;
  while (b.exponent_ < a.exponent_ && b.digits_ != 0) {
    b.digits_ /= 10;
    ++b.exponent_;
  }
  b.exponent_ = a.exponent_;
}

std::optional<Decimal> Decimal::add(const Decimal& a, const Decimal& b) {
  Decimal left = a;
  Decimal right = b;
  align(left, right);
  const Wide sum = left.digits_ + right.digits_;
  return made(sum < 0, sum < 0 ? static_cast<UnsignedWide>(-sum) : static_cast<UnsignedWide>(sum), left.exponent_);
}

std::optional<Decimal> Decimal::multiply(const Decimal& a, const Decimal& b) {
  // 76 digits, as 32-bit words with the lowest first.
  std::array<std::uint64_t, 8> words{};
  UnsignedWide left = a.magnitude();
  for (std::size_t i = 0; i < 4; ++i, left >>= 32) {
    UnsignedWide right = b.magnitude();
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < 4; ++j, right >>= 32) {
      const std::uint64_t product =
          (static_cast<std::uint64_t>(left) & 0xffffffff) * (static_cast<std::uint64_t>(right) & 0xffffffff);
      const std::uint64_t sum = words[i + j] + (product & 0xffffffff) + carry;
      words[i + j] = sum & 0xffffffff;
      carry = (sum >> 32) + (product >> 32);
    }
    words[i + 4] += carry;
  }
  std::int64_t exponent = static_cast<std::int64_t>(a.exponent_) + b.exponent_;
  const auto too_long = [&words] { return (words[4] | words[5] | words[6] | words[7]) != 0; };
  std::uint64_t last = 0;
  while (too_long()) {
    last = 0;
    for (std::size_t i = words.size(); i-- > 0;) {
      const std::uint64_t here = (last << 32) | words[i];
      words[i] = here / 10;
      last = here % 10;
    }
    ++exponent;
  }
  UnsignedWide digits = 0;
  for (std::size_t i = 4; i-- > 0;) digits = (digits << 32) | words[i];
  if (last >= 5 && digits < power(kMaxDigits)) ++digits;
  return made((a.digits_ < 0) != (b.digits_ < 0), digits, exponent);
}

std::optional<Decimal> Decimal::divide(const Decimal& a, const Decimal& b) {
  if (b.is_zero()) return std::nullopt;
  const UnsignedWide divisor = b.magnitude();
  UnsignedWide quotient = a.magnitude() / divisor;
  UnsignedWide rest = a.magnitude() % divisor;
  std::int64_t exponent = static_cast<std::int64_t>(a.exponent_) - b.exponent_;
  while (rest != 0 && quotient < power(kMaxDigits - 1)) {
    // rest * 10 / divisor, which may be too wide: ten additions modulo the divisor.
    UnsignedWide sum = 0;
    unsigned digit = 0;
    for (int i = 0; i < 10; ++i) {
      if (sum >= divisor - rest) {
        sum -= divisor - rest;
        ++digit;
      } else {
        sum += rest;
      }
    }
    quotient = quotient * 10 + digit;
    rest = sum;
    --exponent;
  }
  if (rest != 0 && rest >= divisor - rest) ++quotient;
  return made((a.digits_ < 0) != (b.digits_ < 0), quotient, exponent);
}

std::optional<Decimal> Decimal::remainder(const Decimal& a, const Decimal& b) {
  if (b.is_zero()) return std::nullopt;
  Decimal left = a;
  Decimal right = b;
  align(left, right);
  if (right.is_zero()) return std::nullopt;
  const UnsignedWide rest = left.magnitude() % right.magnitude();
  return made(left.digits_ < 0, rest, left.exponent_);
}

int Decimal::compare(const Decimal& a, const Decimal& b) {
  const auto sign = [](Wide digits) { return digits < 0 ? -1 : digits > 0 ? 1 : 0; };
  if (sign(a.digits_) != sign(b.digits_)) return sign(a.digits_) < sign(b.digits_) ? -1 : 1;
  if (a.is_zero()) return 0;
  const int left_size = count(a.magnitude()) + a.exponent_;
  const int right_size = count(b.magnitude()) + b.exponent_;
  const int outward = sign(a.digits_);
  if (left_size != right_size) return left_size < right_size ? -outward : outward;
  // As far as the first digits go the sizes are equal, so both fit when they are aligned.
  Decimal left = a;
  Decimal right = b;
  align(left, right);
  return left.digits_ < right.digits_ ? -1 : left.digits_ > right.digits_ ? 1 : 0;
}

}  // namespace cumulet::s3::select
