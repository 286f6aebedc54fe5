#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http1_chunked.h"

// The decoder must find the same data and the same end however the bytes arrive; the first byte says how.

using cumulet::net::ChunkedDecoder;

namespace {

struct Decoded {
  std::string data;
  std::size_t consumed = 0;
  ChunkedDecoder::Status last = ChunkedDecoder::Status::kMore;
};

Decoded decode(std::string_view input, std::size_t piece, bool past_decoder) {
  Decoded decoded;
  ChunkedDecoder decoder;
  while (decoded.consumed < input.size()) {
    std::string_view rest = input.substr(decoded.consumed, piece);
    if (past_decoder && decoder.data_ahead() > 0) {
      rest = rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(decoder.data_ahead(), rest.size())));
      decoder.skip_data(rest.size());
      decoded.data.append(rest);
      decoded.consumed += rest.size();
      continue;
    }
    const ChunkedDecoder::Step step = decoder.decode(rest);
    decoded.consumed += step.consumed;
    decoded.data.append(step.data);
    decoded.last = step.status;
    if (step.status == ChunkedDecoder::Status::kDone || step.status == ChunkedDecoder::Status::kBad) break;
  }
  return decoded;
}

bool ended(const Decoded& decoded) {
  return decoded.last == ChunkedDecoder::Status::kDone || decoded.last == ChunkedDecoder::Status::kBad;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = std::size_t{data[0]} + 1;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Decoded whole = decode(input, input.size(), false);
  for (const bool past_decoder : {false, true}) {
    const Decoded parts = decode(input, piece, past_decoder);
    if (parts.data != whole.data || parts.consumed != whole.consumed || ended(parts) != ended(whole)) std::abort();
    if (ended(whole) && parts.last != whole.last) std::abort();
  }
  return 0;
}
