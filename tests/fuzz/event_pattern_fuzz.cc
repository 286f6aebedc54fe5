#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "events/event_pattern.h"

// Input: a pattern, a NUL byte, an event. The index must agree with the pattern.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet::events;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = input.find('\0');
  const std::string_view event_json = middle == std::string_view::npos ? std::string_view() : input.substr(middle + 1);
  const cumulet::Result<EventPattern> pattern = EventPattern::parse(input.substr(0, middle));
  const std::optional<EventDocument> event = EventDocument::parse(event_json);
  if (!pattern.ok() || !event) return 0;
  const EventPatternIndex index(std::vector<EventPattern>{*pattern});
  if (index.matches(*event).size() != (pattern->matches(*event) ? 1u : 0u)) std::abort();
  return 0;
}
