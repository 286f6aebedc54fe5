#include <cstdint>
#include <string_view>

#include "services/cloudwatch/alarm_rule.h"
#include "services/cloudwatch/math.h"
#include "services/cloudwatch/search.h"
#include "services/cloudwatch/statistic.h"

using namespace cumulet::cloudwatch;

/// The parsers of metric math, searches, composite alarms' rules and statistics, and what walks their results.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0: {
      const auto node = parse_math(text);
      std::vector<std::string> names;
      if (node.ok()) collect_names(*node, names);
      break;
    }
    case 1: {
      const auto search = Search::parse(text);
      if (search.ok()) search->matches(Series("AWS/Lambda", "Errors", {{"FunctionName", "a-b"}}));
      break;
    }
    case 2: {
      const auto rule = AlarmRule::parse(text);
      if (rule.ok()) rule->holds([](const std::string& name) { return name; });
      break;
    }
    default: {
      Summary summary;
      summary.add(3);
      if (const auto statistic = Statistic::parse(text)) statistic->of(summary);
    }
  }
  return 0;
}
