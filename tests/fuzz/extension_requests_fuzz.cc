#include <cstdint>
#include <cstdlib>
#include <string>

#include "compute/extensions/extensions_api.h"
#include "compute/extensions/telemetry.h"

/// Whatever an extension or the extension host sends: what is accepted keeps to its limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace cumulet::compute;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const bool logs_api : {false, true}) {
    const auto subscription = parse_subscription(text, logs_api);
    if (!subscription.ok()) continue;
    if (subscription->port == 0 || subscription->port == 9001) std::abort();
    if (subscription->max_bytes > 1048576 || subscription->max_items > 10000) std::abort();
    if (subscription->path.find_first_of("\r\n ") != std::string::npos) std::abort();
    if (subscription->types().empty()) std::abort();
  }
  const auto events = parse_registration(text);
  if (events.ok() && events->size() > 10) std::abort();
  const auto ended = parse_ended(text);
  if (ended && (ended->value < 0 || ended->value > 255)) std::abort();
  return 0;
}
