#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "events/schedule_expression.h"

// An expression's next time is never before the time that was asked with. The input may also be a time zone's file.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Timestamp now(std::chrono::hours(24 * 20'000));
  const auto parsed_zone = events::TimeZone::parse(text);
  const auto zone = parsed_zone ? parsed_zone : events::TimeZone::find("UTC");
  for (const std::string_view expression : {text, std::string_view("cron(30 2 * * ? *)")}) {
    const auto parsed = events::ScheduleExpression::parse(expression, true);
    if (!parsed) continue;
    const auto next = parsed->next(now, now, *zone);
    if (next && *next <= now) std::abort();
  }
  return 0;
}
