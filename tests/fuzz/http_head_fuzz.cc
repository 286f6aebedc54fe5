#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.h"
#include "net/http1_head.h"

// The head parser must give the same answer however the bytes arrive, and whatever it accepts must be unambiguous.

using cumulet::net::Framing;
using cumulet::net::HeadParser;
using cumulet::net::Limits;
using cumulet::net::Refusal;
using cumulet::net::Request;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_accepted(const Request& request, const Framing& framing, const Limits& limits) {
  require(!(framing.chunked && framing.has_length));
  require(framing.content_length <= limits.body_bytes);
  require(!request.method.empty());
  require(request.path == "*" || request.path.starts_with('/') || request.target.starts_with('*'));
  require(request.headers.size() <= limits.header_count);
  require(request.target.find_first_of(" \t\r\n") == std::string::npos);
  std::size_t hosts = 0;
  for (const auto& [name, value] : request.headers) {
    require(!name.empty() && name.find_first_of(" \t\r\n:") == std::string::npos);
    require(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    if (cumulet::iequals(name, "host")) ++hosts;
  }
  require(hosts == 1 || (hosts == 0 && framing.http10));
  (void)request.query_parameters();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Limits limits;
  limits.header_bytes = 2048;
  limits.header_count = 16;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);

  HeadParser whole(limits);
  const HeadParser::Progress progress = whole.scan(bytes);

  HeadParser stepwise(limits);
  HeadParser::Progress stepped = HeadParser::Progress::kMore;
  for (std::size_t seen = 1; seen <= size && stepped == HeadParser::Progress::kMore; ++seen)
    stepped = stepwise.scan(bytes.substr(0, seen));
  require(stepped == progress);
  if (progress == HeadParser::Progress::kRefused) require(stepwise.refusal() == whole.refusal());
  if (progress != HeadParser::Progress::kComplete) return 0;
  require(stepwise.size() == whole.size() && whole.size() <= size);

  Request request;
  Framing framing;
  if (whole.parse(bytes, request, framing) == Refusal::kNone) check_accepted(request, framing, limits);
  return 0;
}
