#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/http1_head.h"
#include "net/http2_frames.h"

/// The heads of HTTP/2's messages: pseudo-header fields to the Request that every handler knows, and a Response to
/// fields.
namespace cumulet::net {

/// Collects the fields of a request as they are decoded. What breaks the rules of HTTP/2 itself (names in upper case,
/// fields of a connection, pseudo-fields repeated or late) has been refused before.
class Http2Head {
 public:
  explicit Http2Head(const Limits& limits) : limits_(&limits) {}

  void add(std::string_view name, std::string_view value);
  /// Takes the fields. kNone when they are a sound request.
  Refusal finish(Request& request, Framing& framing);

 private:
  Refusal finish_host(Request& request);

  const Limits* limits_;
  Headers headers_;
  std::string method_;
  std::string path_;
  std::string authority_;
  std::size_t bytes_ = 0;  ///< As SETTINGS_MAX_HEADER_LIST_SIZE counts them.
  std::size_t count_ = 0;
  bool too_large_ = false;
};

/// Status and fields as they are sent: names in lower case, those that belong to a connection left out.
Http2Frames::Fields http2_fields(const Response& response, std::optional<std::uint64_t> content_length);

}  // namespace cumulet::net
