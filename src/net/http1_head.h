#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/http.h"
#include "net/server.h"

/// The head of an HTTP/1.x request: request line and header fields, read strictly (RFC 9112). Whatever two parsers
/// could understand differently is refused, because that difference is what request smuggling lives on.
namespace cumulet::net {

/// Why a request was refused on this floor.
enum class Refusal : std::uint8_t {
  kNone,
  kRequestLine,    ///< 400
  kTarget,         ///< 400
  kTargetTooLong,  ///< 414
  kVersion,        ///< 505
  kHeaderSyntax,   ///< 400: obs-fold, bare CR or LF, control characters, space before the colon
  kHeadTooLarge,   ///< 431
  kHost,           ///< 400: missing, several, malformed
  kFraming,        ///< 400: Content-Length and Transfer-Encoding together, several lengths, not a number
  kCoding,         ///< 501: a transfer coding other than chunked
  kExpectation,    ///< 417
  kBodyTooLarge,   ///< 413
  kHeadTimeout,    ///< 408
};

/// The status that a refusal is answered with, its name in the metrics, and the sentence for people.
struct RefusalText {
  int status;
  std::string_view name;
  std::string_view sentence;
};
RefusalText describe(Refusal refusal);

/// What a head says, beside what goes into the Request.
struct Framing {
  std::uint64_t content_length = 0;
  bool has_length = false;
  bool chunked = false;
  bool keep_alive = true;
  bool expect_continue = false;
  bool http10 = false;
};

/// Finds the end of a head in bytes that arrive piece by piece, and then parses it.
class HeadParser {
 public:
  explicit HeadParser(const Limits& limits) : limits_(&limits) {}

  enum class Progress : std::uint8_t { kMore, kComplete, kRefused };

  /// Looks at everything received since the head began; `bytes` only grows between calls. Complete when the empty line
  /// is there: size() then says where the body begins.
  Progress scan(std::string_view bytes);
  std::size_t size() const { return scanned_; }
  Refusal refusal() const { return refusal_; }

  /// Takes a complete head apart. kNone when it is sound.
  Refusal parse(std::string_view bytes, Request& request, Framing& framing);

  void time_out() { refusal_ = Refusal::kHeadTimeout; }
  void reset();

 private:
  Progress refuse(Refusal refusal);
  Refusal parse_request_line(std::string_view line, Request& request, Framing& framing) const;

  const Limits* limits_;
  std::size_t scanned_ = 0;
  std::size_t line_start_ = 0;
  std::vector<std::uint32_t> line_ends_;  ///< Where each line's CR stands; the first is the request line's.
  std::size_t skipped_ = 0;               ///< An empty line before the request line, which old clients send.
  Refusal refusal_ = Refusal::kNone;
};

}  // namespace cumulet::net
