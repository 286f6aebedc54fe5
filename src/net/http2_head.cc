#include "net/http2_head.h"

#include <algorithm>

#include "base/text.h"
#include "net/message_rules.h"

namespace cumulet::net {
namespace {

constexpr std::size_t kFieldOverhead = 32;  // RFC 9113, 6.5.2

}  // namespace

void Http2Head::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kFieldOverhead;
  if (bytes_ > limits_->header_bytes || ++count_ > limits_->header_count) {
    too_large_ = true;
    return;
  }
  if (!name.starts_with(':')) {
    headers_.add(std::string(name), std::string(trim(value)));
  } else if (name == ":method") {
    method_ = value;
  } else if (name == ":path") {
    path_ = value;
  } else if (name == ":authority") {
    authority_ = value;
  }
}

/// The authority is what HTTP/1.1 calls Host. When both are there they must not differ.
Refusal Http2Head::finish_host(Request& request) {
  const std::string* const host = headers_.find("host");
  if (host == nullptr) {
    if (authority_.empty()) return Refusal::kHost;
    request.headers.add("host", authority_);
  } else if (!authority_.empty() && !iequals(authority_, *host)) {
    return Refusal::kHost;
  }
  return read_host(host == nullptr ? authority_ : *host, request.host) ? Refusal::kNone : Refusal::kHost;
}

Refusal Http2Head::finish(Request& request, Framing& framing) {
  if (too_large_) return Refusal::kHeadTooLarge;
  if (!is_token(method_)) return Refusal::kRequestLine;
  // CONNECT has no path; nobody is taken elsewhere through this server.
  if ((!path_.starts_with('/') && path_ != "*") || !all_of_class(path_, kTarget)) return Refusal::kTarget;
  request.headers.reserve(headers_.size() + 1);
  if (const Refusal refusal = finish_host(request); refusal != Refusal::kNone) return refusal;

  std::size_t hosts = 0;
  for (const auto& [name, value] : headers_) {
    if (!is_token(name) || !all_of_class(value, kValue)) return Refusal::kHeaderSyntax;
    if (name == "host" && ++hosts > 1) return Refusal::kHost;
    if (name == "content-length") {
      if (framing.has_length || !read_length(value, framing.content_length)) return Refusal::kFraming;
      framing.has_length = true;
    }
    if (name == "expect") {
      if (!iequals(value, "100-continue")) return Refusal::kExpectation;
      framing.expect_continue = true;
    }
    if (name == "cookie") continue;
    request.headers.add(name, value);
  }
  if (framing.content_length > limits_->body_bytes) return Refusal::kBodyTooLarge;

  // HTTP/2 may split a cookie into fields; the handlers know it as one (RFC 9113, 8.2.3).
  std::string cookies;
  for (const auto& [name, value] : headers_)
    if (name == "cookie") cookies.append(cookies.empty() ? "" : "; ").append(value);
  if (!cookies.empty()) request.headers.add("cookie", std::move(cookies));

  request.method = std::move(method_);
  request.target = std::move(path_);
  const std::size_t question = request.target.find('?');
  request.path.assign(request.target, 0, question);
  if (question != std::string::npos) request.query.assign(request.target, question + 1);
  headers_ = Headers();
  return Refusal::kNone;
}

Http2Frames::Fields http2_fields(const Response& response, std::optional<std::uint64_t> content_length) {
  Http2Frames::Fields fields;
  fields.reserve(response.headers.size() + 3);
  fields.emplace_back(":status", std::to_string(response.status));
  bool has_date = false;
  for (const auto& [name, value] : response.headers) {
    if (!is_token(name) || decided_by_framing(name) || iequals(name, "proxy-connection")) continue;
    std::string lower = to_lower(name);
    if (lower == "date") has_date = true;
    std::string clean(trim(value));
    std::replace_if(clean.begin(), clean.end(), is_control, ' ');
    fields.emplace_back(std::move(lower), std::move(clean));
  }
  if (!has_date) fields.emplace_back("date", current_http_date());
  if (content_length) fields.emplace_back("content-length", std::to_string(*content_length));
  return fields;
}

}  // namespace cumulet::net
