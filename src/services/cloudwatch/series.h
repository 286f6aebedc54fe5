#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace cumulet::cloudwatch {

/// A series of one account and region: namespace, name and dimensions together.
struct Series {
  Series() = default;
  Series(std::string s, std::string n, std::map<std::string, std::string> d)
      : space(std::move(s)), name(std::move(n)), dimensions(std::move(d)) {}
  std::string space;  ///< The namespace: "AWS/Lambda".
  std::string name;
  std::map<std::string, std::string> dimensions;
  friend auto operator<=>(const Series&, const Series&) = default;
};

/// What data rows are filed under: 128 bits of a digest over namespace, name and dimensions.
using SeriesHash = std::array<std::uint64_t, 2>;
SeriesHash hash_of(const Series& series);

/// The units in AWS's order; "None" is what a datum without a unit has.
std::uint8_t unit_number(std::string_view unit);  ///< kNoSuchUnit when it is none.
std::string_view unit_name(std::uint8_t number);
inline constexpr std::uint8_t kNoSuchUnit = 255;

}  // namespace cumulet::cloudwatch
