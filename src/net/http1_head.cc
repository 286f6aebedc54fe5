#include "net/http1_head.h"

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "net/message_rules.h"

namespace cumulet::net {
namespace {

/// What the header fields say about the message; collected while they go by.
struct Seen {
  std::size_t hosts = 0;
  std::size_t lengths = 0;
  std::size_t codings = 0;
  bool close = false;
  bool keep_alive = false;
};

Refusal note_field(std::string_view name, std::string_view value, Seen& seen, Request& request, Framing& framing) {
  switch (name.size()) {
    case 4:
      if (iequals(name, "host")) {
        ++seen.hosts;
        std::string host;
        if (seen.hosts > 1 || !read_host(value, host)) return Refusal::kHost;
        if (request.host.empty()) request.host = std::move(host);  // a target in absolute form has named it already
      }
      break;
    case 6:
      if (iequals(name, "expect")) {
        if (!iequals(value, "100-continue")) return Refusal::kExpectation;
        framing.expect_continue = !framing.http10;
      }
      break;
    case 10:
      if (iequals(name, "connection")) {
        for (const std::string_view option : split(value, ',')) {
          if (iequals(trim(option), "close")) seen.close = true;
          if (iequals(trim(option), "keep-alive")) seen.keep_alive = true;
        }
      }
      break;
    case 14:
      if (iequals(name, "content-length")) {
        if (++seen.lengths > 1 || !read_length(value, framing.content_length)) return Refusal::kFraming;
        framing.has_length = true;
      }
      break;
    case 17:
      if (iequals(name, "transfer-encoding")) {
        if (++seen.codings > 1 || framing.http10 || value.empty()) return Refusal::kFraming;
        if (!iequals(value, "chunked")) return Refusal::kCoding;
        framing.chunked = true;
      }
      break;
    default:
      break;
  }
  return Refusal::kNone;
}

}  // namespace

RefusalText describe(Refusal refusal) {
  switch (refusal) {
    case Refusal::kNone:
      break;
    case Refusal::kRequestLine:
      return {400, "request_line", "The request line is malformed."};
    case Refusal::kTarget:
      return {400, "target", "The request target is malformed."};
    case Refusal::kTargetTooLong:
      return {414, "target_too_long", "The request target is too long."};
    case Refusal::kVersion:
      return {505, "version", "This version of HTTP is not supported here; use HTTP/1.1."};
    case Refusal::kHeaderSyntax:
      return {400, "header_syntax", "A header field is malformed."};
    case Refusal::kHeadTooLarge:
      return {431, "head_too_large", "The header fields are too large or too many."};
    case Refusal::kHost:
      return {400, "host", "The Host header field is missing, repeated or malformed."};
    case Refusal::kFraming:
      return {400, "framing", "The length of the body is ambiguous or malformed."};
    case Refusal::kCoding:
      return {501, "coding", "The only transfer coding supported is chunked."};
    case Refusal::kExpectation:
      return {417, "expectation", "The only expectation supported is 100-continue."};
    case Refusal::kBodyTooLarge:
      return {413, "body_too_large", "The body is too large."};
    case Refusal::kHeadTimeout:
      return {408, "head_timeout", "The request took too long to arrive."};
  }
  return {200, "none", ""};
}

void HeadParser::reset() {
  scanned_ = 0;
  line_start_ = 0;
  line_ends_.clear();
  skipped_ = 0;
  refusal_ = Refusal::kNone;
}

HeadParser::Progress HeadParser::refuse(Refusal refusal) {
  refusal_ = refusal;
  return Progress::kRefused;
}

HeadParser::Progress HeadParser::scan(std::string_view bytes) {
  // What can be no request is refused at its first byte: TLS on a plain port, say.
  if (scanned_ == 0 && !bytes.empty() && bytes.front() != '\r' && !all_of_class(bytes.substr(0, 1), kToken))
    return refuse(Refusal::kRequestLine);
  while (scanned_ < bytes.size()) {
    const void* const found = std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_);
    const std::size_t end = found == nullptr ? bytes.size() : static_cast<const char*>(found) - bytes.data() + 1;
    scanned_ = end;
    if (end > limits_->header_bytes)
      return refuse(line_ends_.empty() ? Refusal::kTargetTooLong : Refusal::kHeadTooLarge);
    if (found == nullptr) return Progress::kMore;

    const std::size_t length = end - line_start_;
    if (length < 2 || bytes[end - 2] != '\r')
      return refuse(line_ends_.empty() ? Refusal::kRequestLine : Refusal::kHeaderSyntax);
    if (length == 2) {
      if (!line_ends_.empty()) return Progress::kComplete;
      if (skipped_ != 0) return refuse(Refusal::kRequestLine);
      skipped_ = end;
    } else {
      if (line_ends_.size() > limits_->header_count) return refuse(Refusal::kHeadTooLarge);
      line_ends_.push_back(static_cast<std::uint32_t>(end - 2));
    }
    line_start_ = end;
  }
  return Progress::kMore;
}

Refusal HeadParser::parse_request_line(std::string_view line, Request& request, Framing& framing) const {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == 0 || first == last || first > 32) return Refusal::kRequestLine;
  const std::string_view method = line.substr(0, first);
  std::string_view target = line.substr(first + 1, last - first - 1);
  const std::string_view version = line.substr(last + 1);
  if (!all_of_class(method, kToken)) return Refusal::kRequestLine;
  if (version == "HTTP/1.0") {
    framing.http10 = true;
  } else if (version != "HTTP/1.1") {
    const bool other = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.';
    return other && version[5] >= '0' && version[5] <= '9' ? Refusal::kVersion : Refusal::kRequestLine;
  }
  if (!all_of_class(target, kTarget)) return Refusal::kTarget;

  if (!target.starts_with('/') && target != "*") {
    std::size_t authority = 0;
    if (target.size() > 7 && iequals(target.substr(0, 7), "http://")) authority = 7;
    if (target.size() > 8 && iequals(target.substr(0, 8), "https://")) authority = 8;
    if (authority == 0) return Refusal::kTarget;
    const std::size_t end = std::min(target.find_first_of("/?", authority), target.size());
    if (!read_host(target.substr(authority, end - authority), request.host) || request.host.empty())
      return Refusal::kTarget;
    target.remove_prefix(end);
  }
  request.method = method;
  request.target = target;
  if (!target.starts_with('/') && target != "*") request.target.insert(0, 1, '/');
  const std::size_t question = request.target.find('?');
  request.path.assign(request.target, 0, question);
  if (question != std::string::npos) request.query.assign(request.target, question + 1);
  return Refusal::kNone;
}

Refusal HeadParser::parse(std::string_view bytes, Request& request, Framing& framing) {
  Refusal refusal = parse_request_line(bytes.substr(skipped_, line_ends_.front() - skipped_), request, framing);
  if (refusal != Refusal::kNone) return refusal;

  Seen seen;
  request.headers.reserve(line_ends_.size() - 1);
  for (std::size_t i = 1; i < line_ends_.size(); ++i) {
    const std::size_t start = line_ends_[i - 1] + 2;
    const std::string_view line = bytes.substr(start, line_ends_[i] - start);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) return Refusal::kHeaderSyntax;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    // A folded line begins with a space, which is no token character either.
    if (!all_of_class(name, kToken) || !all_of_class(value, kValue)) return Refusal::kHeaderSyntax;
    refusal = note_field(name, value, seen, request, framing);
    if (refusal != Refusal::kNone) return refusal;
    request.headers.add(std::string(name), std::string(value));
  }
  if (seen.hosts == 0 && !framing.http10) return Refusal::kHost;
  if (framing.chunked && framing.has_length) return Refusal::kFraming;
  if (framing.content_length > limits_->body_bytes) return Refusal::kBodyTooLarge;
  framing.keep_alive = !seen.close && (!framing.http10 || seen.keep_alive);
  return Refusal::kNone;
}

}  // namespace cumulet::net
