#include <cstddef>
#include <cstdint>
#include <string_view>

#include "events/json_text.h"
#include "services/eventbridge/input.h"

// Input: a template (or a path), a NUL byte, an event.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = input.find('\0');
  const std::string_view text = input.substr(0, middle);
  const std::string_view event = middle == std::string_view::npos ? std::string_view() : input.substr(middle + 1);
  const std::optional<std::string> compact = events::compact_json(event);
  if (!compact) return 0;
  const std::optional<events::JsonPath> path = events::JsonPath::parse(text);
  std::map<std::string, std::string> values{{"event", *compact}};
  if (path) values["part"] = path->select(*compact).value_or("null");
  (void)eventbridge::fill_template(text, values);
  return 0;
}
