#include "services/lambda/lineage.h"

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "base/text.h"

namespace cumulet::lambda {
namespace {

constexpr std::string_view kField = "Lineage=";
constexpr std::size_t kMostEntries = 16;

}  // namespace

std::string new_trace(Timestamp now) {
  char seconds[9];
  std::snprintf(seconds, sizeof seconds, "%08llx",
                static_cast<unsigned long long>(now.time_since_epoch().count() / 1000000));
  const std::string random = hex_encode(random_bytes(20));
  return "Root=1-" + std::string(seconds) + "-" + random.substr(0, 24) + ";Parent=" + random.substr(24) + ";Sampled=0";
}

Lineage next_hop(const std::string& trace, const std::string& function_arn) {
  Lineage result;
  const std::string own = hex_encode(sha256(function_arn)).substr(0, 8);
  result.hops = 1;
  std::vector<std::string> fields;
  std::vector<std::string> entries;
  for (const std::string_view field : split(trace, ';')) {
    if (!field.starts_with(kField)) {
      if (!field.empty()) fields.emplace_back(field);
      continue;
    }
    for (const std::string_view entry : split(field.substr(kField.size()), '|')) {
      const std::vector<std::string_view> parts = split(entry, ':');
      if (parts.size() != 2) continue;
      if (parts[0] == own) {
        result.hops =
            static_cast<std::uint32_t>(std::clamp<std::int64_t>(parse_int(parts[1]).value_or(0), 0, 1000)) + 1;
      } else {
        entries.emplace_back(entry);
      }
    }
  }
  if (entries.size() >= kMostEntries) entries.erase(entries.begin(), entries.end() - (kMostEntries - 1));
  entries.push_back(own + ":" + std::to_string(result.hops));
  fields.push_back(std::string(kField) + join(entries, "|"));
  result.header = join(fields, ";");
  return result;
}

std::uint32_t hops_of(std::string_view header) {
  const std::size_t field = header.rfind(kField);
  const std::size_t colon = header.rfind(':');  // Its own entry is the last.
  if (field == std::string_view::npos || colon == std::string_view::npos || colon < field) return 0;
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(parse_int(header.substr(colon + 1)).value_or(0), 0, 1001));
}

}  // namespace cumulet::lambda
