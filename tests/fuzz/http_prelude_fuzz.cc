#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "services/lambda/http_prelude.h"

/// Whatever a function streams, and in whatever pieces: the same prelude is found, and nothing of the body is lost.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using cumulet::lambda::HttpPrelude;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  HttpPrelude whole;
  const HttpPrelude::Progress expected = whole.take(text);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}}) {
    HttpPrelude pieces;
    HttpPrelude::Progress progress = HttpPrelude::Progress::kMore;
    std::size_t at = 0;
    while (at < size && progress == HttpPrelude::Progress::kMore) {
      progress = pieces.take(text.substr(at, step));
      at += step;
    }
    if (progress != expected) std::abort();
    if (progress != HttpPrelude::Progress::kWhole) continue;
    if (pieces.response().status != whole.response().status) std::abort();
    if (pieces.rest() + std::string(at < size ? text.substr(at) : "") != whole.rest()) std::abort();
    if (whole.response().status < 200 || whole.response().status > 599) std::abort();
  }
  return 0;
}
