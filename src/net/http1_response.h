#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/http.h"

namespace cumulet::net {

/// How a response is framed on an HTTP/1.x connection.
struct ResponseFraming {
  bool keep_alive = true;
  bool say_keep_alive = false;  ///< HTTP/1.0 clients want to hear it.
  bool chunked = false;
  std::optional<std::uint64_t> content_length;
};

/// Appends status line and header fields. Fields that the framing decides are left out of the handler's own, names that
/// are no tokens are dropped, and control characters in values become spaces: nobody splits our responses.
void append_response_head(std::string& out, const Response& response, const ResponseFraming& framing);

/// The reason phrase of a status; empty for one nobody has named.
std::string_view reason_phrase(int status);

}  // namespace cumulet::net
