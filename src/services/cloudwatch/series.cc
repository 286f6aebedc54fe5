#include "services/cloudwatch/series.h"

#include <algorithm>
#include <cstring>

#include "base/digest.h"

namespace cumulet::cloudwatch {
namespace {

/// The order is that of the rows in stores: new ones go to the end.
constexpr std::array<std::string_view, 27> kUnits{
    "Seconds",          "Microseconds",     "Milliseconds", "Bytes",           "Kilobytes",        "Megabytes",
    "Gigabytes",        "Terabytes",        "Bits",         "Kilobits",        "Megabits",         "Gigabits",
    "Terabits",         "Percent",          "Count",        "Bytes/Second",    "Kilobytes/Second", "Megabytes/Second",
    "Gigabytes/Second", "Terabytes/Second", "Bits/Second",  "Kilobits/Second", "Megabits/Second",  "Gigabits/Second",
    "Terabits/Second",  "Count/Second",     "None"};

void append(std::string& text, std::string_view part) {
  const std::uint64_t size = part.size();
  text.append(reinterpret_cast<const char*>(&size), sizeof(size));
  text += part;
}

}  // namespace

SeriesHash hash_of(const Series& series) {
  std::string text;
  append(text, series.space);
  append(text, series.name);
  for (const auto& [name, value] : series.dimensions) {
    append(text, name);
    append(text, value);
  }
  const std::string digest = sha256(text);
  SeriesHash hash{};
  std::memcpy(hash.data(), digest.data(), sizeof(hash));
  return hash;
}

std::uint8_t unit_number(std::string_view unit) {
  const auto* found = std::find(kUnits.begin(), kUnits.end(), unit);
  return found == kUnits.end() ? kNoSuchUnit : static_cast<std::uint8_t>(found - kUnits.begin());
}

std::string_view unit_name(std::uint8_t number) { return number < kUnits.size() ? kUnits[number] : "None"; }

}  // namespace cumulet::cloudwatch
